// npm test: node
// npm run test:matrix: node+redis, newest-node, newest-node+redis
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { enter, type Served, type ServedOptions, serve } from '../behaviour/program.js';
import { newSession, raw, serves, statusOf, upgradeOf, wires } from '../behaviour/raw-upgrades.js';
import { defer } from '../support/cleanup.js';
import { eventually, within } from '../support/facts.js';
import { connect } from '../support/server.js';

it('a WebSocket handshake for polling, and a plain request for WebSocket, are answered with a refusal', async () => {
  const server = await serve();
  const sid = await newSession(server);
  expect(await statusOf(server, upgradeOf('/socket.io/?EIO=4&transport=polling'))).toBe(400);
  expect(await statusOf(server, upgradeOf(`/socket.io/?EIO=4&transport=polling&sid=${sid}`))).toBe(400);
  const client = await enter(server.url, { transports: ['websocket'] });
  const own = client.socket.io.engine.id;
  const target = `/socket.io/?EIO=4&transport=websocket&sid=${own}`;
  expect(await statusOf(server, `GET ${target} HTTP/1.1\r\nHost: server\r\n\r\n`)).toBe(400);
});

/** Blocks the event loop while connections close that still have data to write. */
async function resetWhileBusy(server: Served, request: string, times = 40): Promise<void> {
  const sockets = Array.from({ length: times }, () => raw(server));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const busy = server.run(() => {
    const end = performance.now() + 300;
    while (performance.now() < end);
  });
  for (const socket of sockets) socket.write(request, () => socket.resetAndDestroy());
  await busy;
}

describe('connections that are reset during the decision on an upgrade do not end the process', () => {
  it.each([
    ['with cors', () => ({ serverOptions: { cors: { origin: 'https://app.example' } } })],
    [
      'with an asynchronous cors.origin',
      () => ({
        serverOptions: {
          cors: {
            origin: (_: unknown, decide: (e: null, a: boolean) => void) => void setTimeout(decide, 50, null, true),
          },
        },
      }),
    ],
    [
      'with an asynchronous allowRequest',
      () => ({
        serverOptions: {
          allowRequest: (_: unknown, decide: (e: null, a: boolean) => void) => void setTimeout(decide, 50, null, true),
        },
      }),
    ],
    [
      'with an allowRequest that never answers',
      () => ({ serverOptions: { allowRequest: () => {}, upgradeTimeout: 300 } }),
    ],
    ['with none of them', () => ({})],
  ])('%s', async (_, options) => {
    const server = await serve({ options });
    const base = await wires(server);
    const target = '/socket.io/?EIO=4&transport=websocket';
    const expecting = `POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: server\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n`;
    await resetWhileBusy(server, upgradeOf(target));
    await resetWhileBusy(server, expecting + upgradeOf(target));
    await resetWhileBusy(server, `${upgradeOf('/other')}x`);
    await eventually(async () => expect(await wires(server)).toBe(base), { what: 'no connection is left' });
    expect(server.program.stderr).toBe('');
    expect(await server.run(() => 'alive')).toBe('alive');
  });
});

describe('an upgrade that no server handles', () => {
  /** Without a listener of the program it would be answered immediately. */
  const listens: ServedOptions['before'] = ({ transport }) => void transport.options.server?.on('upgrade', () => {});
  const UNCLAIMED: readonly (readonly [string, string])[] = [
    ['one byte behind it', `${upgradeOf('/other')}x`],
    ['nothing behind it', upgradeOf('/other')],
    ['a kilobyte behind it', upgradeOf('/other') + 'x'.repeat(1_000)],
    ['an answer to an earlier request', `GET /other HTTP/1.1\r\nHost: server\r\n\r\n${upgradeOf('/other')}x`],
  ];

  it.each(UNCLAIMED)('leaves no connection behind, with %s and FIN', async (_, request) => {
    const server = await serve({ options: () => ({ serverOptions: { destroyUpgradeTimeout: 200 } }), before: listens });
    const base = await wires(server);
    for (let times = 0; times < 20; times++) {
      const socket = raw(server);
      socket.write(request.slice(0, -1));
      // In a separate segment: Node.js passes data of the same segment to the listeners.
      setTimeout(() => socket.end(request.slice(-1)), 50);
    }
    await eventually(async () => expect(await wires(server)).toBeGreaterThan(base));
    await eventually(async () => expect(await wires(server)).toBe(base), { what: 'no connection is left' });
    await serves(server);
  });

  it('does not delay shutdown()', async () => {
    const server = await serve({
      options: () => ({ serverOptions: { destroyUpgradeTimeout: 60_000 } }),
      before: listens,
    });
    raw(server).end(`${upgradeOf('/other')}x`);
    await eventually(async () => expect(await wires(server)).toBe(1));
    await server.run(({ helper }) => helper.shutdown());
    expect(await wires(server)).toBe(0);
    const lines = await server.run(({ lines }) => lines);
    expect(lines.filter((line) => line.endsWith(' was cut'))).toEqual([]);
  });
});

