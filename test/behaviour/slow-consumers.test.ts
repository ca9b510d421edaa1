// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { type Inside, type Served, serve } from './program.js';
import { enterPolling, enterWebSocket, expectTooSlow, isGone } from './slow-flood.js';

const READERS = 98;
const SIZE = 50_000;
const IN_ONE_GO = 4;
const BYTES = 20_000_000;
/** Allowed memory for the two clients: it does not grow with the number of messages. */
const MOST_HELD = 10_000_000;

/** A reader that keeps only the amount of received data, and whether any was missing. */
class Reader {
  heard = 0;
  isWhole = true;
  isClosed = false;

  static enter({ url }: Served): Promise<Reader> {
    return new Promise((resolve) => {
      const reader = new Reader();
      const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false });
      defer(() => socket.terminate());
      socket.on('close', () => {
        reader.isClosed = true;
      });
      socket.on('message', (data: Buffer) => {
        const start = data.toString('latin1', 0, 24);
        const [, n] = /^42\["n",\[(\d+)/.exec(start) ?? [];
        if (n !== undefined) {
          reader.isWhole &&= Number(n) === reader.heard;
          reader.heard += 1;
        } else if (start === '2') socket.send('3');
        else if (start.startsWith('0')) socket.send('40{"token":"good"}');
        else if (start.startsWith('40')) socket.send('42["authenticate"]');
        else if (start.startsWith('42["authenticated"')) resolve(reader);
      });
    });
  }
}

/** Bytes that the program holds and cannot free. */
async function held(): Promise<number> {
  const { Bun, gc } = globalThis as { Bun?: { gc(isSync: boolean): void }; gc?: () => void };
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 5; n++) {
    if (Bun === undefined) gc?.();
    else Bun.gc(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

function send({ helper }: Inside, first: number, count: number, size: number): void {
  for (let n = first; n < first + count; n++) helper.send({ payload: { topic: 'n', data: [n, 'x'.repeat(size)] } });
}

it('one of 100 clients stops reading and one never polls: the server buffers nothing for them, and other clients are not affected', async () => {
  const server = await serve();
  const readers = await Promise.all(Array.from({ length: READERS }, () => Reader.enter(server)));
  const flood = async (first: number, end: number) => {
    for (let n = first; n < end; n += IN_ONE_GO) {
      await server.run(send, n, IN_ONE_GO, SIZE);
      await eventually(() => readers.every(({ heard }) => heard >= n + IN_ONE_GO), {
        timeout: 20_000,
        what: 'all readers have heard it',
      });
    }
  };
  // Allocates everything that is created once, such as pooled buffers.
  const calm = 20;
  await flood(0, calm);
  const socket = await enterWebSocket(server);
  const polling = await enterPolling(server);
  socket.pauseReading();
  const before = await server.run(held);
  const messages = calm + BYTES / SIZE;
  await flood(calm, messages);
  const after = await server.run(held);

  expect(after - before).toBeLessThan(MOST_HELD);
  expect(readers.map(({ heard, isWhole, isClosed }) => ({ heard, isWhole, isClosed }))).toEqual(
    Array(READERS).fill({ heard: messages, isWhole: true, isClosed: false }),
  );
  expect(await Promise.all([socket, polling].map(({ id }) => isGone(server, id)))).toEqual([true, true]);
  await expectTooSlow(server, `client ${polling.id}`, `client ${socket.id}`);
}, 120_000);
