// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { TestClient } from '../support/server.js';
import { enter, type Inside, type Served, serve, serveForAll, WAYS } from './program.js';
import { enterPolling, enterWebSocket, expectTooSlow, isGone } from './slow-flood.js';

const SYMBOLS = ['a', 'b', 'c'];
/** Of 100 KB each: more than two kernels buffer, and many times the limit of the queue. */
const ROUNDS = 120;

const options = () => ({
  replaceable: { price: (data: { symbol: string }) => data.symbol, shot: (data: { camera: number }) => data.camera },
});

const served = serveForAll({ options });

/** All messages are numbered. Each round has one price per symbol, and a message that cannot be replaced. */
function round({ helper, memory }: Inside, symbols: readonly string[]): number {
  memory.sent ??= 0;
  const filler = 'x'.repeat(100_000);
  for (const symbol of symbols) {
    helper.send({ payload: { topic: 'price', data: { n: memory.sent++, symbol, filler } } });
  }
  helper.send({ payload: { topic: 'trade', data: { n: memory.sent++ } } });
  return memory.sent;
}

interface Seen {
  readonly topic: string;
  readonly n: number;
  readonly symbol?: string;
}

function seenBy({ heard }: TestClient): Seen[] {
  return heard.flatMap(([topic, data]) =>
    topic === 'price' || topic === 'trade' ? [{ topic, ...(data as Omit<Seen, 'topic'>) }] : [],
  );
}

