// @venizia/ignis-helpers as in its documentation, with default logging. It does not start without Redis.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticateFn, defaultRooms, host, listening, path, settings, TOPIC } from './host.mjs';

// By default it writes its log files into the working directory.
const logs = mkdtempSync(join(tmpdir(), 'roomgate-bench-'));
process.env.APP_ENV_LOGGER_FOLDER_PATH = logs;
process.on('exit', () => rmSync(logs, { recursive: true, force: true }));
const { RedisHelper } = await import('@venizia/ignis-helpers');
const { SocketIOServerHelper } = await import('@venizia/ignis-helpers/socket-io');

await host(async () => {
  const server = createServer();
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    server,
    identifier: `bench-${process.pid}`,
    serverOptions: { path, serveClient: false, ...settings.serverOptions },
    redisConnection: new RedisHelper({ name: 'bench', host: '127.0.0.1', port: settings.redis, password: '' }),
    pingInterval: settings.pingInterval,
    authenticateFn,
    validateRoomFn: ({ rooms }) => rooms,
    clientConnectedFn: async ({ socket }) => {
      socket.on('say', (data) => helper.send({ destination: defaultRooms[0], payload: { topic: TOPIC, data } }));
    },
    ...settings.options,
  });
  await helper.configure();
  return {
    port: await listening(server),
    clients: () => helper.getClients().size,
    publish: (room, data) => helper.send({ destination: room, payload: { topic: TOPIC, data } }),
  };
});
