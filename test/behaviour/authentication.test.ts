// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { within } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { connect } from '../support/server.js';
import { enter, heardOn, idOf, type Served, serve, stranger, topicsOf, WAYS } from './program.js';

/** Longer than a client needs to connect and authenticate on a busy machine. */
const DEADLINE_MS = 3_000;
let server: Served;
/** A server with a short deadline, only for the tests of the deadline. */
let hasty: Served;

beforeAll(async () => {
  server = await serve({
    options: (inside) => ({
      authenticateFn: ({ auth }) => {
        const found = [...inside.helper.getClients().values()].find(({ socket }) => socket.handshake.auth === auth);
        inside.note(['authenticateFn', found?.id, found?.state]);
        return auth.token === 'good';
      },
      clientConnectedFn: ({ socket }) => {
        inside.note([
          'clientConnectedFn',
          socket.id,
          inside.helper.getClients({ id: socket.id })?.state,
          [...socket.rooms],
        ]);
        socket.emit('welcome', 'in');
      },
    }),
  });
  hasty = await serve({
    options: (inside) => ({
      // A literal, because the function runs in the program, without the constant.
      authenticateTimeout: 3_000,
      authenticateFn: ({ auth }) => {
        if (auth.token === 'good') return true;
        const found = [...inside.helper.getClients().values()].find(({ socket }) => socket.handshake.auth === auth);
        inside.note(['authenticateFn', found?.id, found?.state]);
        return new Promise((resolve) => {
          inside.memory.resolve = resolve;
        });
      },
      clientConnectedFn: ({ socket }) => inside.note(['clientConnectedFn', socket.id]),
    }),
  });
});

const stateOf = (of: Served, id: string) =>
  of.run(({ helper }, it) => helper.getClients({ id: it })?.state ?? null, id);

/** The notes of the program's functions about one client. */
const notedOf = async (of: Served, id: string) => (await of.notes()).filter((note) => (note as unknown[])[1] === id);

describe.each(WAYS)('over $way', ({ transports }) => {
  it('authenticates a client in the documented order, however often it sends `authenticate`', async () => {
    const client = await stranger(server.url, { transports, auth: { token: 'good' } });
    const id = idOf(client);
    expect(await stateOf(server, id)).toBe('unauthorized');
    for (let times = 0; times < 3; times++) client.socket.emit('authenticate');
    const { time, ...rest } = await client.heardOf<{ id: string; time: string }>('authenticated');
    expect(rest).toEqual({ id });
    expect(new Date(time).toISOString()).toBe(time);
    client.socket.emit('authenticate');
    await client.socket.timeout(5_000).emitWithAck('leave', { rooms: [] });
    expect(topicsOf(client)).toEqual(['connect', 'ping', 'authenticated', 'welcome']);
    const [ping] = heardOn(client, 'ping') as { time: string }[];
    expect(new Date(ping?.time ?? '').toISOString()).toBe(ping?.time);
    expect(await notedOf(server, id)).toEqual([
      ['authenticateFn', id, 'authenticating'],
      ['clientConnectedFn', id, 'authenticated', [id, 'io-default', 'io-notification']],
    ]);
    expect(await stateOf(server, id)).toBe('authenticated');
  });

  it('sends a refused client the reason before the disconnect, ten of ten times, and keeps no state of it', async () => {
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => stranger(server.url, { transports, auth: { token: 'bad' } })),
    );
    for (const client of clients) client.socket.emit('authenticate');
    for (const client of clients) {
      await client.heardOf('disconnect');
      expect(client.heard.slice(1)).toEqual([
        ['unauthenticated', { code: 'refused', message: expect.any(String), time: expect.any(String) }],
        ['disconnect', 'io server disconnect'],
      ]);
      expect(client.socket.active).toBe(false);
    }
    await server.holdsNobody();
  });

  it('notifies a client that missed its deadline, and keeps an authenticated client', async () => {
    const inside = await enter(hasty.url, { transports, auth: { token: 'good' } });
    // These connect after the authenticated one, so its deadline has passed once theirs has.
    const idle = await stranger(hasty.url, { transports });
    const waiting = await stranger(hasty.url, { transports, auth: { token: 'waits' } });
    const waitingId = idOf(waiting);
    waiting.socket.emit('authenticate');
    for (const late of [idle, waiting]) {
      expect(await late.heardOf('disconnect')).toBe('io server disconnect');
      expect(late.heard.slice(1)).toMatchObject([
        ['unauthenticated', { code: 'timeout' }],
        ['disconnect', 'io server disconnect'],
      ]);
    }
    await hasty.run(({ memory }) => memory.resolve(true));
    await inside.socket.timeout(5_000).emitWithAck('leave', { rooms: [] });
    expect(await stateOf(hasty, idOf(inside))).toBe('authenticated');
    expect(await notedOf(hasty, waitingId)).toEqual([['authenticateFn', waitingId, 'authenticating']]);
    inside.socket.disconnect();
    await hasty.holdsNobody();
  });

  it('removes a client that leaves at once: entry, room, session and state', async () => {
    const client = await enter(server.url, { transports, auth: { token: 'good' } });
    await server.run(({ helper, memory }, id) => {
      memory.entry = helper.getClients({ id });
    }, idOf(client));
    client.socket.disconnect();
    await server.holdsNobody();
    expect(await server.run(({ memory }) => memory.entry.state)).toBe('unauthorized');
  });

  it('disconnect({ socket }) ends a client without a message, and the client stays disconnected until connect()', async () => {
    const client = await enter(server.url, {
      transports,
      auth: { token: 'good' },
      reconnection: true,
      reconnectionDelay: 1,
    });
    const id = idOf(client);
    const left = await server.run(({ helper, memory }, id) => {
      const entry = helper.getClients({ id });
      if (entry === undefined) return 'no client';
      entry.socket.on('disconnecting', () => {
        memory.rooms = [...entry.socket.rooms];
      });
      helper.disconnect({ socket: entry.socket });
      helper.disconnect({ socket: entry.socket });
      helper.disconnect({ socket: undefined } as never);
      return [memory.rooms, helper.getClients().size];
    }, id);
    expect(left).toEqual([[id, 'io-default', 'io-notification'], 0]);
    expect(await client.heardOf('disconnect')).toBe('io server disconnect');
    expect(topicsOf(client)).not.toContain('unauthenticated');
    expect(client.socket.active).toBe(false);
    client.heard.length = 0;
    client.socket.connect();
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    await client.heardOf('authenticated');
    client.socket.disconnect();
  });
});

describe('the authentication deadline', () => {
  it('is the configured timeout, counted from the connection', async () => {
    const began = performance.now();
    const client = connect(hasty.url, { transports: ['websocket'] });
    await client.heardOf('unauthenticated');
    const after = performance.now() - began;
    // Timers can fire a fraction of a millisecond early.
    expect(after).toBeGreaterThanOrEqual(DEADLINE_MS - 5);
    // The default would be 10 s.
    expect(after).toBeLessThan(8_000);
  });

  it('closes a connection that joins no namespace too', async () => {
    const socket = await rawWebSocket(hasty.url);
    await within(socket.closed, 'the end of the connection', 8_000);
  });
});

describe('defaultRooms and authenticateTimeout', () => {
  it('take effect', async () => {
    const own = await serve({ options: () => ({ defaultRooms: ['lobby'], authenticateFn: async () => true }) });
    const client = await enter(own.url);
    const rooms = await own.run(({ helper }, id) => [...(helper.getClients({ id })?.socket.rooms ?? [])], idOf(client));
    expect(rooms).toEqual([client.socket.id, 'lobby']);
  });
});
