// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { createConnection, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import { defer } from '../support/cleanup.js';
import { EventLog, eventually, within } from '../support/facts.js';
import { type PollingPeer, rawWebSocket } from '../support/raw.js';
import { itExceptOnBun, SETTING } from '../support/setting.js';
import { enter, idOf, type Served, serve } from './program.js';
import { wires } from './raw-upgrades.js';
import { ask } from './requests.js';
import {
  enterPolling,
  enterWebSocket,
  expectTooSlow,
  Flood,
  floodAll,
  isGone,
  numbersIn,
  numbersOf,
  upTo,
} from './slow-flood.js';

/** In bytes. More than two kernels buffer. */
const LARGE = 12_000_000;

/** A poll on a new connection whose answer is not read. */
async function pollUnread({ port, url }: Served, { sid }: PollingPeer): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.on('error', () => undefined).pause();
  defer(() => socket.destroy());
  const request = `GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  await new Promise((resolve) => socket.write(request, resolve));
  // The server accepts this newer connection after the poll's, so its answer proves that the poll has arrived.
  await ask(url, '/');
  return socket;
}

/** Bypasses Redis, which disconnects subscribers with so much buffered data. */
function sendLarge(server: Served, destination: string): Promise<unknown> {
  return server.run(({ io }, to, size) => void io.local.to(to).emit('large', 'x'.repeat(size)), destination, LARGE);
}

/** Bun neither reports whether an answer was read, nor lets the server close it. */
const itWhereAnswersTell = itExceptOnBun('Bun.serve takes a whole Response and reports nothing about it afterwards');

/** Resolves once the connection was cut, with the number of bytes that arrived; the rest of the answer is lost. */
async function ends(answer: Socket): Promise<number> {
  let heard = 0;
  answer.on('data', ({ length }) => {
    heard += length;
  });
  const closed = new Promise((resolve) => answer.once('close', resolve));
  answer.resume();
  await within(closed, 'the end of the answer', 10_000);
  return heard;
}

itWhereAnswersTell(
  'disconnects a client that polls on new connections and reads no answer, and drops the answers',
  async () => {
    const server = await serve();
    const polling = await enterPolling(server);
    const answers: Socket[] = [];
    // A poll is always open for the next message.
    for (let n = 0; n < 20 && !(await isGone(server, polling.id)); n++) {
      answers.push(await pollUnread(server, polling));
      await sendLarge(server, polling.id);
    }
    await expectTooSlow(server, `client ${polling.id}`);
    const heard = await Promise.all(answers.map(ends));
    for (const bytes of heard) expect(bytes).toBeLessThan(LARGE);
  },
);

itWhereAnswersTell('reads no answer to its poll and leaves: the answer is let go as well', async () => {
  const server = await serve();
  const polling = await enterPolling(server);
  const answer = await pollUnread(server, polling);
  await sendLarge(server, polling.id);
  await polling.post('1');
  await server.holdsNobody();
  await eventually(
    // The connection of the leaving request may be kept alive.
    async () => (await wires(server)) <= 1,
    { timeout: 10_000, what: 'its connection is closed' },
  );
  expect(await ends(answer)).toBeLessThan(LARGE);
  await expectTooSlow(server);
});

it('disconnects a client that probes an upgrade and never completes it', async () => {
  const server = await serve();
  const polling = await enterPolling(server);
  const socket = await rawWebSocket(server.url, { query: { sid: polling.sid } });
  socket.send('2probe');
  await socket.frames.next((frame) => frame === '3probe');
  const witness = await enter(server.url);
  const flood = floodAll(server, witness);
  await flood.until(() => isGone(server, polling.id));
  await within(socket.closed, 'the end of the WebSocket', 10_000);
  await expectTooSlow(server, `client ${polling.id}`);
});

it('disconnects a client that upgrades and then reads nothing; its messages have no gap', async () => {
  const server = await serve();
  const polling = await enterPolling(server);
  const socket = await rawWebSocket(server.url, { query: { sid: polling.sid } });
  socket.send('2probe');
  await socket.frames.next((frame) => frame === '3probe');
  socket.send('5');
  socket.pauseReading();
  const flood = floodAll(server, await enter(server.url));
  await flood.until(() => isGone(server, polling.id));
  socket.resumeReading();
  await within(socket.closed, 'the end of the WebSocket', 10_000);
  const heard = numbersIn(socket.frames.all);
  expect(heard).toEqual(upTo(heard.length));
  await expectTooSlow(server, `client ${polling.id}`);
});

it('disconnects a client that agrees on compression and stops reading; its messages have no gap', async () => {
  const server = await serve({
    options: () => ('Bun' in globalThis ? {} : { serverOptions: { perMessageDeflate: true } }),
  });
  const socket = new WebSocket(`${server.url}/socket.io/?EIO=4&transport=websocket`);
  defer(() => socket.terminate());
  const frames = new EventLog<string>();
  socket.on('message', (data) => frames.push(String(data)));
  await frames.next((frame) => frame.startsWith('0{'));
  if (SETTING.runtime === 'node') expect(socket.extensions).toContain('permessage-deflate');
  socket.send('40{"token":"good"}');
  const { sid } = JSON.parse((await frames.next((frame) => frame.startsWith('40'))).slice(2)) as { sid: string };
  socket.send('42["authenticate"]');
  await frames.next((frame) => frame.startsWith('42["authenticated"'));
  socket.pause();
  const flood = floodAll(server, await enter(server.url));
  await flood.until(() => isGone(server, sid));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  await within(closed, 'the end of the WebSocket', 10_000);
  const heard = numbersIn(frames.all);
  expect(heard).toEqual(upTo(heard.length));
  await expectTooSlow(server, `client ${sid}`);
});

it('disconnects a client that is in a namespace of the program only', async () => {
  const server = await serve();
  await server.run(({ io }) => void io.of('/other'));
  const socket = await rawWebSocket(server.url);
  await socket.connect('/other');
  socket.pauseReading();
  const witness = await rawWebSocket(server.url);
  await witness.connect('/other');
  const flood = new Flood(
    (first, count) =>
      server.run(
        ({ io }, from, to) => {
          for (let n = from; n < to; n++) io.of('/other').emit('n', [n, 'x'.repeat(100_000)]);
        },
        first,
        first + count,
      ),
    (sent) => numbersIn(witness.frames.all).length >= sent,
  );
  await flood.until(() => server.run(({ io }) => io.of('/other').sockets.size === 1));
  expect(numbersIn(witness.frames.all)).toEqual(upTo(flood.sent));
  await expectTooSlow(server, 'a client');
});

it('disconnects a client that never authenticates, but receives messages of the program', async () => {
  const server = await serve();
  const socket = await rawWebSocket(server.url);
  const { sid } = await socket.connect('/', { token: 'good' });
  socket.pauseReading();
  const flood = new Flood(
    (first, count) =>
      server.run(
        ({ io }, id, from, to) => {
          for (let n = from; n < to; n++) io.sockets.sockets.get(id)?.emit('n', [n, 'x'.repeat(100_000)]);
        },
        sid,
        first,
        first + count,
      ),
    () => true,
  );
  await flood.until(() => isGone(server, sid));
  await expectTooSlow(server, `client ${sid}`);
});

it('disconnects a client that asks for acknowledgements and reads none', async () => {
  const server = await serve({
    options: () => ({
      clientConnectedFn: ({ socket }) => void socket.on('ask', (answer) => answer('x'.repeat(100_000))),
    }),
  });
  const socket = await enterWebSocket(server);
  const witness = await enter(server.url);
  socket.pauseReading();
  let asked = 0;
  while (!(await isGone(server, socket.id)) && asked < 1_200) {
    for (const end = asked + 4; asked < end; asked++) socket.emit('ask', [], asked);
    // Another client's question is answered, no matter how many this one asks.
    await witness.socket.timeout(10_000).emitWithAck('ask');
  }
  await expectTooSlow(server, `client ${socket.id}`);
});

it('disconnects a client that reads more slowly than it is sent to; its messages have no gap', async () => {
  const server = await serve();
  const socket = await enterWebSocket(server);
  const witness = await enter(server.url);
  socket.pauseReading();
  const flood = floodAll(server, witness);
  await flood.until(async () => {
    if (await isGone(server, socket.id)) return true;
    socket.resumeReading();
    await socket.frames.next();
    socket.pauseReading();
    return false;
  });
  socket.resumeReading();
  await within(socket.closed, 'the end of the WebSocket', 10_000);
  const heard = numbersIn(socket.frames.all);
  expect(heard).toEqual(upTo(heard.length));
  expect(heard.length).toBeLessThan(flood.sent);
  expect(numbersOf(witness)).toEqual(upTo(flood.sent));
  await expectTooSlow(server, `client ${socket.id}`);
});

it('does the same without the fan-out', async () => {
  const server = await serve({ options: () => ({ fanout: false }) });
  const socket = await enterWebSocket(server);
  const polling = await enterPolling(server);
  const witness = await enter(server.url);
  socket.pauseReading();
  const flood = floodAll(server, witness);
  await flood.until(() => isGone(server, polling.id));
  await flood.until(() => isGone(server, socket.id));
  socket.resumeReading();
  await within(socket.closed, 'the end of the WebSocket', 10_000);
  const heard = numbersIn(socket.frames.all);
  expect(heard).toEqual(upTo(heard.length));
  expect(numbersOf(witness)).toEqual(upTo(flood.sent));
  expect(await isGone(server, idOf(witness))).toBe(false);
  await expectTooSlow(server, `client ${polling.id}`, `client ${socket.id}`);
});
