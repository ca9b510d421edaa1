// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { within } from '../support/facts.js';
import { type PollingPeer, rawPolling, rawWebSocket } from '../support/raw.js';
import { connectAuthenticated } from '../support/server.js';
import { type Served, serve } from './program.js';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const says = (count: number, from = 0): string[] => upTo(count).map((n) => `42["say",${from + n}]`);

/** A server that notes what clients say, and needs `busyMs` for each of it. */
const start = (limits: object = {}, more: object = {}, busyMs = 0) =>
  serve({
    options: `({ memory }) => ({
      authenticateFn: () => ({ user: 'ann' }),
      ...${JSON.stringify({ limits, ...more })},
      clientConnectedFn: ({ socket }) => {
        memory.heard ??= [];
        socket.on('say', (number) => {
          memory.heard.push(number);
          for (const until = performance.now() + ${busyMs}; performance.now() < until; );
        });
        socket.on('honest', (answer) => {
          memory.heard.push('honest');
          answer();
        });
      },
    })` as never,
  });

async function enter({ url }: Served): Promise<PollingPeer> {
  const peer = await rawPolling(url);
  await peer.connect();
  await peer.emit('authenticate');
  await peer.next((packet) => packet.startsWith('42["authenticated"'));
  return peer;
}

const heard = (server: Served) => server.run(({ memory }) => memory.heard ?? []) as Promise<unknown[]>;

async function heardSome(server: Served, count: number): Promise<void> {
  await server.run(async ({ memory }, most) => {
    for (let waited = 0; memory.heard.length < most && waited < 900; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }, count);
}

describe('a POST of many packets', () => {
  it('is answered once all of them are handled, in their order', async () => {
    const server = await start();
    const peer = await enter(server);
    for (let from = 0; from < 3_000; from += 1_000) {
      const { status, body } = await peer.post(...says(1_000, from));
      expect([status, body]).toEqual([200, 'ok']);
      expect(await heard(server)).toHaveLength(from + 1_000);
    }
    expect(await heard(server)).toEqual(upTo(3_000));
  });

  it('does not keep others waiting', async () => {
    const server = await start({}, {}, 2);
    const [flooder, honest] = [await enter(server), await connectAuthenticated(server.url)];
    const flood = flooder.post(...says(300));
    await heardSome(server, 1);
    await honest.socket.timeout(10_000).emitWithAck('honest');
    expect((await flood).status).toBe(200);
    const all = await heard(server);
    expect(all.filter((it) => it !== 'honest')).toEqual(upTo(300));
    // The flood takes 0.6 s at least. The other client does not wait for its end.
    expect(all.indexOf('honest')).toBeLessThan(270);
  });

  it('waits for the rate of its client, which is not taken for dead meanwhile', async () => {
    const server = await start(
      { messagesPerSecond: 10, messageBurst: 10 },
      { serverOptions: { pingInterval: 100, pingTimeout: 1_500 } },
    );
    const peer = await enter(server);
    const began = performance.now();
    const { status } = await within(peer.post(...says(40)), 'the answer', 10_000);
    expect(status).toBe(200);
    expect(performance.now() - began).toBeGreaterThan(1_000);
    expect(await heard(server)).toEqual(upTo(40));
  });

  it('waits for the rate of its user too, for longer than a client may take to answer a ping', async () => {
    // A user may send ten events at once, and one a second after that.
    const server = await start({ messagesPerUser: 1 }, { serverOptions: { pingInterval: 100, pingTimeout: 1_500 } });
    const peer = await enter(server);
    expect((await peer.post('3', ...says(14))).status).toBe(200);
    const began = performance.now();
    const { status } = await within(peer.post(...says(1, 14), '3'), 'the answer', 15_000);
    expect(status).toBe(200);
    expect(performance.now() - began).toBeGreaterThan(2_000);
    expect(await heard(server)).toEqual(upTo(15));
    expect(await server.run(({ helper }) => helper.getClients().size)).toBe(1);
  });

  it('of a client that stays above its rate ends it, and tells it why', async () => {
    const server = await start({ messagesPerSecond: 10, messageBurst: 5, delayedFor: 600, refusedFor: 7_000 });
    const peer = await enter(server);
    const post = peer.post(...says(200));
    const ending = await peer.next((packet) => packet.startsWith('42["unauthenticated"'));
    expect(JSON.parse(ending.slice(2))[1]).toMatchObject({ code: 'rate_limited', retry: true, after: 7_000 });
    await within(post, 'the answer', 10_000);
    await server.holdsNobody();
    const all = await heard(server);
    expect(all).toEqual(upTo(all.length));
    expect(all.length).toBeLessThan(100);
  });

  it('is the only one of its session: a second one ends it', async () => {
    const server = await start({ messagesPerSecond: 10, messageBurst: 20 });
    const peer = await enter(server);
    const first = peer.post(...says(200));
    await heardSome(server, 5);
    expect((await peer.post(...says(1, 5_000))).status).toBe(400);
    await within(first, 'an answer to the first POST', 10_000);
    await server.holdsNobody();
    expect(await heard(server)).not.toContain(5_000);
  });
});

describe('a client that upgrades to WebSocket', () => {
  it('has one rate over both transports', async () => {
    const server = await start({ messagesPerSecond: 20, messageBurst: 60 });
    const began = performance.now();
    const peer = await enter(server);
    expect((await peer.post(...says(50))).status).toBe(200);
    const webSocket = await rawWebSocket(server.url, { query: { sid: peer.sid } });
    webSocket.send('2probe');
    await webSocket.frames.next((frame) => frame === '3probe');
    webSocket.send('5');
    for (const say of says(60, 50)) webSocket.send(say);
    await heardSome(server, 110);
    expect(await heard(server)).toEqual(upTo(110));
    // What is above one burst takes 2.5 s at least. With another burst for the WebSocket it would take no time.
    expect(performance.now() - began).toBeGreaterThan(2_300);
  });
});
