// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { TestClient } from '../support/server.js';
import { connectAuthenticated } from '../support/server.js';
import { enter, heardOn, idOf, type Served, serve, stranger, topicsOf, WAYS } from './program.js';

let server: Served;

beforeAll(async () => {
  server = await serve({
    options: ({ note, memory }) => ({
      pingInterval: 60,
      limits: { heldEvents: 100 },
      clientConnectedFn: async ({ socket }) => {
        await new Promise((resolve) => {
          memory[socket.id] = resolve;
        });
        socket.on('say', (text) => note([socket.id, text]));
        socket.on('ask', (answer) => answer('yes'));
        if (socket.handshake.auth.greeting === 'fails') throw new Error('on purpose');
      },
    }),
  });
});

/** Lets `clientConnectedFn` register its handlers, once it has begun. */
async function register(client: TestClient): Promise<void> {
  await eventually(() => server.run(({ memory }, id) => memory[id] !== undefined, idOf(client)));
  await server.run(({ memory }, id) => memory[id](), idOf(client));
}

/**
 * Resolves once the server has received everything sent before: this event is never held, and its answer comes last.
 */
async function arrived(client: TestClient): Promise<void> {
  client.socket.once('mark', (acknowledge) => acknowledge());
  await server.run(
    async ({ helper }, id) => void (await helper.getClients({ id })?.socket.timeout(5_000).emitWithAck('mark')),
    idOf(client),
  );
}

const saidBy = async (id: string) =>
  (await server.notes()).filter((note) => (note as unknown[])[0] === id).map((note) => (note as unknown[])[1]);

describe.each(WAYS)('over $way', ({ transports }) => {
  it('events that arrive before an async clientConnectedFn has registered its handlers are held, then delivered in order and once', async () => {
    const client = await connectAuthenticated(server.url, { transports });
    for (let n = 0; n < 50; n++) client.socket.emit('say', n);
    const asked = client.socket.timeout(5_000).emitWithAck('ask');
    const joined = client.socket.timeout(5_000).emitWithAck('join', { rooms: ['open'] });
    await arrived(client);
    expect(await saidBy(idOf(client))).toEqual([]);
    await register(client);
    expect(await asked).toBe('yes');
    expect(await joined).toEqual({ joined: ['open'], refused: [] });
    expect(await saidBy(idOf(client))).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  it('events are dropped if it rejects, and the client receives the number of handled events', async () => {
    const client = await connectAuthenticated(server.url, { transports, auth: { token: 'good', greeting: 'fails' } });
    const id = idOf(client);
    await client.socket.timeout(5_000).emitWithAck('leave', { rooms: [] });
    client.socket.emit('say', 'in vain');
    await arrived(client);
    await register(client);
    expect(await client.heardOf('unauthenticated')).toEqual({
      code: 'unavailable',
      message: expect.any(String),
      time: expect.any(String),
      after: 1_000,
      handled: 1,
    });
    // Not Socket.IO's disconnect packet, after which a client does not reconnect.
    expect(await client.heardOf('disconnect')).toMatch(/^transport (close|error)$/);
    await eventually(() => server.run(({ helper }, it) => helper.getClients({ id: it }) === undefined, id));
    expect(await saidBy(id)).toEqual([]);
  });

  it('more early events than the limit close the connection, and the client receives the time to wait', async () => {
    const client = await connectAuthenticated(server.url, { transports });
    const id = idOf(client);
    for (let n = 0; n < 101; n++) client.socket.emit('say', n);
    expect(await client.heardOf('roomgate:limited')).toEqual({ after: 1_000 });
    // Not Socket.IO's disconnect packet, after which a client does not reconnect.
    expect(await client.heardOf('disconnect')).toMatch(/^transport (close|error)$/);
    expect(topicsOf(client)).not.toContain('unauthenticated');
    await eventually(() => server.run(({ helper }, it) => helper.getClients({ id: it }) === undefined, id));
    expect(await saidBy(id)).toEqual([]);
  });

  it('keep-alive pings reach authenticated clients repeatedly, and no other client', async () => {
    const outside = await stranger(server.url, { transports });
    const clients = await Promise.all([enter(server.url, { transports }), enter(server.url, { transports })]);
    for (const client of clients) await eventually(() => heardOn(client, 'ping').length >= 4);
    for (const client of clients) {
      for (const { time } of heardOn(client, 'ping') as { time: string }[]) {
        expect(new Date(time).toISOString()).toBe(time);
      }
    }
    expect(topicsOf(outside)).toEqual(['connect']);
  });
});
