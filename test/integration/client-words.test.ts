// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { RoomgateError } from '../../src/client/index.js';
import { CLIENT_TRANSPORTS, called, createAuthenticated, createHelper, startWordsServer } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';

describe.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))('over $transports', ({ transports }) => {
  it('connects, authenticates, is disconnected, reconnects, and reports each status', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url, { options: { transports } });
    expect(client.helper.getState()).toBe('unauthorized');
    await called(client, 'onConnected');
    client.helper.authenticate();
    expect(client.helper.getState()).toBe('authenticating');
    await called(client, 'onAuthenticated');
    (await server.sockets.next()).conn.close();
    const [, reason] = await called(client, 'onDisconnected');
    expect(reason).toMatch(/^transport/);
    await called(client, 'onConnected');
    client.helper.authenticate();
    await called(client, 'onAuthenticated');
    expect(client.calls.all.map(([name, , state]) => `${name}: ${state}`)).toEqual([
      'onConnected: unauthorized',
      'onAuthenticated: authenticated',
      'onDisconnected: unauthorized',
      'onConnected: unauthorized',
      'onAuthenticated: authenticated',
    ]);
    expect(server.heard.all).toEqual([['authenticate'], ['authenticate']]);
  });

  it('joins rooms right after authentication, and leaves them', async () => {
    const server = await startWordsServer({
      answer: (event, rooms) => ({
        [event === 'join' ? 'joined' : 'left']: rooms.filter((room) => room !== 'secret'),
        refused: [{ room: 'secret', code: 'not_allowed', message: 'No.' }],
      }),
    });
    const answers = new EventLog<unknown>();
    const client = createHelper(server.url, {
      options: { transports },
      onConnected: () => client.helper.authenticate(),
      onAuthenticated: async () => answers.push(await client.helper.joinRooms({ rooms: ['a', 'secret', 'a'] })),
    });
    const refused = [{ room: 'secret', code: 'not_allowed', message: 'No.' }];
    expect(await answers.next()).toEqual({ joined: ['a'], refused });
    expect(await client.helper.leaveRooms({ rooms: ['a'] })).toEqual({ left: ['a'], refused });
    expect(server.heard.all).toEqual([
      ['authenticate'],
      ['join', { rooms: ['a', 'secret'] }],
      ['leave', { rooms: ['a'] }],
    ]);
  });

  it('emits every value unchanged, in the order of the calls', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url, { options: { transports } });
    await called(client, 'onConnected');
    const values = [0, false, '', null, 'ü😀', { a: [1, { b: null }] }, Buffer.from([1, 2, 3]), 'x'.repeat(70_000)];
    for (const data of values) client.helper.emit({ topic: 'value', data });
    client.helper.emit({ topic: 'value', data: undefined });
    await eventually(() => expect(server.heard.all).toHaveLength(values.length + 1));
    expect(server.heard.all).toEqual([...values.map((data) => ['value', data]), ['value']]);
  });

  it('receives subscribed events, across a reconnect', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url, { options: { transports } });
    const news = new EventLog<unknown>();
    client.helper.subscribeMany({ events: { news: (text) => news.push(text), other: () => {} } });
    const first = await server.sockets.next();
    first.emit('news', 0);
    expect(await news.next()).toBe(0);
    first.conn.close();
    (await server.sockets.next()).emit('news', 'again');
    expect(await news.next()).toBe('again');
    client.helper.unsubscribeMany({ events: ['news'] });
    expect(client.helper.getSocketClient().listeners('news')).toEqual([]);
    expect(client.helper.getSocketClient().listeners('other')).toHaveLength(1);
  });
});

