// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import type { SocketIOClientHelper } from '../../src/client/client-helper.js';
import type { ISocketIOClientStatus } from '../../src/client/status.js';
import { RoomgateError } from '../../src/protocol/errors.js';
import { CLIENT_TRANSPORTS, called, createHelper, lose, startWordsServer } from '../support/client.js';
import { EventLog, eventually, unusedPort } from '../support/facts.js';
import { startServer, type TestOptions } from '../support/server.js';
import { startProxy } from '../support/tcp-proxy.js';

const CUTS = 30;
const GOOD = { path: '/socket.io', auth: { token: 'good' } };

/** A server that records the messages of clients, and how often each was authenticated. */
async function startChat(options: TestOptions = {}, port = 0) {
  const said = new EventLog<unknown>();
  const started = await startServer(
    {
      clientConnectedFn: ({ socket }) => {
        socket.on('say', (text) => said.push(text));
      },
      ...options,
    },
    port,
  );
  return { ...started, said };
}

const portOf = (url: string): number => Number(new URL(url).port);

describe('a client with automatic authentication', () => {
  it.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
    `survives ${CUTS} cuts in a row over $transports: authenticates, rejoins its rooms, keeps subscriptions and queue`,
    async ({ transports }) => {
      const server = await startChat();
      const proxy = await startProxy({ target: portOf(server.url) });
      const reasons: string[] = [];
      const rejoined = new EventLog<readonly string[]>();
      const failures: unknown[] = [];
      const client = createHelper(`http://127.0.0.1:${proxy.port}`, {
        credentials: ({ reason }) => {
          reasons.push(reason);
          return { token: 'good' };
        },
        queue: true,
        onRoomsRejoined: ({ joined }) => rejoined.push(joined),
        options: { path: '/socket.io', transports },
      });
      const news = new EventLog<unknown>();
      client.helper.subscribe({ event: 'news', handler: (n) => news.push(n) });
      await client.helper.waitFor('authenticated');
      expect((await client.helper.joinRooms({ rooms: ['open-1', 'open-2'] })).refused).toEqual([]);
      for (let cut = 1; cut <= CUTS; cut++) {
        await lose(client.helper, proxy);
        // Offline: the event waits in the queue.
        client.helper.emit({ topic: 'say', data: cut, cb: (error) => error && failures.push(error) });
        expect(await rejoined.next()).toEqual(['open-1', 'open-2']);
        expect(await server.said.next()).toBe(cut);
        server.helper.send({ destination: 'open-2', payload: { topic: 'news', data: cut } });
        expect(await news.next()).toBe(cut);
      }
      const all = Array.from({ length: CUTS }, (_, index) => index + 1);
      expect(server.said.all).toEqual(all);
      expect(news.all).toEqual(all);
      expect(failures).toEqual([]);
      expect(reasons[0]).toBe('connect');
      expect(new Set(reasons.slice(1))).toEqual(new Set(['reconnect']));
      // The server notices a cut between two polls only by the heartbeat, up to 45 s later.
      await eventually(() => expect(server.helper.getClients().size).toBe(1), { timeout: 60_000 });
    },
    120_000,
  );

  it('survives a restarted server, and events emitted meanwhile arrive in order and once', async () => {
    const port = await unusedPort();
    const first = await startChat({}, port);
    const rejoined = new EventLog<unknown>();
    const { helper } = createHelper(first.url, {
      autoAuthenticate: true,
      queue: true,
      onRoomsRejoined: (answer) => rejoined.push(answer),
      options: GOOD,
    });
    await helper.waitFor('authenticated');
    await helper.joinRooms({ rooms: ['open-1', 'closed'] });
    const lost = helper.waitFor('waiting');
    await first.helper.shutdown();
    await lost;
    for (let n = 0; n < 10; n++) helper.emit({ topic: 'say', data: n });
    const second = await startChat({}, port);
    expect(await rejoined.next()).toEqual({ joined: ['open-1'], refused: [] });
    await eventually(() => expect(second.said.all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(first.said.all).toEqual([]);
  });

  it('is in its rooms before the queue is flushed, and later messages follow the queue', async () => {
    let open: (() => void) | undefined;
    const heard: string[] = [];
    const server = await startServer({
      validateRoomFn: async ({ rooms }) => {
        await new Promise<void>((resolve) => {
          open = resolve;
        });
        return rooms;
      },
      clientConnectedFn: ({ socket }) => {
        socket.on('say', (text) => heard.push(`${text} in ${socket.rooms.has('open-1')}`));
      },
    });
    const { helper } = createHelper(server.url, { autoAuthenticate: true, queue: true, options: GOOD });
    expect((await helper.joinRooms({ rooms: ['open-1'] })).refused).toMatchObject([{ code: 'offline' }]);
    helper.emit({ topic: 'say', data: 1 });
    await helper.waitFor('authenticated');
    helper.emit({ topic: 'say', data: 2 });
    await eventually(() => open !== undefined);
    open?.();
    await eventually(() => expect(heard).toEqual(['1 in true', '2 in true']));
  });

  it('reports each room that it did not get back, and does not request a finally refused room again', async () => {
    const port = await unusedPort();
    const first = await startChat({}, port);
    const rejoined = new EventLog<{ joined: string[]; refused: { room: string; code: string }[] }>();
    const { helper } = createHelper(first.url, {
      autoAuthenticate: true,
      onRoomsRejoined: (answer) => rejoined.push(answer),
      options: GOOD,
    });
    await helper.waitFor('authenticated');
    await helper.joinRooms({ rooms: ['open-1', 'open-2', 'open-3'] });
    await helper.leaveRooms({ rooms: ['open-3'] });
    const asked: string[][] = [];
    const guard = ({ rooms }: { rooms: string[] }) => {
      asked.push(rooms);
      return rooms.filter((room) => room !== 'open-2');
    };
    let lost = helper.waitFor('waiting');
    await first.helper.shutdown();
    await lost;
    const second = await startChat({ validateRoomFn: guard }, port);
    const answer = await rejoined.next();
    expect(answer).toMatchObject({ joined: ['open-1'], refused: [{ room: 'open-2', code: 'not_allowed' }] });
    lost = helper.waitFor('waiting');
    await second.helper.shutdown();
    await lost;
    await startChat({ validateRoomFn: guard }, port);
    expect(await rejoined.next()).toEqual({ joined: ['open-1'], refused: [] });
    expect(asked).toEqual([['open-1', 'open-2'], ['open-1']]);
  });

  it('requests a room again after its guard had failed', async () => {
    let tries = 0;
    const server = await startServer({
      validateRoomFn: ({ rooms }) => {
        tries += 1;
        if (tries === 1) throw new Error('the database is down');
        return rooms;
      },
    });
    const rejoined = new EventLog<{ joined: string[] }>();
    const { helper } = createHelper(server.url, {
      autoAuthenticate: true,
      onRoomsRejoined: (answer) => rejoined.push(answer),
      options: GOOD,
    });
    await helper.joinRooms({ rooms: ['open-1'] });
    expect((await rejoined.next()).joined).toEqual([]);
    expect(await rejoined.next()).toEqual({ joined: ['open-1'], refused: [] });
  });

  it('keeps its other rooms if the guard fails for one', async () => {
    const server = await startServer({
      validateRoomFn: ({ rooms }) => {
        if (rooms.includes('open-broken')) throw new Error('this room is broken');
        return rooms;
      },
      logger: false,
    });
    const joined = new Set<string>();
    const { helper } = createHelper(server.url, {
      autoAuthenticate: true,
      onRoomsRejoined: (answer) => {
        for (const room of answer.joined) joined.add(room);
      },
      options: GOOD,
    });
    const rooms = ['open-1', 'open-broken', 'open-2'];
    await helper.joinRooms({ rooms });
    await eventually(() => joined.size === 2, { timeout: 15_000 });
    expect([...joined]).toEqual(['open-1', 'open-2']);
  });

  it('splits a request for many rooms as the server requires', async () => {
    const server = await startServer({ limits: { roomsPerRequest: 3 } });
    const proxy = await startProxy({ target: portOf(server.url) });
    const rejoined = new EventLog<{ joined: string[]; refused: unknown[] }>();
    const { helper } = createHelper(`http://127.0.0.1:${proxy.port}`, {
      autoAuthenticate: true,
      onRoomsRejoined: (answer) => rejoined.push(answer),
      options: GOOD,
    });
    await helper.waitFor('authenticated');
    const rooms = Array.from({ length: 10 }, (_, n) => `open-${n}`);
    for (const room of rooms) await helper.joinRooms({ rooms: [room] });
    proxy.cut();
    const answer = await rejoined.next();
    expect([...answer.joined].sort()).toEqual(rooms);
    expect(answer.refused).toEqual([]);
  });

  it('does not request twice if the program requests in onConnected', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url, {
      autoAuthenticate: true,
      onConnected: (): void => client.helper.authenticate(),
    });
    await client.helper.waitFor('authenticated');
    client.helper.emit({ topic: 'end' });
    await server.heard.next(([event]) => event === 'end');
    expect(server.heard.all).toEqual([['authenticate'], ['end']]);
    expect(client.log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('does nothing for a program that authenticates automatically', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url);
    await called(client, 'onConnected');
    client.helper.authenticate();
    await called(client, 'onAuthenticated');
    await client.helper.joinRooms({ rooms: ['a'] });
    (await server.sockets.next()).conn.close();
    await called(client, 'onConnected');
    client.helper.emit({ topic: 'end' });
    await server.heard.next(([event]) => event === 'end');
    expect(server.heard.all).toEqual([['authenticate'], ['join', { rooms: ['a'] }], ['end']]);
    expect(client.helper.getStatus()).toEqual({ status: 'connected' });
  });
});

