import { describe, expect, it } from 'vitest';
import type { IHandshake } from '../../src/server/options.js';
import { eventually } from '../support/facts.js';
import { connect, connectAuthenticated, startServer, TRANSPORTS } from '../support/server.js';

describe.each(TRANSPORTS.map((transports) => ({ transports: [...transports] })))(
  'over $transports',
  ({ transports }) => {
    it('lets in whom authenticateFn accepts, in the order of the contract', async () => {
      const seen: string[] = [];
      const { helper, url } = await startServer({
        authenticateFn: ({ auth }) => {
          seen.push(`authenticateFn ${[...helper.getClients().values()][0]?.state}`);
          return auth.token === 'good';
        },
        clientConnectedFn: ({ socket }) => {
          seen.push(`clientConnectedFn ${helper.getClients({ id: socket.id })?.state} ${[...socket.rooms]}`);
        },
      });
      const client = connect(url, { transports, auth: { token: 'good' } });
      await client.heardOf('connect');
      const { id } = client.socket;
      expect(helper.getClients({ id: id ?? '' })).toMatchObject({ id, state: 'unauthorized' });
      client.socket.emit('authenticate');
      const { time, ...rest } = await client.heardOf<{ id: string; time: string }>('authenticated');
      expect(rest).toEqual({ id });
      expect(new Date(time).toISOString()).toBe(time);
      expect(client.heard.map(([event]) => event)).toEqual(['connect', 'ping', 'authenticated']);
      expect(seen).toEqual([
        'authenticateFn authenticating',
        `clientConnectedFn authenticated ${id},io-default,io-notification`,
      ]);
      const entry = helper.getClients({ id: id ?? '' });
      expect(entry).toHaveProperty('authenticateTimeout._destroyed', true);
    });

    it('tells a refused client before it is disconnected, and forgets it', async () => {
      const { helper, url } = await startServer();
      const clients = Array.from({ length: 10 }, () => connect(url, { transports, auth: { token: 'bad' } }));
      for (const client of clients) {
        await client.heardOf('connect');
        client.socket.emit('authenticate');
      }
      for (const client of clients) {
        expect(await client.heardOf('disconnect')).toBe('io server disconnect');
        expect(client.heard.slice(1)).toEqual([
          ['unauthenticated', { code: 'refused', message: expect.any(String), time: expect.any(String) }],
          ['disconnect', 'io server disconnect'],
        ]);
      }
      await eventually(() => expect(helper.getClients().size).toBe(0));
      await eventually(() => expect(helper.getIOServer().engine.clientsCount).toBe(0));
    });

    it('tells a client that is not authenticated in time, and closes its connection', async () => {
      const { helper, url } = await startServer({ authenticateTimeout: 300 });
      const client = connect(url, { transports });
      expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'timeout' });
      expect(await client.heardOf('disconnect')).toBe('io server disconnect');
      await eventually(() => expect(helper.getIOServer().engine.clientsCount).toBe(0));
      expect(helper.getClients().size).toBe(0);
    });
  },
);