describe('authentication', () => {
  it.each([
    [{ message: 'Sign in.', time: 'now' }, 'Sign in.'],
    [undefined, ''],
    [null, ''],
    ['text', ''],
    [{ message: { html: 1 } }, ''],
  ])('refused with %j reports %j', async (payload, message) => {
    const server = await startWordsServer({ verdict: ['unauthenticated', payload] });
    const client = createHelper(server.url);
    await called(client, 'onConnected');
    client.helper.authenticate();
    expect(await called(client, 'onUnauthenticated')).toEqual(['onUnauthenticated', message, 'unauthorized']);
  });

  it('is requested once, and only when connected and unauthorized', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url);
    client.helper.authenticate();
    expect(client.helper.getState()).toBe('unauthorized');
    await called(client, 'onConnected');
    client.helper.authenticate();
    client.helper.authenticate();
    await called(client, 'onAuthenticated');
    client.helper.authenticate();
    client.helper.emit({ topic: 'end' });
    await server.heard.next(([event]) => event === 'end');
    expect(server.heard.all).toEqual([['authenticate'], ['end']]);
    expect(client.log.lines.filter((line) => line.includes('authenticate() was ignored'))).toHaveLength(3);
  });

  it('is reset by a disconnect while it is pending', async () => {
    const server = await startWordsServer({ verdict: null });
    const client = createHelper(server.url);
    await called(client, 'onConnected');
    client.helper.authenticate();
    (await server.sockets.next()).disconnect();
    expect(await called(client, 'onDisconnected')).toEqual(['onDisconnected', 'io server disconnect', 'unauthorized']);
  });

  it('also counts if the program used the raw socket; a second message of it changes nothing', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url);
    await called(client, 'onConnected');
    client.helper.getSocketClient().emit('authenticate');
    await called(client, 'onAuthenticated');
    const socket = await server.sockets.next();
    socket.emit('authenticated', {});
    socket.emit('unauthenticated', { message: 'expired' });
    await called(client, 'onUnauthenticated');
    expect(client.calls.all.filter(([name]) => name === 'onAuthenticated')).toHaveLength(1);
  });
});

describe('callbacks and handlers that fail', () => {
  it('are logged and stop nothing', async () => {
    const server = await startWordsServer();
    const reached = new EventLog<string>();
    const fail = (name: string) => (): never => {
      reached.push(name);
      throw new Error(`mistake in ${name}`);
    };
    const client = createHelper(server.url, {
      onConnected: fail('onConnected'),
      onAuthenticated: async () => fail('onAuthenticated')(),
      onUnauthenticated: fail('onUnauthenticated'),
      onDisconnected: fail('onDisconnected'),
    });
    await reached.next((name) => name === 'onConnected');
    client.helper.authenticate();
    await reached.next((name) => name === 'onAuthenticated');
    const socket = await server.sockets.next();
    socket.emit('unauthenticated', { message: 'no' });
    socket.disconnect();
    await reached.next((name) => name === 'onDisconnected');
    await eventually(() => expect(client.log.lines.filter((line) => line.startsWith('error'))).toHaveLength(4));
    for (const name of reached.all) expect(client.log.lines.join('\n')).toContain(`mistake in ${name}`);
  });

  it('do not remove the helper’s listeners when a program subscribes to its events and unsubscribes', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url);
    const raw = new EventLog<unknown>();
    client.helper.getSocketClient().on('authenticated', (message) => raw.push(message));
    for (const event of ['connect', 'disconnect', 'authenticated', 'unauthenticated', 'ping']) {
      client.helper.subscribe({ event, handler: () => {} });
      client.helper.unsubscribe({ event });
    }
    await called(client, 'onConnected');
    client.helper.authenticate();
    await called(client, 'onAuthenticated');
    expect(await raw.next()).toEqual({ id: 'x', time: 'now' });
    client.helper.disconnect();
    expect(await called(client, 'onDisconnected')).toEqual(['onDisconnected', 'io client disconnect', 'unauthorized']);
  });
});

const CIRCLE: { self?: unknown } = {};
CIRCLE.self = CIRCLE;