describe('credentials', () => {
  it('are requested at each attempt, may be asynchronous, and replace auth', async () => {
    const seen: unknown[] = [];
    const server = await startServer({
      authenticateFn: ({ auth }) => {
        seen.push(auth);
        return true;
      },
    });
    let count = 0;
    const client = createHelper(server.url, {
      credentials: async ({ reason }) => {
        await new Promise((resolve) => setImmediate(resolve));
        count += 1;
        return { reason, count };
      },
      options: GOOD,
    });
    await client.helper.waitFor('authenticated');
    const again = client.calls.next(([name]) => name === 'onDisconnected');
    for (const { socket } of server.helper.getClients().values()) socket.conn.close();
    await again;
    await client.helper.waitFor('authenticated');
    client.helper.disconnect();
    client.helper.connect();
    await client.helper.waitFor('authenticated');
    expect(seen).toEqual([
      { reason: 'connect', count: 1 },
      { reason: 'reconnect', count: 2 },
      { reason: 'connect', count: 3 },
    ]);
  });

  it.each([
    [
      'throw',
      () => Promise.reject(new Error('the token server is down')),
      'credentials() failed: the token server is down',
    ],
    ['are no object', () => 'a token' as never, 'expected an object such as { token }, received a string'],
    ['are nothing', () => undefined as never, 'received undefined (does the function lack a "return"?)'],
  ])('that %s are an error, and the next attempt asks again', async (_, broken, message) => {
    const server = await startServer();
    let tries = 0;
    const client = createHelper(server.url, {
      credentials: () => {
        tries += 1;
        return tries < 3 ? broken() : { token: 'good' };
      },
      options: { path: '/socket.io' },
    });
    const [, error] = await called(client, 'onError');
    expect(error).toMatchObject({ code: 'credentials_failed', message: expect.stringContaining(message) });
    await client.helper.waitFor('authenticated');
    expect(tries).toBe(3);
  });

  it('that arrive after the connection was lost are not used', async () => {
    const server = await startServer();
    const proxy = await startProxy({ target: portOf(server.url) });
    const answers = new EventLog<(auth: Record<string, unknown>) => void>();
    const { helper } = createHelper(`http://127.0.0.1:${proxy.port}`, {
      credentials: () => new Promise((resolve) => answers.push(resolve)),
      options: { path: '/socket.io', transports: ['websocket'] },
    });
    const late = await answers.next();
    proxy.cut();
    const fresh = await answers.next();
    late({ token: 'stale' });
    fresh({ token: 'good' });
    await helper.waitFor('authenticated');
    expect([...server.helper.getClients().values()].map(({ socket }) => socket.handshake.auth)).toEqual([
      { token: 'good' },
    ]);
  });
});

