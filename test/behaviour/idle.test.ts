// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { TestClient } from '../support/server.js';
import { enter, heardOn, type Inside, idOf, type Served, serve, stranger, WAYS } from './program.js';

/** Pings that are due within a tenth of the interval are sent together. */
const INTERVAL_MS = 400;
let server: Served;

/** Authenticates clients in groups of three, so that their pings are due together. */
const options = ({ memory }: Inside) => ({
  pingInterval: 400,
  authenticateFn: () =>
    new Promise<boolean>((resolve) => {
      const waiting = [...(memory.waiting ?? []), resolve];
      memory.waiting = waiting.length === 3 ? [] : waiting;
      if (waiting.length === 3) for (const letIn of waiting) letIn(true);
    }),
});

beforeAll(async () => {
  server = await serve({ options });
});

const timesOf = (client: TestClient): string[] =>
  (heardOn(client, 'ping') as { time: string }[]).map(({ time }) => time);

/**
 * Clients whose pings are due together. Tries again if the machine was too slow for that, or if some of them were
 * pinged together with earlier clients.
 */
async function enterTogether(): Promise<TestClient[]> {
  for (;;) {
    const clients = await Promise.all(WAYS.map(({ transports }) => stranger(server.url, { transports })));
    for (const { socket } of clients) socket.emit('authenticate');
    await Promise.all(clients.map((client) => client.heardOf('authenticated')));
    const starts = clients.map((client) => Date.parse(timesOf(client)[0] ?? ''));
    if (Math.max(...starts) - Math.min(...starts) < INTERVAL_MS / 20) {
      await pinged(clients, 1);
      if (new Set(clients.map((client) => timesOf(client)[1])).size === 1) return clients;
    }
    for (const { socket } of clients) socket.disconnect();
  }
}

/** Resolves once each client has received that many more pings. */
async function pinged(clients: readonly TestClient[], more: number): Promise<void> {
  const before = clients.map((client) => timesOf(client).length);
  await eventually(() => clients.every((client, index) => timesOf(client).length >= (before[index] ?? 0) + more), {
    what: 'the pings',
  });
}

describe('the keep-alive of clients whose pings are due together', () => {
  it('sends one ping per interval, over each transport', async () => {
    const clients = await enterTogether();
    await pinged(clients, 3);
    // The first ping of each client is sent separately.
    const [first, ...others] = clients.map((client) => timesOf(client).slice(1, 4));
    for (const times of others) expect(times).toEqual(first);
    expect(new Set(first).size).toBe(3);
  });

  it('calls listeners of outgoing events, and survives one that throws', async () => {
    const clients = await enterTogether();
    const ids = clients.map(idOf);
    await server.run(({ io, memory }, [deaf, ...others]) => {
      memory.heard = {};
      for (const id of others)
        io.sockets.sockets.get(id)?.onAnyOutgoing((topic, { time }) => {
          if (topic === 'ping') memory.heard[id] = [...(memory.heard[id] ?? []), time];
        });
      io.sockets.sockets.get(deaf ?? '')?.onAnyOutgoing(() => {
        throw new Error('a listener that throws');
      });
    }, ids);
    const [, ...others] = clients;
    // The listeners miss pings that were sent before they were added.
    const heard = await eventually(async () => {
      const sofar = (await server.run(({ memory }) => memory.heard)) as Record<string, string[]>;
      return others.every((client) => sofar[idOf(client)] !== undefined) && sofar;
    });
    for (const client of others) {
      await eventually(() => expect(timesOf(client)).toEqual(expect.arrayContaining(heard[idOf(client)] ?? ['none'])));
    }
  });

  it('reaches a client that the program removed from its own room', async () => {
    // These are due at another time, so that a ping does not go to all clients.
    await enterTogether();
    const clients = await enterTogether();
    await server.run(({ io }, id) => io.sockets.sockets.get(id)?.leave(id), idOf(clients[0] as TestClient));
    await pinged(clients, 3);
    const [first, ...others] = clients.map((client) => timesOf(client).slice(1, 4));
    for (const times of others) expect(times).toEqual(first);
  });

  it('does not reach a guest in the room of a client with another due time', async () => {
    const [host] = await enterTogether();
    const clients = await enterTogether();
    const ids = [host, clients[0]].map((client) => idOf(client as TestClient));
    await server.run(({ io }, [room = '', guest = '']) => io.sockets.sockets.get(guest)?.join(room), ids);
    await pinged(clients, 3);
    const [first, ...others] = clients.map((client) => timesOf(client).slice(1, 4));
    for (const times of others) expect(times).toEqual(first);
  });

  it('stays on its own instance', async () => {
    const url = await server.run(({ serve }) => serve({ authenticateFn: () => true, pingInterval: 60_000 }));
    const elsewhere = await enter(url);
    const clients = await enterTogether();
    await pinged(clients, 3);
    expect(timesOf(elsewhere)).toHaveLength(1);
  });
});
