// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { enter, type Served, serve } from './program.js';
import { newSession, raw, serves, upgradeOf, wires } from './raw-upgrades.js';

interface Polling {
  readonly transport: { readonly name: string };
  close(now: boolean): void;
}

const MASK = Buffer.from([1, 2, 3, 4]);
const [TEXT, PING] = [0x81, 0x89];
/** How long a closing connection may stay open, in milliseconds, doubled for a busy machine. */
const ENDED_MS = 10_000;

function frame(opcode: number, payload: string): Buffer {
  const body = Buffer.from(payload);
  for (const [at, byte] of body.entries()) body[at] = byte ^ (MASK[at % 4] as number);
  return Buffer.concat([Buffer.from([opcode, 0x80 | body.length]), MASK, body]);
}

/** A WebSocket whose peer reads the handshake and nothing more, and answers nothing. */
async function silent(server: Served, query: string): Promise<Socket> {
  const socket = raw(server);
  socket.write(upgradeOf(`/socket.io/?EIO=4&transport=websocket${query}`));
  await within(new Promise((resolve) => socket.once('data', resolve)), 'an answer to the handshake');
  socket.pause();
  return socket;
}

/** Writes frames of that many bytes, or until the server accepts no more, or has closed the connection. */
async function flood(socket: Socket, frames: Buffer, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += frames.length) {
    if (socket.write(frames)) continue;
    const went = await Promise.race([
      new Promise((resolve) => socket.once('drain', () => resolve(true))),
      new Promise((resolve) => socket.once('close', () => resolve(false))),
      new Promise((resolve) => setTimeout(resolve, 2_000, false)),
    ]);
    if (went === false) return;
  }
}

/** The peers have sent CONNECT for `/`; authenticates them. */
async function authenticate(server: Served, peers: readonly Socket[]): Promise<void> {
  const states = () => server.run(({ helper }) => [...helper.getClients().values()].map(({ state }) => state));
  await eventually(async () => expect(await states()).toHaveLength(peers.length));
  for (const peer of peers) peer.write(frame(TEXT, '42["authenticate"]'));
  await eventually(async () => expect(await states()).toEqual(peers.map(() => 'authenticated')));
}

/** Buffered bytes of each client, in the runtime. */
const waitingBytes = (server: Served) =>
  server.run(({ helper }) =>
    [...helper.getClients().values()].map(({ socket }) => {
      const { transport } = socket.conn as unknown as { transport: { socket?: { bufferedAmount?: number } } };
      return transport.socket?.bufferedAmount ?? 0;
    }),
  );

/** Memory of the server's process, in megabytes. */
const memory = async (server: Served) => (await measured(server)).rss / 1e6;

/** The part of it that something refers to: without memory that is free and not returned yet. Bun can only say how much it has in all. */
async function held(server: Served): Promise<number> {
  const { isBun, rss, heapUsed, external } = await measured(server);
  return (isBun ? rss : heapUsed + external) / 1e6;
}

const measured = (server: Served) =>
  server.run(() => {
    (globalThis as { gc?: () => void }).gc?.();
    (globalThis as { Bun?: { gc(now: boolean): void } }).Bun?.gc(true);
    return { ...process.memoryUsage(), isBun: 'Bun' in globalThis };
  });

/** A server that does not end a client within its test because it is late: the end would free what it holds. */
const patient = () =>
  serve({ options: () => ({ authenticateTimeout: 60_000, serverOptions: { upgradeTimeout: 60_000 } }) });

/** Waits until the process has grown by less than `mostMB`: the allocator returns free memory with a delay. */
async function holdsLessThan(server: Served, mostMB: number, before: number, measure = memory): Promise<void> {
  await eventually(async () => expect((await measure(server)) - before).toBeLessThan(mostMB), { timeout: 15_000 });
}

describe('pings from a peer that reads nothing', () => {
  it.each([
    // A megabyte has many small frames, and reading them takes the server a while.
    ['small', frame(PING, ''), 6_000_000],
    ['large', frame(PING, 'x'.repeat(125)), 60_000_000],
  ])('make the server buffer no more than the limit of a client: %s ones', async (_, ping, bytes) => {
    const server = await serve();
    const before = await memory(server);
    const peers = [await silent(server, ''), await silent(server, '')];
    const frames = Buffer.concat(Array.from({ length: 2_000 }, () => ping));
    for (const peer of peers) peer.write(frame(TEXT, '40{"token":"good"}'));
    await authenticate(server, peers);
    await Promise.all(peers.map((peer) => flood(peer, frames, bytes)));
    await serves(server);
    // Two budgets of a megabyte, and what the runtime keeps after that much traffic.
    await holdsLessThan(server, 60, before);
    // Bun answers pings by itself, and closes a connection whose pongs exceed its limit.
    await eventually(async () => {
      for (const waiting of await waitingBytes(server)) expect(waiting).toBeLessThanOrEqual(1_000_000);
    });
  });

  it('end its connection on Bun, which handles them before anything else, if they are more than messages may be', async () => {
    const server = await serve({
      options: ({ memory }) => {
        memory.reached = [];
        return {
          onReport: (report) => {
            if (report.type === 'limit_reached') memory.reached.push(report.limit);
          },
        };
      },
    });
    const peer = await silent(server, '');
    let isEnded = false;
    // The first, if the server has read everything; the second, if it has dropped some.
    for (const end of ['end', 'close']) peer.once(end, () => (isEnded = true));
    peer.resume();
    peer.write(frame(TEXT, '40{"token":"good"}'));
    await authenticate(server, [peer]);
    await flood(peer, Buffer.concat(Array.from({ length: 2_000 }, () => frame(PING, ''))), 1_000_000);
    const { isBun } = await measured(server);
    if (isBun) await eventually(() => isEnded, { timeout: ENDED_MS, what: 'the end of the connection' });
    await serves(server);
    expect(await server.run(({ memory }) => memory.reached)).toEqual(isBun ? ['messages_per_second'] : []);
    expect(isEnded).toBe(isBun);
  });

  it('are answered once it reads, at least the latest of each burst', async () => {
    const server = await serve();
    const socket = await rawWebSocket(server.url);
    for (let times = 0; times < 100; times++) await socket.ping();
    await socket.connect('/', { token: 'good' });
  });
});