describe('authenticateFn', () => {
  it('is given the handshake', async () => {
    let handshake: IHandshake | undefined;
    const { url } = await startServer({
      authenticateFn: (given) => {
        handshake = given;
        return true;
      },
    });
    await connectAuthenticated(url, { auth: { token: 't' }, query: { v: '1' }, extraHeaders: { 'x-a': 'b' } });
    expect(handshake).toMatchObject({
      auth: { token: 't' },
      address: expect.stringContaining('127.0.0.1'),
      xdomain: false,
      secure: false,
      headers: { 'x-a': 'b' },
      query: expect.objectContaining({ v: '1' }),
      url: expect.stringContaining('/socket.io/'),
      time: expect.any(String),
    });
    expect(Math.abs((handshake?.issued ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    ['the string "false"', 'false', 'a string'],
    ['1', 1, 'the number 1'],
    ['an object', {}, 'an object'],
    ['nothing', undefined, 'nothing'],
  ])('refuses with %s, and the type is reported', async (_, answer, words) => {
    const { url, log } = await startServer({ authenticateFn: () => answer as never });
    const client = connect(url);
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'refused' });
    expect(log.loud).toEqual([expect.stringContaining(`it returned ${words}`)]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no such table: users');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no such table: users'))],
  ])('that %s refuses; its text goes to the log and not to the client', async (_, authenticateFn) => {
    const { url, log } = await startServer({ authenticateFn });
    const client = connect(url);
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    await client.heardOf('disconnect');
    expect(JSON.stringify(client.heard)).toContain('refused');
    expect(JSON.stringify(client.heard)).not.toContain('table');
    expect(log.loud).toEqual([expect.stringContaining('no such table')]);
  });

  it('that never answers keeps nobody: the deadline ends the client, and a late answer meets nobody', async () => {
    let answer: (verdict: boolean) => void = () => {};
    let connected = 0;
    const { helper, url } = await startServer({
      authenticateTimeout: 300,
      authenticateFn: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      clientConnectedFn: () => {
        connected++;
      },
    });
    const client = connect(url);
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'timeout' });
    await client.heardOf('disconnect');
    answer(true);
    await connectFence(url);
    expect(connected).toBe(0);
    expect(helper.getClients().size).toBe(1);

    /** Another client's whole way in has passed since. */
    async function connectFence(to: string): Promise<void> {
      const other = connect(to);
      await other.heardOf('connect');
    }
  });

  it('is not asked about a handshake that nests too deeply', async () => {
    let asked = 0;
    const { url } = await startServer({
      authenticateFn: () => {
        asked++;
        return true;
      },
    });
    const auth = JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`);
    const client = connect(url, { auth });
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'refused' });
    expect(asked).toBe(0);
  });

  it('is asked once, however often the client asks', async () => {
    let asked = 0;
    const { url } = await startServer({
      authenticateFn: async () => {
        asked++;
        return true;
      },
    });
    const client = connect(url);
    await client.heardOf('connect');
    for (let time = 0; time < 5; time++) client.socket.emit('authenticate');
    await client.heardOf('authenticated');
    client.socket.emit('authenticate');
    await client.socket.emitWithAck('leave', { rooms: [] });
    expect(asked).toBe(1);
    expect(client.heard.filter(([event]) => event === 'authenticated')).toHaveLength(1);
  });
});

describe('clientConnectedFn', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('oops');
      },
    ],
    ['rejects', () => Promise.reject(new Error('oops'))],
  ])('that %s is reported and harms nobody', async (_, clientConnectedFn) => {
    const { helper, url, log } = await startServer({ clientConnectedFn });
    const client = await connectAuthenticated(url);
    await client.socket.emitWithAck('join', { rooms: ['open'] });
    expect(helper.getClients({ id: client.socket.id ?? '' })?.state).toBe('authenticated');
    expect(log.loud).toEqual([expect.stringMatching(/clientConnectedFn failed.*oops/)]);
  });
});

describe('the end of a client', () => {
  it('is noticed also where the program took all listeners off its socket', async () => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url);
    helper.getClients({ id: client.socket.id ?? '' })?.socket.removeAllListeners();
    client.socket.disconnect();
    await eventually(() => expect(helper.getClients().size).toBe(0));
  });

  it('leaves no entry and no room, whoever goes', async () => {
    const { helper, url } = await startServer();
    const io = helper.getIOServer();
    const client = await connectAuthenticated(url);
    const entry = helper.getClients({ id: client.socket.id ?? '' });
    client.socket.disconnect();
    await eventually(() => expect(helper.getClients().size).toBe(0));
    expect(entry?.state).toBe('unauthorized');
    expect([io.of('/').adapter.sids.size, io.of('/').adapter.rooms.size]).toEqual([0, 0]);
  });

  it('by disconnect({ socket }) sends the client away until it is told otherwise', async () => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url, { reconnection: true, reconnectionDelay: 1 });
    const entry = helper.getClients({ id: client.socket.id ?? '' });
    if (entry === undefined) throw new Error('no entry');
    const rooms: string[] = [];
    entry.socket.on('disconnecting', () => rooms.push(...entry.socket.rooms));
    helper.disconnect({ socket: entry.socket });
    expect(helper.getClients().size).toBe(0);
    expect(rooms).toEqual([entry.id, 'io-default', 'io-notification']);
    expect(await client.heardOf('disconnect')).toBe('io server disconnect');
    expect(client.socket.active).toBe(false);
    helper.disconnect({ socket: entry.socket });
    helper.disconnect({} as never);
  });
});

describe('keep-alive', () => {
  it('pings authenticated clients, all of them, again and again, and nobody else', async () => {
    const { url } = await startServer({ pingInterval: 50 });
    const stranger = connect(url);
    await stranger.heardOf('connect');
    const clients = await Promise.all([
      connectAuthenticated(url),
      connectAuthenticated(url),
      connectAuthenticated(url),
    ]);
    const pings = (client: (typeof clients)[0]) => client.heard.filter(([event]) => event === 'ping').length;
    for (const client of clients) await eventually(() => pings(client) >= 4);
    expect(stranger.heard.map(([event]) => event)).toEqual(['connect']);
  });
});