describe('emitting', () => {
  it('throws without a connection', () => {
    const client = createHelper('http://127.0.0.1:1', { options: { autoConnect: false } });
    expect(() => client.helper.emit({ topic: 'a', data: 1 })).toThrow(RoomgateError);
    expect(() => client.helper.emit({ topic: 'a', data: 1 })).toThrow(
      expect.objectContaining({ code: 'not_connected' }),
    );
    expect(client.helper.getSocketClient().sendBuffer).toEqual([]);
  });

  it.each([
    [{ topic: '' }],
    [{ topic: undefined }],
    [{ topic: 5 }],
    [{ topic: 'connect' }],
    [{ topic: 'disconnect' }],
    [{ topic: 'roomgate:x' }],
    [{ topic: 'a', data: () => {} }],
    [{ topic: 'a', data: 5n }],
    [{ topic: 'a', data: { deep: [5n] } }],
    [{ topic: 'a', data: CIRCLE }],
    [undefined],
  ])('throws for %o', async (opts) => {
    const server = await startWordsServer();
    const client = createHelper(server.url);
    await called(client, 'onConnected');
    expect(() => client.helper.emit(opts as { topic: string })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  it('calls back after it has returned, and logs only the topic with doLog', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url);
    await called(client, 'onConnected');
    const order = new EventLog<string>();
    client.helper.emit({ topic: 'news', data: 'secret', doLog: true, cb: () => order.push('called back') });
    order.push('returned');
    await order.next((step) => step === 'called back');
    expect(order.all).toEqual(['returned', 'called back']);
    client.helper.emit({ topic: 'news', cb: () => Promise.reject(new Error('mistake in cb')) });
    await eventually(() => client.log.lines.some((line) => line.startsWith('error') && line.includes('mistake in cb')));
    expect(client.log.lines.filter((line) => line.includes('"news" was emitted'))).toHaveLength(1);
    expect(client.log.lines.join()).not.toContain('secret');
  });
});

describe('connecting', () => {
  it('begins with connect() if autoConnect is false, and a second call changes nothing', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url, { options: { autoConnect: false } });
    client.helper.configure();
    expect(client.helper.getSocketClient().active).toBe(false);
    client.helper.connect();
    client.helper.connect();
    await called(client, 'onConnected');
    client.helper.connect();
    client.helper.emit({ topic: 'end' });
    await server.heard.next();
    expect(server.sockets.all).toHaveLength(1);
    expect(client.calls.all).toHaveLength(1);
  });

  it('survives a connect() during the request for a namespace', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url, { options: { transports: ['websocket'] } });
    const { io } = client.helper.getSocketClient();
    await new Promise<void>((resolve) => io.on('open', resolve));
    client.helper.connect();
    await called(client, 'onConnected');
    client.helper.emit({ topic: 'end' });
    await server.heard.next();
    expect(client.calls.all.map(([name]) => name)).toEqual(['onConnected']);
  });

  it('works again after disconnect()', async () => {
    const server = await startWordsServer();
    const client = await createAuthenticated(server.url);
    client.helper.disconnect();
    await called(client, 'onDisconnected');
    client.helper.connect();
    await called(client, 'onConnected');
    expect(client.helper.getState()).toBe('unauthorized');
  });

  it('works for a namespace beside a helper of the same host that does not connect automatically', async () => {
    const server = await startWordsServer();
    server.io.of('/chat');
    createHelper(server.url, { options: { autoConnect: false } });
    const client = createHelper(`${server.url}/chat`);
    await called(client, 'onConnected');
    expect(client.helper.getSocketClient().connected).toBe(true);
  });

  it('reports each failure to onError, or to the log without onError', async () => {
    const server = await startWordsServer();
    server.io.use((_socket, next) => next(new Error('not today')));
    const told = createHelper(server.url);
    const [, error] = await called(told, 'onError');
    expect((error as Error).message).toBe('not today');
    expect(told.log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    const untold = createHelper(server.url, { onError: undefined });
    await eventually(() => untold.log.lines.some((line) => line.startsWith('warn') && line.includes('not today')));
  });
});
