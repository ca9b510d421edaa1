// Plain Socket.IO on Node.js, alone or, with `redis`, with @socket.io/redis-adapter. Both come from Roomgate's own
// installation.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { byHand } from './by-hand.mjs';
import { host, listening, path, settings } from './host.mjs';

const require = createRequire(new URL('../../package.json', import.meta.url));
const { Server } = require('socket.io');

function redisAdapter() {
  const { createAdapter } = require('@socket.io/redis-adapter');
  const { Redis } = require('ioredis');
  const publisher = new Redis(settings.redis, '127.0.0.1');
  return createAdapter(publisher, publisher.duplicate());
}

await host(async () => {
  const server = createServer();
  const adapter = settings.redis ? { adapter: redisAdapter() } : {};
  const io = new Server(server, { path, serveClient: false, ...adapter, ...settings.serverOptions });
  return { ...byHand(io), port: await listening(server) };
});