describe('the queue', () => {
  const connectTo = (url: string, queue: true | { max?: number; ttl?: number }, more = {}) =>
    createHelper(url, { autoAuthenticate: true, queue, options: GOOD, ...more });

  it('holds at most `max` messages', async () => {
    const { helper } = connectTo('http://127.0.0.1:1', { max: 2 });
    helper.emit({ topic: 'a' });
    helper.emit({ topic: 'b' });
    expect(() => helper.emit({ topic: 'c' })).toThrow(
      new RoomgateError(
        'queue_full',
        'emit("c"): the queue is full: it holds 2 messages. Raise "queue.max", or send less while offline.',
      ),
    );
    expect(() => helper.emit({ topic: '' })).toThrow(/topic/);
  });

  it('returns expired messages', async () => {
    const { helper } = connectTo('http://127.0.0.1:1', { ttl: 30 });
    const errors = new EventLog<unknown>();
    helper.emit({ topic: 'a', cb: (error) => errors.push(error) });
    helper.emit({ topic: 'b', cb: (error) => errors.push(error) });
    expect(await errors.next()).toMatchObject({ code: 'expired', message: expect.stringContaining('"a"') });
    expect(await errors.next()).toMatchObject({ code: 'expired', message: expect.stringContaining('"b"') });
  });

  it('logs a returned message without a callback', async () => {
    const { log, helper } = connectTo('http://127.0.0.1:1', { ttl: 1 });
    helper.emit({ topic: 'a' });
    await eventually(() =>
      log.lines.includes('warn: [roomgate] tester: emit("a") was not sent: it waited in the queue for 1 ms.'),
    );
  });

  it.each([
    ['refused', (): void => {}],
    ['disconnected', (helper: SocketIOClientHelper): void => helper.disconnect()],
    ['shut_down', (helper: SocketIOClientHelper): void => helper.shutdown()],
  ] as const)('returns every message when the client is %s', async (code, act) => {
    const server = await startServer({ authenticateFn: () => new Promise((resolve) => setImmediate(resolve, false)) });
    const { helper } = connectTo(server.url, true);
    const errors = new EventLog<unknown>();
    helper.emit({ topic: 'a', cb: (error) => errors.push(error) });
    act(helper);
    expect(await errors.next()).toMatchObject({ code });
    if (code !== 'shut_down') expect(() => helper.emit({ topic: 'b' })).toThrow(/is not connected/);
  });

  it('calls back once the queued message was handed over', async () => {
    const server = await startChat();
    const { helper } = connectTo(server.url, true);
    const done = new EventLog<unknown>();
    helper.emit({ topic: 'say', data: 'a', cb: (error) => done.push(error) });
    expect(await done.next()).toBe(undefined);
    expect(await server.said.next()).toBe('a');
  });

  it('returns messages that Socket.IO can not encode, and sends the others', async () => {
    const server = await startChat();
    const { helper } = connectTo(server.url, true);
    const errors = new EventLog<unknown>();
    helper.emit({ topic: 'say', data: { nested: 1n }, cb: (error) => errors.push(error) });
    helper.emit({ topic: 'say', data: 'b' });
    expect(await errors.next()).toMatchObject({ code: 'invalid_argument' });
    expect(await server.said.next()).toBe('b');
  });
});

