// Plain Socket.IO over the stock @socket.io/bun-engine.

import { createRequire } from 'node:module';
import { Server as Engine } from '@socket.io/bun-engine';
import { byHand } from './by-hand.mjs';
import { host, path, settings } from './host.mjs';

const { Server } = createRequire(new URL('../../package.json', import.meta.url))('socket.io');

await host(async () => {
  const engine = new Engine({ path: `${path}/` });
  const io = new Server({ path, ...settings.serverOptions }).bind(engine);
  const app = byHand(io);
  return { ...app, port: Bun.serve({ port: 0, hostname: '127.0.0.1', ...engine.handler() }).port };
});