function seenIn(packets: readonly (string | Buffer)[]): Seen[] {
  return packets.flatMap((packet) => {
    const [, topic = '', n, symbol] =
      /^42\["(price|trade)",\{"n":(\d+)(?:,"symbol":"(\w)")?/.exec(String(packet)) ?? [];
    return n === undefined ? [] : [{ topic, n: Number(n), ...(symbol !== undefined && { symbol }) }];
  });
}

/** Sends round after round, each once the witness has received the previous one. */
async function play(server: Served, witness: TestClient): Promise<number> {
  let sent = 0;
  for (let n = 0; n < ROUNDS; n++) {
    sent = await server.run(round, SYMBOLS);
    await eventually(() => seenBy(witness).length === sent);
  }
  return sent;
}

/** In order and once: all messages that cannot be replaced, and the newest of the others. */
function expectNewest(seen: readonly Seen[], sent: number): void {
  const numbers = seen.map(({ n }) => n);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const isTrade = (n: number) => n % (SYMBOLS.length + 1) === SYMBOLS.length;
  expect(seen.filter(({ topic }) => topic === 'trade').map(({ n }) => n)).toEqual(
    Array.from({ length: sent }, (_, n) => n).filter(isTrade),
  );
  for (const [index, symbol] of SYMBOLS.entries()) {
    const last = seen.filter((one) => one.symbol === symbol).at(-1);
    expect(last?.n).toBe(sent - 1 - SYMBOLS.length + index);
  }
  expect(seen.length).toBeLessThan(sent);
}

it('a client that stops reading stays, and receives the newest of each key when it reads again', async () => {
  const server = served();
  const slow = await enterWebSocket(server);
  const witness = await enter(server.url);
  slow.pauseReading();
  const sent = await play(server, witness);
  expect(await isGone(server, slow.id)).toBe(false);
  slow.resumeReading();
  await eventually(() => seenIn(slow.frames.all).at(-1)?.n === sent - 1, { timeout: 10_000 });
  expectNewest(seenIn(slow.frames.all), sent);
  // Empty frames would be leftovers of replaced messages.
  expect(slow.frames.all.filter((frame) => frame.length <= 1)).toEqual([]);
  await expectTooSlow(server);
});

it('a client that does not poll stays, and receives the newest of each key when it polls again', async () => {
  const server = served();
  const slow = await enterPolling(server);
  const witness = await enter(server.url);
  const sent = await play(server, witness);
  const packets: string[] = [];
  while (seenIn(packets).at(-1)?.n !== sent - 1) packets.push(...(await slow.poll()));
  expectNewest(seenIn(packets), sent);
  expect(packets.filter((packet) => packet.length <= 1)).toEqual([]);
  await expectTooSlow(server);
});

it.each(WAYS)('a client that reads receives every message, $way', async ({ transports }) => {
  const server = served();
  const client = await enter(server.url, { transports });
  const sent = await play(server, client);
  expect(seenBy(client).map(({ n }) => n)).toEqual(Array.from({ length: sent }, (_, n) => n));
  await expectTooSlow(server);
});

it.each(WAYS)('a client that reads receives every message of one tick, $way', async ({ transports }) => {
  const server = served();
  const client = await enter(server.url, { transports });
  await server.run(({ helper }) => {
    for (let n = 0; n < 50; n++) helper.send({ payload: { topic: 'price', data: { n, symbol: 'a' } } });
    helper.send({ payload: { topic: 'end' } });
  });
  await client.heardOf('end');
  expect(seenBy(client).map(({ n }) => n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
});

it('a replaced message is removed with its attachments, with any rooms as its destination', async () => {
  const server = served();
  const slow = await enterPolling(server);
  const other = await enter(server.url, { transports: ['polling'] });
  await server.run(async ({ helper }, id) => {
    helper.getClients({ id })?.socket.join(['one', 'two']);
    for (let n = 0; n < 100; n++) {
      const data = { camera: n % 2, n, picture: Buffer.alloc(100_000, n) };
      helper.send({ destination: [['one'], ['two'], ['one', 'two']][n % 3] ?? [], payload: { topic: 'shot', data } });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    helper.send({ destination: 'two', payload: { topic: 'end', data: 0 } });
  }, slow.id);
  const packets: string[] = [];
  while (!packets.some((packet) => packet.startsWith('42["end"'))) packets.push(...(await slow.poll()));
  const start = packets.findIndex((packet) => packet.startsWith('451-["shot"'));
  const [first = '', one, second = '', two, ...rest] = packets.slice(start);
  expect([first, second].map((packet) => JSON.parse(packet.slice(4))[1].n)).toEqual([98, 99]);
  expect([one, two]).toEqual([98, 99].map((n) => `b${Buffer.alloc(100_000, n).toString('base64')}`));
  expect(rest).toEqual(['42["end",0]']);
  expect(other.heard.map(([topic]) => topic)).not.toContain('shot');
  await expectTooSlow(server);
});

it('a volatile message that does not wait replaces nothing', async () => {
  const server = served();
  const slow = await enterPolling(server);
  await server.run(({ io }) => {
    io.emit('price', { n: 0, symbol: 'a' });
    io.volatile.emit('price', { n: 1, symbol: 'a' });
    io.emit('trade', { n: 2 });
  });
  const packets: string[] = [];
  while (seenIn(packets).at(-1)?.n !== 2) packets.push(...(await slow.poll()));
  expect(seenIn(packets).map(({ n }) => n)).toEqual([0, 2]);
});

it('a key function that throws, or returns no key, loses no message', async () => {
  const server = await serve({
    options: () => ({
      replaceable: {
        price: () => {
          throw new Error('odd');
        },
        trade: () => undefined as unknown as string,
      },
    }),
  });
  const slow = await enterPolling(server);
  await server.run(({ helper }) => {
    for (let n = 0; n < 4; n += 2) {
      helper.send({ payload: { topic: 'price', data: { n, symbol: 'a' } } });
      helper.send({ payload: { topic: 'trade', data: { n: n + 1 } } });
    }
  });
  const packets: string[] = [];
  while (seenIn(packets).at(-1)?.n !== 3) packets.push(...(await slow.poll()));
  expect(seenIn(packets).map(({ n }) => n)).toEqual([0, 1, 2, 3]);
  const lines = await server.run(({ lines }) => lines.filter((line) => /^(warn|error)/.test(line)));
  expect(lines).toEqual(Array(2).fill(expect.stringContaining('replaceable["price"] failed: Error: odd')));
});

it('a message of another namespace on the same connection is not replaced', async () => {
  const server = served();
  await server.run(({ io }) => void io.of('/other'));
  const client = await enter(server.url, { transports: ['polling'] });
  const other = client.socket.io.socket('/other', { auth: {} });
  await eventually(() => other.connected);
  const heard: unknown[] = [];
  for (const [name, socket] of [['/', client.socket] as const, ['/other', other] as const]) {
    socket.on('price', ({ n }: { n: number }) => heard.push([name, n]));
  }
  await server.run(({ io }) => {
    // The first one uses the open poll, the others are queued.
    io.emit('first');
    io.emit('price', { n: 1, symbol: 'a' });
    io.of('/other').emit('price', { n: 2, symbol: 'a' });
  });
  await eventually(() => expect(heard).toContainEqual(['/other', 2]));
  expect(heard).toEqual([
    ['/', 1],
    ['/other', 2],
  ]);
});