describe('after the connection ended, the client', () => {
  const told = (code: string) => ['unauthenticated', { message: 'Sorry.', code, time: 'now' }] as const;

  it.each(['refused', 'timeout', 'revoked', 'something new'])(
    '%s: stays disconnected until connect()',
    async (code) => {
      const server = await startWordsServer();
      const client = createHelper(server.url, { autoAuthenticate: true });
      await client.helper.waitFor('authenticated');
      const socket = await server.sockets.next();
      socket.emit(...told(code));
      // The same happens if the connection just closes after this event.
      socket.conn.close();
      await client.calls.next(([name]) => name === 'onDisconnected');
      expect(client.helper.getStatus()).toEqual({ status: 'refused', code, message: 'Sorry.' });
      expect(client.helper.getSocketClient().active).toBe(false);
      await expect(client.helper.waitFor('authenticated')).rejects.toMatchObject({ code: 'refused' });
      client.helper.connect();
      await client.helper.waitFor('authenticated');
    },
  );

  it.each(['expired', 'user_changed'])('%s: reconnects once with new credentials', async (code) => {
    const server = await startWordsServer();
    const reasons: string[] = [];
    const client = createHelper(server.url, {
      credentials: ({ reason }) => {
        reasons.push(reason);
        return {};
      },
    });
    for (let round = 0; round < 2; round++) {
      await client.helper.waitFor('authenticated');
      const socket = await server.sockets.next();
      const waiting = client.helper.waitFor('waiting');
      socket.emit(...told(code));
      socket.disconnect();
      await waiting;
    }
    await client.helper.waitFor('authenticated');
    expect(reasons).toEqual(['connect', 'reconnect', 'reconnect']);
  });

  it('expired again before authentication: leaves the decision to the program', async () => {
    const server = await startWordsServer({ verdict: told('expired') });
    server.io.on('connection', (socket) => socket.on('authenticate', () => socket.disconnect()));
    const { helper } = createHelper(server.url, { autoAuthenticate: true });
    await helper.waitFor('refused');
    await eventually(() => !helper.getSocketClient().active);
    expect(server.sockets.all).toHaveLength(2);
    expect(helper.getStatus()).toMatchObject({ code: 'expired' });
  });

  it('disconnected by the server: stays disconnected', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url, { autoAuthenticate: true });
    await client.helper.waitFor('authenticated');
    (await server.sockets.next()).disconnect();
    await client.helper.waitFor('disconnected');
    expect(client.helper.getSocketClient().active).toBe(false);
  });

  it.each(['roomgate:drain', 'roomgate:limited'])('%s: reconnects, but not before the given time', async (event) => {
    const server = await startWordsServer();
    const client = createHelper(server.url, { autoAuthenticate: true });
    await client.helper.waitFor('authenticated');
    const socket = await server.sockets.next();
    const before = Date.now();
    socket.emit(event, { after: 60_000 });
    socket.conn.close();
    await eventually(() => client.helper.getStatus().retryAt !== undefined);
    expect(client.helper.getStatus().status).toBe('waiting');
    expect(client.helper.getStatus().retryAt).toBeGreaterThanOrEqual(before + 60_000);
    // The program may call connect() earlier.
    client.helper.connect();
    await client.helper.waitFor('authenticated');
  });

  it('refused by a middleware of the server: stays disconnected, and reports the reason', async () => {
    const server = await startWordsServer();
    server.io.use((_socket, next) => next(new Error('not on Sundays')));
    const { helper } = createHelper(server.url, { autoAuthenticate: true });
    await helper.waitFor('refused');
    expect(helper.getStatus()).toEqual({ status: 'refused', code: 'connect_error', message: 'not on Sundays' });
  });

  it('server not there: keeps trying, as often as the program allows', async () => {
    const { helper } = createHelper('http://127.0.0.1:1', {
      autoAuthenticate: true,
      options: { reconnectionAttempts: 3 },
    });
    const seen: ISocketIOClientStatus[] = [];
    helper.onStatus((status) => seen.push(status));
    await helper.waitFor('disconnected');
    const retry = ['waiting', 'connecting'];
    expect(seen.map(({ status }) => status)).toEqual([...retry, ...retry, ...retry, 'disconnected']);
    for (const { retryAt } of seen.filter(({ status }) => status === 'waiting')) expect(retryAt).toBeTypeOf('number');
    expect(helper.getStatus().message).toMatch(
      /^every attempt to connect failed; the last one: connection refused at /,
    );
  });
});

