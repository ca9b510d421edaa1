// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { expect, it } from 'vitest';
import { settled, type TestClient } from '../support/server.js';
import { startPlain } from './mix/theatre.js';
import { enter, heardOn, idOf, type Served, serve, stranger } from './program.js';

const MESSAGES = 5;

/**
 * In one tick, on Node.js: first sends to a room, then alternates between the client and all; then the program exits.
 */
function exit(server: Served, id: string): void {
  server
    .run(
      ({ io }, to, count) => {
        const socket = io.sockets.sockets.get(to);
        for (let n = 0; n < count; n++) {
          if (n % 3 === 0) io.to(to).emit('n', n);
          else if (n % 3 === 1) socket?.emit('n', n);
          else io.emit('n', n);
        }
        process.exit(0);
      },
      id,
      MESSAGES,
    )
    .catch(() => {});
}

async function heardAtExit(server: Served, client: TestClient): Promise<unknown[]> {
  exit(server, idOf(client));
  await client.heardOf('disconnect');
  return heardOn(client, 'n');
}

it('process.exit() right after a send delivers as much as plain Socket.IO, without a gap', async () => {
  const [server, plain] = await Promise.all([serve({ runtime: 'node' }), startPlain({}, 'node')]);
  // Compressed messages would be written later.
  const options = { transports: ['websocket'], perMessageDeflate: false as never };
  const client = await enter(server.url, options);
  await settled(client);
  const heard = await heardAtExit(server, client);
  const least = await heardAtExit(plain, await stranger(plain.url, options));
  expect(least).toEqual(Array.from({ length: least.length }, (_, n) => n));
  expect(heard).toEqual(Array.from({ length: heard.length }, (_, n) => n));
  expect(least.length).toBeGreaterThan(0);
  expect(heard.length).toBeGreaterThanOrEqual(least.length);
});
