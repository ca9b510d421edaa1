// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { createConnection, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { track } from '../support/cleanup.js';
import { eventually, within } from '../support/facts.js';
import { type PollingPeer, rawPolling, rawWebSocket } from '../support/raw.js';
import { type Served, serve } from './program.js';

/** An authenticated client over polling. */
async function enterPolling({ url }: Served): Promise<PollingPeer & { readonly id: string }> {
  const polling = await rawPolling(url);
  const { sid: id } = await polling.connect('/', { token: 'good' });
  await polling.emit('authenticate');
  await polling.next((packet) => packet.startsWith('42["authenticated"'));
  return Object.assign(polling, { id });
}

/** A session's request in raw form, from a slow peer. */
function ask({ port }: Served, { sid }: PollingPeer, method: string, headers = ''): Socket {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  track({ stop: () => void socket.destroy() });
  const target = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`);
  return socket;
}

const HALF = 'Content-Type: text/plain\r\nContent-Length: 100000\r\n';

/** Sends the bytes of a body one by one, until the other side closes the connection. */
async function drip(socket: Socket): Promise<void> {
  socket.resume();
  while (socket.bytesRead === 0 && !socket.destroyed && socket.writable) {
    socket.write('4');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it('a large poll response reaches a client that pauses reading for longer than the idle timeout', async () => {
  const BYTES = 8_000_000;
  const server = await serve({ options: () => ({ pingInterval: 3_000, limits: { queuedBytes: 20_000_000 } }) });
  const slow = await enterPolling(server);
  const witness = await rawWebSocket(server.url);
  await witness.connect('/', { token: 'good' });
  await server.run(
    ({ helper }, destination, characters) => {
      for (let n = 0; n < 100; n++) {
        helper.send({ destination, payload: { topic: 'n', data: 'x'.repeat(characters / 100) } });
      }
    },
    slow.id,
    BYTES,
  );
  const socket = ask(server, slow, 'GET');
  socket.pause();
  witness.emit('authenticate');
  // The first one is sent at once; after the fourth, 9 s have passed.
  for (let ping = 0; ping < 4; ping++) await witness.event('ping', 10_000);
  let heard = 0;
  socket.on('data', (chunk) => {
    heard += chunk.length;
  });
  socket.resume();
  await eventually(() => heard > BYTES, { timeout: 10_000, what: 'the whole answer' });
  expect(await server.run(({ helper }, id) => helper.getClients({ id })?.state, slow.id)).toBe('authenticated');
});

it('a body that arrives in drips is read only while its session lives, and does not delay shutdown', async () => {
  const server = await serve({ options: () => ({ authenticateTimeout: 500, shutdownTimeout: 9_000 }) });
  const polling = await rawPolling(server.url);
  await within(drip(ask(server, polling, 'POST', HALF)), 'the end of the request');
  const second = await rawPolling(server.url);
  const dripping = drip(ask(server, second, 'POST', HALF));
  const ms = await server.run(async ({ helper }) => {
    const start = performance.now();
    await helper.shutdown();
    return performance.now() - start;
  });
  await dripping;
  // The timeout is 9 s; connections that do not end by themselves are closed by force after 8 s.
  expect(ms).toBeLessThan(7_500);
});

it('two concurrent sending requests close the session', async () => {
  const server = await serve();
  const polling = await enterPolling(server);
  const first = ask(server, polling, 'POST', HALF);
  first.write('42["first');
  await fetch(server.url);
  expect((await polling.post('42["second"]')).status).toBe(400);
  await eventually(() => server.run(({ helper }, id) => helper.getClients({ id }) === undefined, polling.id), {
    what: 'the server has forgotten it',
  });
});

it('a POST that breaks off after the upgrade does not close the upgraded session', async () => {
  const server = await serve();
  const polling = await enterPolling(server);
  const half = ask(server, polling, 'POST', HALF);
  half.write('42["half');
  await fetch(server.url);
  const socket = await rawWebSocket(server.url, { query: { sid: polling.sid } });
  socket.send('2probe');
  await socket.frames.next((frame) => frame === '3probe');
  socket.send('5');
  socket.emit('leave', [{ rooms: [] }], 1);
  await socket.frames.next((frame) => String(frame).startsWith('431'));
  half.destroy();
  await fetch(server.url);
  socket.emit('leave', [{ rooms: [] }], 2);
  expect(await socket.frames.next((frame) => String(frame).startsWith('432'))).toBe('432[{"left":[],"refused":[]}]');
});

it('poll responses forbid caching', async () => {
  const { url } = await serve();
  const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
});

it('no message overtakes those that wait for the upgrade, even if it is sent during the upgrade', async () => {
  const server = await serve();
  const polling = await enterPolling(server);
  await server.run(({ helper, io }, id) => {
    const { conn } = helper.getClients({ id })?.socket ?? {};
    conn?.once('upgrade', () => io.emit('n', 100));
    // No poll is open: all messages are buffered.
    for (let n = 0; n < 100; n++) io.emit('n', n);
  }, polling.id);
  const socket = await rawWebSocket(server.url, { query: { sid: polling.sid } });
  socket.send('2probe');
  await socket.frames.next((frame) => frame === '3probe');
  socket.send('5');
  await socket.frames.next((frame) => frame === '42["n",100]');
  await server.run(({ io }) => io.emit('n', 101));
  await socket.frames.next((frame) => frame === '42["n",101]');
  const numbers = socket.frames.all.map(String).filter((frame) => frame.startsWith('42["n"'));
  expect(numbers).toEqual(Array.from({ length: 102 }, (_, n) => `42["n",${n}]`));
});

it.each([
  ['a client that compresses', true, 1_000],
  ['large messages', false, 8_000_000],
])(
  'messages sent in an upgrade listener arrive before the close that follows them, with %s',
  async (_, compress, characters) => {
    const server = await serve({
      options: () => ({
        limits: { queuedBytes: 100_000_000 },
        ...('Bun' in globalThis ? {} : { serverOptions: { perMessageDeflate: { threshold: 0 } } }),
      }),
    });
    const polling = await enterPolling(server);
    await server.run(
      ({ helper, io }, id, length) => {
        const { conn } = helper.getClients({ id })?.socket ?? {};
        conn?.once('upgrade', () => {
          for (let n = 0; n < 4; n++) io.emit('n', n, 'x'.repeat(length));
          conn.close();
        });
      },
      polling.id,
      characters,
    );
    const socket = await rawWebSocket(server.url, { query: { sid: polling.sid }, compress });
    socket.send('2probe');
    await socket.frames.next((frame) => frame === '3probe');
    socket.send('5');
    await socket.closed;
    const numbers = socket.frames.all.map(String).flatMap((frame) => /^42\["n",(\d)/.exec(frame)?.[1] ?? []);
    expect(numbers).toEqual(['0', '1', '2', '3']);
  },
);
