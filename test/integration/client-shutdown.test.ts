// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { track } from '../support/cleanup.js';
import { CLIENT_TRANSPORTS, called, createAuthenticated, createHelper, startWordsServer } from '../support/client.js';
import { EventLog, eventually, unusedPort } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { itExceptOnBun, runnerOf } from '../support/setting.js';
import { startProxy } from '../support/tcp-proxy.js';

/** Refuses every request, and records the clients that asked. */
async function startRefusing(): Promise<{ url: string; asked: EventLog<string> }> {
  const asked = new EventLog<string>();
  const http = createServer((request, response) => {
    asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('who') ?? '');
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  track({
    stop: () => {
      http.closeAllConnections();
      http.close();
    },
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, asked };
}

/** Accepts every connection and never sends anything. */
async function startMute(): Promise<{ url: string; accepted: EventLog<Socket> }> {
  const accepted = new EventLog<Socket>();
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    accepted.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  track({
    stop: () => {
      server.close();
      for (const socket of accepted.all) socket.destroy();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accepted };
}

describe('shutdown() while the server is unreachable', () => {
  it.each([['between two attempts'], ['within onError']])('makes no further attempt: %s', async (moment) => {
    const { url, asked } = await startRefusing();
    const options = { query: { who: 'gone' }, transports: ['polling'] };
    const gone = createHelper(url, {
      options,
      ...(moment === 'within onError' && { onError: () => gone.helper.shutdown() }),
    });
    if (moment === 'between two attempts') {
      // Right after the first failure. Later, another request could already be on its way to the server.
      await called(gone, 'onError');
      gone.helper.shutdown();
    } else {
      await eventually(() => asked.all.includes('gone') && !gone.helper.getSocketClient().active);
    }
    const before = asked.all.filter((who) => who === 'gone').length;
    // Another client that keeps trying measures the time.
    createHelper(url, { options: { ...options, query: { who: 'control' } } });
    await eventually(() => asked.all.filter((who) => who === 'control').length > 5);
    expect(asked.all.filter((who) => who === 'gone')).toHaveLength(before);
  });

  it('disconnect() makes no further attempt, and connect() tries again', async () => {
    const { url, asked } = await startRefusing();
    const client = createHelper(url, { options: { query: { who: 'gone' }, transports: ['polling'] } });
    await called(client, 'onError');
    client.helper.disconnect();
    const before = asked.all.length;
    createHelper(url, { options: { query: { who: 'control' }, transports: ['polling'] } });
    await eventually(() => asked.all.filter((who) => who === 'control').length > 5);
    expect(asked.all.filter((who) => who === 'gone')).toHaveLength(before);
    client.helper.connect();
    await eventually(() => asked.all.filter((who) => who === 'gone').length > before);
  });

  it('aborts a connection attempt at once', async () => {
    const { url, accepted } = await startMute();
    const client = createHelper(url, { options: { transports: ['websocket'] } });
    const socket = await accepted.next();
    client.helper.shutdown();
    await eventually(() => socket.destroyed || socket.readableEnded);
  });
});

describe('shutdown() of a connected client', () => {
  it.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
    'ends the connection, all listeners and the state, and runs no callback, over $transports',
    async ({ transports }) => {
      const server = await startWordsServer();
      const client = await createAuthenticated(server.url, { options: { transports } });
      const raw = client.helper.getSocketClient();
      const heard: unknown[] = [];
      raw.on('news', (text) => heard.push(text));
      raw.onAny((event) => heard.push(event));
      client.helper.subscribe({ event: 'news', handler: (text) => void heard.push(text) });
      const socket = await server.sockets.next();
      const ended = new Promise((resolve) => socket.on('disconnect', resolve));
      const before = client.calls.all.length;
      client.helper.shutdown();
      client.helper.shutdown();
      expect(client.helper.getState()).toBe('unauthorized');
      expect([raw.connected, raw.active]).toEqual([false, false]);
      expect(raw.listeners('news')).toEqual([]);
      expect(raw.listeners('connect')).toEqual([]);
      expect(raw.listenersAny()).toEqual([]);
      await ended;
      await eventually(() => expect(server.io.engine.clientsCount).toBe(0));
      expect(client.calls.all).toHaveLength(before);
      expect(heard).toEqual([]);
    },
  );

  it('is final, and later calls have no effect', async () => {
    const server = await startWordsServer();
    const { helper, log } = await createAuthenticated(server.url);
    helper.shutdown();
    helper.connect();
    helper.disconnect();
    helper.authenticate();
    helper.configure();
    helper.subscribe({ event: 'news', handler: () => {} });
    helper.unsubscribe({ event: 'news' });
    expect(() => helper.emit({ topic: 'news' })).toThrow(expect.objectContaining({ code: 'not_connected' }));
    expect((await helper.joinRooms({ rooms: ['a'] })).refused).toMatchObject([{ room: 'a', code: 'offline' }]);
    expect(helper.getSocketClient().active).toBe(false);
    expect(helper.getSocketClient().listeners('news')).toEqual([]);
    expect(log.lines.filter((line) => line.includes('was shut down'))).toHaveLength(2);
  });

  it('does not affect another helper of the same host, of the same or another namespace', async () => {
    const server = await startWordsServer();
    server.io.of('/chat').on('connection', (socket) => socket.on('hello', (answer) => answer('hello')));
    const first = createHelper(server.url);
    const others = [createHelper(server.url), createHelper(`${server.url}/chat`)];
    for (const client of [first, ...others]) await called(client, 'onConnected');
    first.helper.shutdown();
    const [second, chat] = others.map(({ helper }) => helper);
    second?.emit({ topic: 'end' });
    await server.heard.next(([event]) => event === 'end');
    expect(await chat?.getSocketClient().timeout(5_000).emitWithAck('hello')).toBe('hello');
    expect(others.map(({ calls }) => calls.all.length)).toEqual([1, 1]);
  });
});

/** Not reported upstream: in older versions of Bun, `node:http` keeps waiting for the answer to an aborted request. */
const itWhereRequestsEnd = itExceptOnBun('an aborted request does not keep the process alive', [1, 4]);

describe('a program that shuts its client down', () => {
  let awayUrl = '';
  /** The exit of a program whose server stopped answering. It takes seconds, while the other tests run. */
  let endOfUnanswered: Promise<unknown>;
  beforeAll(async () => {
    awayUrl = `http://127.0.0.1:${await unusedPort()}`;
    const server = await startWordsServer();
    const proxy = await startProxy({ target: server.port });
    const program = startClient(`http://127.0.0.1:${proxy.port}`, 'polling', 'told');
    await server.sockets.next();
    proxy.blackhole();
    program.send('now');
    endOfUnanswered = program.ended(10_000);
    // A later test awaits it.
    endOfUnanswered.catch(() => undefined);
  });

  function startClient(host: string, transports: string, moment: string, timeoutMs = 20_000): Program {
    const args = [host, transports, moment, `${timeoutMs}`];
    return startProgram(new URL('../fixtures/client-shutdown.mjs', import.meta.url), { ...runnerOf(), args });
  }

  async function endOf(host: string, transports: string, moment: string): Promise<unknown[]> {
    const program = startClient(host, transports, moment);
    const exit = await program.ended(10_000);
    expect(program.stderr).toBe('');
    expect(exit).toMatchObject({ code: 0 });
    return [...program.messages.all];
  }

  it.each([
    ['polling', 'failed'],
    ['websocket', 'failed'],
    ['polling', 'trying again'],
    ['websocket', 'trying again'],
  ])('exits by itself while the server is unreachable, over %s, if it has %s', async (transports, moment) => {
    expect(await endOf(awayUrl, transports, moment)).toEqual(['started', 'unauthorized']);
  });

  it.each([['polling'], ['websocket'], ['polling,websocket']])(
    'disconnects, then exits by itself, over %s',
    async (transports) => {
      const server = await startWordsServer();
      const reasons = new EventLog<string>();
      server.io.on('connection', (socket) => socket.on('disconnect', (reason) => reasons.push(reason)));
      expect(await endOf(server.url, transports, 'connected')).toEqual(['started', 'unauthorized']);
      expect(await reasons.next()).toBe('client namespace disconnect');
    },
  );

  it.each([['polling'], ['websocket']])(
    'stays alive over %s while it is connected, and exits after shutdown()',
    async (transports) => {
      const server = await startWordsServer({ pingInterval: 20 });
      const program = startClient(server.url, transports, 'told');
      const { conn } = await server.sockets.next();
      const beats = new EventLog<unknown>();
      conn.on('heartbeat', () => beats.push(undefined));
      for (let i = 0; i < 10; i++) await beats.next();
      program.send('now');
      expect(await program.ended()).toMatchObject({ code: 0 });
    },
  );

  for (const transports of ['polling', 'websocket']) {
    (transports === 'polling' ? itWhereRequestsEnd : it)(
      `stays alive over ${transports} while a server sends nothing, and exits after shutdown()`,
      async () => {
        const { url, accepted } = await startMute();
        const program = startClient(url, transports, 'told', 100);
        for (let i = 0; i < 3; i++) await accepted.next();
        program.send('now');
        expect(await program.ended()).toMatchObject({ code: 0 });
        expect(program.messages.all).toEqual(['started', 'unauthorized']);
      },
    );
  }

  itWhereRequestsEnd('ends a few seconds later where a server has stopped answering over polling', async () => {
    expect(await endOfUnanswered).toMatchObject({ code: 0 });
  });
});