describe('the status', () => {
  it('passes every stage, is one frozen object at a time, and its listeners can be removed', async () => {
    const server = await startServer();
    const seen: string[] = [];
    const { helper } = createHelper(server.url, {
      autoAuthenticate: true,
      onStatusChanged: ({ status }) => {
        seen.push(status);
      },
      options: { ...GOOD, autoConnect: false },
    });
    expect(helper.getStatus()).toEqual({ status: 'disconnected' });
    const other: string[] = [];
    const stop = helper.onStatus(({ status }) => other.push(status));
    await expect(helper.waitFor('authenticated')).rejects.toMatchObject({ code: 'disconnected' });
    helper.connect();
    await helper.waitFor('connected');
    stop();
    stop();
    await helper.waitFor('authenticated');
    expect(helper.getStatus()).toBe(helper.getStatus());
    expect(Object.isFrozen(helper.getStatus())).toBe(true);
    helper.shutdown();
    expect(seen).toEqual(['connecting', 'connected', 'authenticating', 'authenticated', 'disconnected']);
    expect(other.slice(0, 2)).toEqual(['connecting', 'connected']);
    expect(other).not.toContain('disconnected');
    await expect(helper.waitFor('authenticated')).rejects.toMatchObject({ code: 'shut_down' });
  });

  it('can be awaited: at once, in time, or until the program makes it impossible', async () => {
    const { helper } = createHelper('http://127.0.0.1:1', { autoAuthenticate: true });
    await helper.waitFor('connecting');
    await expect(helper.waitFor('authenticated', { timeout: 5 })).rejects.toMatchObject({ code: 'timed_out' });
    const reason = new Error('enough');
    const abort = new AbortController();
    const waiting = helper.waitFor('authenticated', { signal: abort.signal });
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(helper.waitFor('authenticated', { signal: abort.signal })).rejects.toBe(reason);
    await expect(helper.waitFor('there' as never)).rejects.toMatchObject({ code: 'invalid_argument' });
    const inVain = helper.waitFor('refused');
    helper.shutdown();
    await expect(inVain).rejects.toMatchObject({ code: 'shut_down' });
  });

  it('changes once if the program disconnects', async () => {
    const server = await startServer();
    const { helper } = createHelper(server.url, { autoAuthenticate: true, options: GOOD });
    await helper.waitFor('authenticated');
    const seen: unknown[] = [];
    helper.onStatus((status) => seen.push(status));
    helper.disconnect();
    helper.disconnect();
    expect(seen).toEqual([{ status: 'disconnected', message: 'io client disconnect' }]);
  });

  it('continues if a listener throws', async () => {
    const server = await startServer();
    const { helper, log } = createHelper(server.url, { autoAuthenticate: true, options: GOOD });
    helper.onStatus(() => {
      throw new Error('the page is gone');
    });
    await helper.waitFor('authenticated');
    expect(log.lines.join('\n')).toContain('the page is gone');
  });
});
