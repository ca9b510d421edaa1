// npm test: node
// npm run test:matrix: newest-node
import { IncomingMessage, ServerResponse } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { IOSocket } from '../../src/ports/socket.js';
import { eventually } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { connectAuthenticated, startServer, type TestClient, type TestOptions } from '../support/server.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const WAYS = [
  { way: 'websocket', transports: ['websocket'] },
  { way: 'polling', transports: ['polling'] },
  { way: 'polling, then upgraded', transports: ['polling', 'websocket'] },
];

type RequestWithQuery = IncomingMessage & { readonly _query: Record<string, string> };
type Listeners = { rawListeners(event: string): unknown[]; listeners(event: string): unknown[] };
/** The members of engine.io and of `ws` that these tests read. */
interface Wire {
  readonly transport: Listeners & {
    readonly name: string;
    readonly socket: Listeners & { readonly _socket: Listeners };
  };
}
const wireOf = ({ conn }: IOSocket): Wire => conn as unknown as Wire;

type Middleware = (request: IncomingMessage, response: unknown, next: () => void) => void;

/** A server, with the properties of each socket before any of them was released. */
async function start(options: TestOptions = {}, middleware?: Middleware) {
  const before: { request: WeakRef<IncomingMessage>; headers: unknown; url: unknown }[] = [];
  const started = await startServer({
    ...options,
    clientConnectedFn: ({ socket: { request } }) => {
      before.push({ request: new WeakRef(request), headers: request.headers, url: request.url });
    },
  });
  if (middleware !== undefined) started.helper.getIOServer().engine.use(middleware);
  const socketOf = ({ socket }: TestClient): IOSocket => {
    const found = started.helper.getIOServer().sockets.sockets.get(socket.id ?? '');
    if (found === undefined) throw new Error('there is no such socket');
    return found;
  };
  const enter = async (transports: string[]): Promise<IOSocket> => {
    const client = await connectAuthenticated(started.url, {
      transports,
      query: { room: 'a b' },
      extraHeaders: { 'x-tag': 'some', cookie: 'a=b' },
    } as never);
    const socket = socketOf(client);
    await eventually(() => wireOf(socket).transport.name === transports.at(-1));
    return socket;
  };
  return { ...started, before, enter };
}

/** Resolves once the request has been garbage collected. */
const isGone = (request: WeakRef<IncomingMessage> | undefined): Promise<true> =>
  eventually(
    () => {
      collect();
      return request !== undefined && request.deref() === undefined;
    },
    { what: 'the request is let go' },
  );

describe.each(WAYS)('over $way, the request of an authenticated client', ({ transports }) => {
  it.each([{ fanout: true }, { fanout: false }])('is released, with %o', async (options) => {
    const { before, enter } = await start(options);
    await enter(transports);
    await isGone(before[0]?.request);
  });

  it('is released with middleware, such as cors, that does not keep it', async () => {
    const { before, enter } = await start({ serverOptions: { cors: { origin: 'http://127.0.0.1' } } }, (_, __, next) =>
      next(),
    );
    await enter(transports);
    await isGone(before[0]?.request);
  });

  it('returns the same values as before', async () => {
    const { before, enter } = await start();
    const socket = await enter(transports);
    await isGone(before[0]?.request);
    const request = socket.request as RequestWithQuery;
    expect(request).toBeInstanceOf(IncomingMessage);
    expect(request.headers).toBe(socket.handshake.headers);
    expect(request.headers).toBe(before[0]?.headers);
    expect(request.url).toBe(before[0]?.url);
    expect(request).toMatchObject({
      method: 'GET',
      httpVersion: '1.1',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      complete: true,
    });
    expect(request._query).toBe(socket.handshake.query);
    expect(request._query.room).toBe('a b');
    expect(request.connection).toBe(request.socket);
    expect(request.rawHeaders).toEqual(expect.arrayContaining(['x-tag', 'some', 'cookie', 'a=b']));
    expect(request.rawHeaders).toHaveLength(2 * Object.keys(request.headers).length);
  });

  it('still provides the handshake of a further namespace', async () => {
    const { helper, before, url } = await start();
    const seen: IOSocket['handshake'][] = [];
    helper
      .getIOServer()
      .of('/more')
      .on('connection', ({ handshake }) => seen.push(handshake));
    const client = await connectAuthenticated(url, { transports, query: { room: 'a b' } });
    await isGone(before[0]?.request);
    client.socket.io.socket('/more');
    await eventually(() => seen.length === 1);
    const [own] = helper.getClients().values();
    const { headers, address, xdomain, secure, url: target, query } = own?.socket.handshake ?? ({} as never);
    expect(seen[0]).toMatchObject({ address, xdomain, secure, url: target, query });
    expect(seen[0]?.headers).toBe(headers);
  });
});

