// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { TestClient } from '../support/server.js';
import { enter, heardOn, idOf, type Served, serveForAll, WAYS } from './program.js';
import { enterPolling, enterWebSocket, expectTooSlow, isGone, numbersIn, numbersOf, upTo } from './slow-flood.js';

/** Longer than a client may be behind. Only waiting can show that nothing happens. */
const A_WHILE_MS = 500;
const LARGE = 8_000_000;
/** Answers of the program per small message: a message for each answer would be a backlog by itself. */
const APART = 10;

const served = serveForAll();

/** Small messages, each in a separate tick: the server notices a client that is behind with the next message. */
async function trickle(server: Served, witness: TestClient): Promise<number> {
  const start = performance.now();
  let sent = 0;
  for (let round = 0; performance.now() - start < A_WHILE_MS; round++) {
    if (round % APART !== 0) {
      await server.run(() => {});
      continue;
    }
    await server.run(({ helper }, n) => helper.send({ payload: { topic: 'small', data: n } }), sent);
    sent += 1;
    await eventually(() => heardOn(witness, 'small').length === sent);
  }
  return sent;
}

describe.each(WAYS)('a client that reads, $way', ({ transports }) => {
  it('stays connected and receives everything when 5 MB are sent in one long tick', async () => {
    const server = served();
    const client = await enter(server.url, { transports });
    const count = 50;
    await server.run(({ helper }, messages) => {
      // The event loop is blocked, so nothing is sent, although the client reads.
      for (let n = 0; n < messages; n++) {
        const end = performance.now() + 10;
        while (performance.now() < end);
        helper.send({ payload: { topic: 'n', data: [n, 'x'.repeat(100_000)] } });
      }
    }, count);
    await eventually(() => expect(numbersOf(client)).toEqual(upTo(count)), { timeout: 10_000 });
    expect(await isGone(server, idOf(client))).toBe(false);
    await expectTooSlow(server);
  });

  it('stays connected and receives everything when more than the limit is sent repeatedly', async () => {
    const server = served();
    const client = await enter(server.url, { transports });
    for (let first = 0; first < 300; first += 30) {
      await server.run(({ helper }, from) => {
        for (let n = from; n < from + 30; n++) helper.send({ payload: { topic: 'n', data: [n, 'x'.repeat(100_000)] } });
      }, first);
      await eventually(() => numbersOf(client).length === first + 30, { timeout: 10_000 });
    }
    expect(numbersOf(client)).toEqual(upTo(300));
    await expectTooSlow(server);
  });
});

describe('one message larger than the limit', () => {
  it.each([
    ['a text', () => 'x'.repeat(8_000_000)],
    ['attachments', () => Array.from({ length: 8 }, () => Buffer.alloc(1_000_000))],
  ])('waits for a WebSocket that reads it late: %s', async (_, make) => {
    const server = served();
    const witness = await enter(server.url);
    const late = await enterWebSocket(server);
    late.pauseReading();
    await sendMade(server, make);
    const sent = await trickle(server, witness);
    expect(await isGone(server, late.id)).toBe(false);
    late.resumeReading();
    await eventually(() => numbersIn(late.frames.all.map(small)).length === sent, { timeout: 10_000 });
    expect(numbersIn(late.frames.all.map(small))).toEqual(upTo(sent));
    const bytes = late.frames.all.reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(LARGE);
    await expectTooSlow(server);
  });

  it('waits for a WebSocket that reads it late: attachments to one socket are sent one by one', async () => {
    const server = served();
    const witness = await enter(server.url);
    const late = await enterWebSocket(server);
    late.pauseReading();
    await server.run(({ helper }, id) => {
      const pieces = Array.from({ length: 20 }, () => Buffer.alloc(600_000));
      helper.getClients({ id })?.socket.emit('large', pieces);
    }, late.id);
    const sent = await trickle(server, witness);
    expect(await isGone(server, late.id)).toBe(false);
    late.resumeReading();
    await eventually(() => expect(numbersIn(late.frames.all.map(small))).toEqual(upTo(sent)), { timeout: 10_000 });
    expect(late.frames.all.filter((frame) => frame.length === 600_000)).toHaveLength(20);
    await expectTooSlow(server);
  });

  it.each([
    ['a text', () => 'x'.repeat(8_000_000)],
    ['attachments', () => Array.from({ length: 8 }, () => Buffer.alloc(1_000_000))],
  ])('waits for a poll that comes late: %s', async (_, make) => {
    const server = served();
    const witness = await enter(server.url);
    const late = await enterPolling(server);
    await sendMade(server, make);
    const sent = await trickle(server, witness);
    expect(await isGone(server, late.id)).toBe(false);
    await late.next((packet) => small(packet).startsWith(`42["n",[${sent - 1}`));
    await expectTooSlow(server);
  });
});

it('four large messages sent at once all arrive, even without a later message', async () => {
  const server = served();
  const client = await enterWebSocket(server);
  // If Roomgate sends inside Bun's drain handler, Bun 1.2 stalls in about nine of ten rounds.
  for (let round = 0; round < 3; round++) {
    await server.run(
      ({ io }, id, length) => {
        for (let n = 0; n < 4; n++) io.to(id).emit('n', n, 'x'.repeat(length));
      },
      client.id,
      LARGE,
    );
    for (let n = 0; n < 4; n++) expect(await client.event('n')).toEqual([n, expect.any(String)]);
  }
  await expectTooSlow(server);
});

it('a client that polls late, each time with less than the limit waiting, stays and receives everything', async () => {
  const server = served();
  const late = await enterPolling(server);
  const packets: string[] = [];
  for (let first = 0; first < 80; first += 8) {
    await server.run(({ helper }, from) => {
      for (let n = from; n < from + 8; n++) helper.send({ payload: { topic: 'n', data: [n, 'x'.repeat(100_000)] } });
    }, first);
    while (numbersIn(packets).length < first + 8) packets.push(...(await late.poll()));
  }
  expect(numbersIn(packets)).toEqual(upTo(80));
  await expectTooSlow(server);
});

/** Gives small messages the form of numbered ones. */
function small(packet: string | Buffer): string {
  return String(packet.slice(0, 40)).replace(/^42\["small",(\d+)\]$/, '42["n",[$1]]');
}

function sendMade(server: Served, make: () => unknown): Promise<unknown> {
  return server.run(({ helper }, source) => {
    const data = new Function(`return (${source})()`)();
    helper.send({ payload: { topic: 'large', data } });
  }, String(make));
}