it('probes from a peer that reads nothing do not delay other clients', async () => {
  const server = await patient();
  const before = await memory(server);
  const frames = Buffer.concat(Array.from({ length: 2_000 }, () => frame(TEXT, '2probe')));
  for (let times = 0; times < 3; times++) {
    const peer = await silent(server, `&sid=${await newSession(server)}`);
    await Promise.all([flood(peer, frames, 7_000_000), enter(server.url)]);
  }
  await holdsLessThan(server, 60, before);
  await serves(server);
});

it.each([
  ['a ping of 2^63 bytes', '89ff800000000000000000000000'],
  ['a ping of 2^62 bytes', '89ff400000000000000000000000'],
  ['a ping of 2^31 bytes', '89ff000000008000000000000000'],
  ['a frame of an unknown opcode', '83ff400000000000000000000000'],
  ['a text of 2^62 bytes', '81ff400000000000000000000000'],
  ['a binary message of 2^40 bytes', '82ff000001000000000000000000'],
  ['a continuation without a message', '80ff000001000000000000000000'],
])('%s closes at most the sender’s connection', async (_, bytes) => {
  const server = await patient();
  const before = await memory(server);
  const peers = await Promise.all(Array.from({ length: 5 }, () => silent(server, '')));
  for (const peer of peers) peer.write(Buffer.from(bytes, 'hex'));
  await serves(server);
  await holdsLessThan(server, 60, before);
});

it('fragments from an unauthenticated client hold no more memory than their own bytes', async () => {
  const server = await patient();
  const before = await held(server);
  const filler = Buffer.concat(Array.from({ length: 400 }, () => frame(PING, 'x'.repeat(120))));
  for (let n = 0; n < 60; n++) {
    const peer = await silent(server, '');
    peer.resume();
    for (let at = 0; at < 14; at++) peer.write(Buffer.concat([frame(at === 0 ? 0x01 : 0x00, 'x'), filler]));
  }
  await serves(server);
  await holdsLessThan(server, 30, before, held);
});

const ATTACKS: readonly (readonly [string, (server: Served) => Promise<unknown>])[] = [
  ['a packet of no known type', async (server) => (await silent(server, '')).write(frame(TEXT, '9'))],
  [
    'a second CONNECT',
    async (server) => {
      const peer = await silent(server, '');
      peer.write(frame(TEXT, '40'));
      await eventually(() => server.run(({ helper }) => helper.getClients().size === 1));
      peer.write(frame(TEXT, '40'));
    },
  ],
  [
    'a disconnect of its socket and a CONNECT to nowhere',
    async (server) => (await silent(server, '')).write(frame(TEXT, '42["x"]')),
  ],
  [
    'a second change of transport',
    async (server) => {
      const sid = await newSession(server);
      const first = await silent(server, `&sid=${sid}`);
      first.write(frame(TEXT, '2probe'));
      await silent(server, `&sid=${sid}`);
      first.write(frame(TEXT, '9'));
    },
  ],
  [
    'a probe that is followed by nothing',
    async (server) => {
      const peer = await silent(server, `&sid=${await newSession(server)}`);
      peer.write(frame(TEXT, '2probe'));
    },
  ],
  [
    'a refusal',
    async (server) => {
      const peer = await silent(server, '');
      peer.write(frame(TEXT, '40'));
      await eventually(() => server.run(({ helper }) => helper.getClients().size === 1));
      peer.write(frame(TEXT, '42["authenticate"]'));
    },
  ],
];

describe('a connection whose peer neither reads nor answers ends within 5 s, after', () => {
  const attacked = new Map<string, { server: Served; base: number; at: number }>();

  // All at once, each against its own server: they mostly wait.
  beforeAll(async () => {
    await Promise.all(
      ATTACKS.map(async ([name, attack]) => {
        const server = await serve({
          options: () => ({
            authenticateTimeout: 60_000,
            serverOptions: { upgradeTimeout: 1_000, pingTimeout: 60_000 },
          }),
        });
        const base = await wires(server);
        await attack(server);
        attacked.set(name, { server, base, at: performance.now() });
        await server.run(({ io }) => {
          // Closes the polling sessions, whose ping timeout is not tested here.
          const { clients } = io.engine as unknown as { clients: Map<string, Polling> | Record<string, Polling> };
          for (const client of clients instanceof Map ? clients.values() : Object.values(clients)) {
            if (client.transport.name === 'polling') setTimeout(() => client.close(true), 2_000);
          }
        });
      }),
    );
  });

  it.each(ATTACKS)('%s', async (name) => {
    const { server, base, at = 0 } = attacked.get(name) ?? {};
    if (server === undefined) throw new Error('no server');
    const timeout = Math.max(200, at + ENDED_MS - performance.now());
    const gone = async () => expect(await wires(server)).toBe(base);
    await eventually(gone, { timeout, what: 'no connection is left' });
    await serves(server);
  });
});
