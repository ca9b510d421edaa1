// Roomgate on Node.js or on Bun: the built package, as users install it.
import { createServer } from 'node:http';
import { authenticateFn, defaultRooms, host, listening, onBun, path, settings, TOPIC, take } from './host.mjs';

async function redisConnection() {
  const { Redis } = await import('ioredis');
  return new Redis(settings.redis, '127.0.0.1');
}

/** JSON has no infinity, which turns a limit off: `{"limits":{"messagesPerSecond":"Infinity"}}`. */
const limits = Object.fromEntries(
  Object.entries(settings.options?.limits ?? {}).map(([name, limit]) => [name, Number(limit)]),
);

/** With `{"identity":true}` each client is a user of its own, whose access ends in an hour. */
const { identity, ...options } = settings.options ?? {};
let users = 0;
async function identify(handshake) {
  if (!(await authenticateFn(handshake))) return false;
  users += 1;
  if (identity === 'user') return { user: `user-${users}` };
  if (identity === 'session') return { user: `user-${users}`, session: `session-${users}` };
  return { user: `user-${users}`, session: `session-${users}`, expiresAt: Date.now() + 3_600_000 };
}

await host(async () => {
  const { SocketIOServerHelper } = await import(settings.build ?? '../../dist/index.js');
  const server = onBun ? undefined : createServer();
  const engine = onBun ? new (await import('@socket.io/bun-engine')).Server({ path: `${path}/` }) : undefined;
  const helper = new SocketIOServerHelper({
    ...(onBun ? { runtime: 'bun', engine } : { runtime: 'node', server }),
    identifier: `bench-${process.pid}`,
    serverOptions: { path, ...(onBun ? {} : { serveClient: false }), ...settings.serverOptions },
    ...(settings.redis ? { redisConnection: await redisConnection() } : {}),
    ...(settings.pingInterval ? { pingInterval: settings.pingInterval } : {}),
    authenticateFn: identity ? identify : authenticateFn,
    validateRoomFn: ({ rooms }) => rooms,
    clientConnectedFn: ({ socket }) => {
      socket.on('in', take);
      socket.on('say', (data) => helper.send({ destination: defaultRooms[0], payload: { topic: TOPIC, data } }));
    },
    ...options,
    limits,
  });
  await helper.configure();
  return {
    port: onBun ? Bun.serve({ port: 0, hostname: '127.0.0.1', ...engine.handler() }).port : await listening(server),
    clients: () => helper.getClients().size,
    publish: (room, data) => helper.send({ destination: room, payload: { topic: TOPIC, data } }),
  };
});