describe('a request that the program has changed is kept', () => {
  const marks: readonly [string, (request: IncomingMessage) => void][] = [
    ['a session', (request) => Object.assign(request, { session: { user: 'a' } })],
    ['a field under a symbol', (request) => Object.assign(request, { [Symbol('mine')]: 1 })],
    ['another prototype', (request) => Object.setPrototypeOf(request, Object.create(IncomingMessage.prototype))],
  ];

  it.each(marks)('%s', async (_, mark) => {
    const requests: IncomingMessage[] = [];
    const { enter } = await start({}, (request, __, next) => {
      requests.push(request);
      mark(request);
      next();
    });
    const socket = await enter(['websocket']);
    expect(requests).toHaveLength(1);
    expect(socket.request).toBe(requests[0]);
  });
});

describe('the objects that engine.io creates for each connection', () => {
  it('include the response that middleware listens to', async () => {
    let closed = 0;
    const { enter } = await start({}, (_, response, next) => {
      if (!(response instanceof ServerResponse)) (response as NodeJS.EventEmitter).on('close', () => closed++);
      next();
    });
    const socket = await enter(['websocket']);
    expect(closed).toBe(0);
    socket.disconnect(true);
    await eventually(() => closed === 1);
  });

  it.each([{ fanout: true }, { fanout: false }])(
    'are shared by all authenticated clients, with %o',
    async (options) => {
      const { enter } = await start(options);
      const sockets = [
        await enter(['websocket']),
        await enter(['polling', 'websocket']),
        await enter(['websocket']),
      ].map(wireOf);
      for (const event of ['packet', 'drain', 'ready', 'error', 'close']) {
        const listeners = sockets.map(({ transport }) => transport.rawListeners(event));
        expect(listeners.map(({ length }) => length)).toEqual([1, 1, 1]);
        expect(new Set(listeners.flat()).size).toBe(1);
      }
      for (const { transport } of sockets) {
        // The listener of `ws`; the other one belonged to the response.
        expect(transport.socket._socket.listeners('close')).toHaveLength(1);
      }
    },
  );

  it('close a connection for the same reasons as before', async () => {
    const { helper, url } = await start({ authenticateFn: () => true });
    const reasons: string[] = [];
    const enter = async () => {
      const peer = await rawWebSocket(url);
      const { sid } = await peer.connect();
      peer.emit('authenticate');
      await peer.event('authenticated');
      helper.getClients({ id: sid })?.socket.on('disconnect', (reason) => reasons.push(reason));
      return peer;
    };
    const [lost, broken, wrong] = [await enter(), await enter(), await enter()];
    lost.terminate();
    await eventually(() => reasons.length === 1);
    // A frame above the size limit, and a packet of an unknown type.
    broken.send('4'.repeat(1_100_000));
    await eventually(() => reasons.length === 2);
    wrong.send('9');
    await eventually(() => reasons.length === 3);
    expect(reasons).toEqual(['transport close', 'transport error', 'parse error']);
  });
});