it('requests that are pipelined behind one without an answer are refused, and leave no descriptor open', async () => {
  const server = await serve();
  const files = () =>
    server.run(async ({ load }) => {
      const { readdirSync } = (await load('node:fs')) as typeof import('node:fs');
      return readdirSync('/proc/self/fd').length;
    });
  const before = await files();
  const file = 'GET /socket.io/socket.io.js HTTP/1.1\r\nHost: server\r\nAccept-Encoding: br\r\n\r\n';
  const poll = 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: server\r\n\r\n';
  for (const request of [file, poll]) {
    const socket = raw(server);
    socket.pause();
    socket.write(request.repeat(600));
    await new Promise((resolve) => socket.once('end', resolve).once('close', resolve).resume());
  }
  await eventually(async () => expect(await files()).toBeLessThanOrEqual(before + 2));
  expect(await server.run(({ io }) => io.engine.clientsCount)).toBeLessThanOrEqual(1);
  expect(await statusOf(server, file)).toBe(200);
  await serves(server);
});

it('requests of the program can still be pipelined', async () => {
  const server = await serve();
  const socket = raw(server);
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes;
  });
  socket.write('GET /other HTTP/1.1\r\nHost: server\r\n\r\n'.repeat(3));
  await eventually(() => text.split('HTTP/1.1 404').length === 4);
});

describe('other servers on the same HTTP server keep working', () => {
  it('a WebSocket server that accepts at once, or after 1.5 s with destroyUpgrade off', async () => {
    const server = await serve({
      options: () => ({ serverOptions: { destroyUpgrade: false } }),
      before: async ({ transport, load, memory }) => {
        const { WebSocketServer } = (await load('ws')) as typeof import('ws');
        const late = new WebSocketServer({ noServer: true });
        memory.late = late;
        transport.options.server?.on('upgrade', (request, socket, head) => {
          if (request.url !== '/now' && request.url !== '/late') return;
          setTimeout(
            () => late.handleUpgrade(request, socket, head, (each) => each.send('hello')),
            request.url === '/now' ? 0 : 1_500,
          );
        });
      },
    });
    for (const path of ['/now', '/late']) {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`);
      defer(() => socket.terminate());
      const heard = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
      expect(await within(heard, `a message over ${path}`)).toBe('hello');
    }
    await serves(server);
  });

  it('a Socket.IO server, even with data that follows its upgrade immediately', async () => {
    const server = await serve({
      options: () => ({ serverOptions: { destroyUpgradeTimeout: 100 } }),
      before: async ({ transport, load, memory }) => {
        const { Server } = (await load('socket.io')) as typeof import('socket.io');
        memory.plain = new Server(transport.options.server, { path: '/plain', destroyUpgradeTimeout: 100 });
        memory.plain.on('connection', (socket: import('socket.io').Socket) => {
          socket.on('wait', (answer: () => void) => setTimeout(answer, 300));
        });
      },
    });
    const plain = connect(server.url, { path: '/plain', transports: ['websocket'] });
    await plain.heardOf('connect');
    await plain.socket.timeout(5_000).emitWithAck('wait');
    expect(plain.socket.connected).toBe(true);
    await serves(server);
  });
});
