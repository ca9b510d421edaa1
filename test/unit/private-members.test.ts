// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { constants, deflateRawSync } from 'node:zlib';
import { createAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';
import { Adapter, ClusterAdapter } from 'socket.io-adapter';
import { describe, expect, it, vi } from 'vitest';
import type { WebSocket, WebSocketServer } from 'ws';
import { NodePosts } from '../../src/ingress/node-posts.js';
import type { IOSocket } from '../../src/ports/socket.js';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js';
import { AdapterBroadcasts } from '../../src/socketio/adapter-broadcasts.js';
import { askForIds, serverSideEmitWithAck } from '../../src/socketio/adapters.js';
import { BunEngine } from '../../src/socketio/bun-engine.js';
import { GuardedBunSocket } from '../../src/socketio/bun-socket.js';
import { CompactRequest, compacted } from '../../src/socketio/compact-request.js';
import { giveUpUpgrade, setCloseTimeout, setLargestBody } from '../../src/socketio/engine-io.js';
import type { EngineConnection, EngineRequest } from '../../src/socketio/engine-types.js';
import { boundFetchAnswers } from '../../src/socketio/fetch-answers.js';
import { GuardedWebSocket } from '../../src/socketio/guarded-web-socket.js';
import { NodeEngine } from '../../src/socketio/node-engine.js';
import { keepsResponses, keepsWebSockets, probeConnection, probeTransport } from '../../src/socketio/node-probe.js';
import { keepFromClosingEarly } from '../../src/socketio/node-sender.js';
import { letThrough, OutgoingPackets } from '../../src/socketio/outgoing-packets.js';
import { PacedPosts } from '../../src/socketio/paced-posts.js';
import { Pacing } from '../../src/socketio/pacing.js';
import { makeProbeServer, ProbeConnection } from '../../src/socketio/probe-server.js';
import { queuedPackets, responseOf, unreadBytes } from '../../src/socketio/send-queue.js';
import { listensAsExpected } from '../../src/socketio/shared-listeners.js';
import {
  acknowledge,
  interceptPackets,
  makeSocketIds,
  onSocketGone,
  receivePacket,
  tellOutgoingListeners,
  writeEncoded,
} from '../../src/socketio/socket-io.js';
import { leavesOneListener } from '../../src/socketio/upgrade-responses.js';
import { noteWebSocket, webSocketOf } from '../../src/socketio/web-sockets.js';
import { type GuardOptions, guardedWsEngine } from '../../src/socketio/ws.js';
import { boundsInflated, canPace, limitsHold } from '../../src/socketio/ws-probe.js';
import { defer } from '../support/cleanup.js';
import { connectPolling, pollOf, startEngine, type TestEngine, TestResponse, TestStream } from '../support/engine.js';
import { eventually, nextEvent } from '../support/facts.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';

interface Polling {
  readonly closeTimeout?: number;
  readonly maxHttpBufferSize?: number;
  readonly opts?: { readonly maxHttpBufferSize?: number };
}

/** A socket of socket.io on a connection without a peer. */
async function connectSocket(prepare: (socket: IOSocket) => void = () => {}) {
  const connection = new ProbeConnection();
  defer(() => connection.end());
  const { io, accept } = makeProbeServer(Adapter);
  expect(makeSocketIds(io.sockets, () => 'made')).toBe(true);
  const connected = new Promise<IOSocket>((resolve) => {
    io.on('connect', (socket) => {
      prepare(socket);
      resolve(socket);
    });
  });
  accept(connection);
  connection.receive('0');
  const socket = await connected;
  connection.written.length = 0;
  return { connection, socket };
}

const namespace = () => ({ name: '/', server: { encoder: { encode: () => ['2["x"]'] } }, sockets: new Map() }) as never;

/** An adapter derived from `ClusterAdapter`, like adapters for other brokers. */
class Clustered extends ClusterAdapter {
  // The overridden method is protected.
  constructor(of: never) {
    super(of);
  }
  protected override doPublish = async () => '';
  protected override doPublishResponse = async () => {};
}

/** An adapter for Redis that records everything it publishes. */
function redisAdapter() {
  const published: unknown[][] = [];
  const client = () => Object.assign(new EventEmitter(), { psubscribe() {}, subscribe() {} });
  const publish = (...message: unknown[]) => published.push(message);
  const adapter = createAdapter(Object.assign(client(), { publish }), client())(namespace());
  adapter.serverCount = () => Promise.resolve(2);
  return { adapter, published };
}

const GUARD: GuardOptions = {
  ...{ mostBytes: 200, mostFragments: 4, closeTimeoutMs: 1_000 },
  filter: (_, pass) => ({ write: pass, lift() {}, isDone: false }),
  ...{ isAdmitted: () => false, opened() {}, unlimited() {}, uncompressed() {}, unpaced() {} },
  pace: { pacing: new Pacing(DEFAULT_LIMITS), keepAlive() {}, tooFast() {}, tooLarge() {} },
};

interface Receiver {
  _maxPayload: number;
  write(chunk: Buffer): boolean;
}

function receiverOf(webSocket: WebSocket): Receiver {
  return Reflect.get(webSocket, '_receiver') as Receiver;
}

/** A server's WebSocket without a peer, with compression if the server wants it. */
async function openCompressed(Engine: typeof WebSocketServer): Promise<WebSocket> {
  const headers = {
    ...{ upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
    'sec-websocket-extensions': 'permessage-deflate',
  };
  const server = new Engine({ noServer: true, perMessageDeflate: true, maxPayload: 1_000 });
  const request = { method: 'GET', headers } as never;
  return new Promise((resolve) => server.handleUpgrade(request, new TestStream(), Buffer.alloc(0), resolve));
}

/** A compressed and masked text frame, whose message has that many bytes. */
function compressedFrame(bytes: number): Buffer {
  const body = deflateRawSync(Buffer.alloc(bytes, 'a'), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return Buffer.concat([Buffer.from([0xc1, 0x80 | body.length, 0, 0, 0, 0]), body]);
}

/** Hides the limit of each extension of a WebSocket. */
function moveLimitOfExtensions(webSocket: object): void {
  let agreed: object = {};
  const set = (extensions: object): void => {
    const moved = (extension: object) => Object.create(extension, { _maxPayload: { value: undefined } });
    agreed = Object.fromEntries(Object.entries(extensions).map(([name, extension]) => [name, moved(extension)]));
  };
  Object.defineProperty(webSocket, '_extensions', { get: () => agreed, set });
}

const LIMITS = { mostBytes: 200, mostFragments: 4, closeTimeoutMs: 1_000 };

/**
 * Private members that an update of a package may change. Each use has a fallback; these tests fail if it is in use.
 */
describe('the private members of other packages in use exist:', () => {
  it('the packets of a socket, and its state that is read before handlers are called', async () => {
    let isOver = false;
    const sweeps: string[] = [];
    const outgoing = new OutgoingPackets(() => {
      sweeps.push('');
      if (!isOver) return;
      isOver = false;
      outgoing.bar(socket);
      socket.disconnect();
    });
    const heard: string[] = [];
    const { connection, socket } = await connectSocket();
    expect(outgoing.watch(socket)).toBe(true);
    expect(outgoing.watch(socket)).toBe(true);
    socket.on('ask', (acknowledge) => acknowledge('answered'));
    socket.on('late', () => heard.push('late'));
    socket.use((_, next) => next());
    const swept = (act: () => unknown): number => {
      const before = sweeps.length;
      act();
      return sweeps.length - before;
    };
    expect(swept(() => socket.emit('x'))).toBe(1);
    expect(swept(() => socket.send('x'))).toBe(1);
    expect(swept(() => socket.volatile.emit('x'))).toBe(1);
    expect(swept(() => socket.emit('x', () => {}))).toBe(1);
    connection.receive('27["ask"]');
    await eventually(() => expect(connection.written.at(-1)).toBe('37["answered"]'));
    const { length } = connection.written;
    socket.use((_, next) => {
      isOver = true;
      next();
    });
    connection.receive('2["late"]');
    await eventually(() => !socket.connected);
    socket.emit('x');
    const last = { code: 'expired' };
    letThrough(socket, last);
    socket.emit('unauthenticated', last);
    socket.emit('unauthenticated', { code: 'another' });
    expect(heard).toEqual([]);
    expect(connection.written.slice(length)).toEqual(['1', '2["unauthenticated",{"code":"expired"}]']);
  });

  it('the packets of a socket; without the method nothing is replaced', async () => {
    const outgoing = new OutgoingPackets(() => {});
    const { socket } = await connectSocket();
    const bare = Object.assign(Object.create(Object.create(null)), { connected: true });
    expect(outgoing.watch(bare)).toBe(false);
    expect(Object.keys(bare)).not.toContain('packet');
    letThrough(socket, {});
    expect(Object.keys(socket)).not.toContain('packet');
  });

  it('the limits of a WebSocket of ws', () => {
    expect(limitsHold(LIMITS)).toBe(true);
  });

  it('the limits of a WebSocket of ws; without its receiver they are not changed', () => {
    class Moved extends GuardedWebSocket {
      override limit(): void {}
    }
    expect(limitsHold(LIMITS, Moved)).toBe(false);
    class Throws extends GuardedWebSocket {
      override lift(): void {
        throw new Error('moved');
      }
    }
    expect(limitsHold(LIMITS, Throws)).toBe(false);
  });

  it('the input of a WebSocket of ws', () => {
    expect(canPace()).toBe(true);
  });

  it('the input of a WebSocket of ws; without its receiver it is not paced', () => {
    class Moved extends GuardedWebSocket {
      override pace(): void {}
    }
    expect(canPace(Moved)).toBe(false);
    class Throws extends GuardedWebSocket {
      override pace(): void {
        throw new Error('moved');
      }
    }
    expect(canPace(Throws)).toBe(false);
    const unpaced = vi.fn();
    guardedWsEngine({ ...GUARD, unpaced }, Moved);
    expect(unpaced).toHaveBeenCalledOnce();
  });

  it('the parser of a polling transport; without it bodies are not paced', () => {
    const tooFast = vi.fn();
    const pace = { pacing: new Pacing({ ...DEFAULT_LIMITS, messageBurst: 20 }), keepAlive() {}, tooFast };
    defer(() => pace.pacing.turns.clear());
    const transport = startEngine().createTransport('polling', { _query: { EIO: '4' } }) as EventEmitter & {
      onData(body: string): void;
    };
    const wire = { protocol: 4, readyState: 'open', transport } as never;
    const heard: unknown[] = [];
    transport.on('packet', ({ data }) => heard.push(data));
    const posts = PacedPosts.of(wire, pace);
    transport.onData('4a\x1e4b');
    expect([heard, posts?.isBusy]).toEqual([['a', 'b'], false]);
    transport.onData(Array.from({ length: 17 }, () => '4c').join('\x1e'));
    expect([heard.length, posts?.isBusy]).toEqual([2, true]);
    posts?.drop();
    const moved = { protocol: 4, transport: { name: 'polling' } } as never;
    expect(PacedPosts.of(moved, pace)).toBeUndefined();
    const report = vi.fn();
    const unpaced = new NodePosts({ pace, tooLarge() {}, report });
    unpaced.open(moved);
    unpaced.open(moved);
    expect(report).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ type: 'pacing_fallback' }));
    expect(unpaced.begin(moved, 1, 2, new EventEmitter() as never)).toBeUndefined();
  });

  it('the answer to an event; without the method there is none', () => {
    const packet = vi.fn();
    const asked = { type: 2, nsp: '/', id: 7, data: ['x'] };
    expect(acknowledge({ packet } as never, asked as never, { a: 1 })).toBe(true);
    expect(packet).toHaveBeenCalledExactlyOnceWith({ type: 3, nsp: '/', id: 7, data: [{ a: 1 }] });
    expect(acknowledge({} as never, asked as never, {})).toBe(false);
  });

  it('the limit of compressed messages of ws', async () => {
    expect(boundsInflated()).toBe(true);
    const uncompressed = vi.fn();
    const webSocket = await openCompressed(guardedWsEngine({ ...GUARD, uncompressed }));
    const heard: number[] = [];
    webSocket.on('message', (data: Buffer) => heard.push(data.length));
    const failed = nextEvent(webSocket, 'error');
    // Without the receiver's own limit, which would refuse the message only after inflating all of it.
    receiverOf(webSocket)._maxPayload = 0;
    receiverOf(webSocket).write(compressedFrame(LIMITS.mostBytes));
    receiverOf(webSocket).write(compressedFrame(LIMITS.mostBytes + 1));
    expect(String(await failed)).toContain('Max payload size exceeded');
    expect(heard).toEqual([LIMITS.mostBytes]);
    expect(uncompressed).not.toHaveBeenCalled();
  });

  it('the limit of compressed messages of ws; if it has moved, compression is off', async () => {
    class Moved extends GuardedWebSocket {
      readonly moved = moveLimitOfExtensions(this);
    }
    const uncompressed = vi.fn();
    const webSocket = await openCompressed(guardedWsEngine({ ...GUARD, uncompressed }, Moved));
    expect(webSocket.extensions).toBe('');
    expect(uncompressed).toHaveBeenCalledOnce();
    const plain = vi.fn();
    new (guardedWsEngine({ ...GUARD, uncompressed: plain }, Moved))({ noServer: true, perMessageDeflate: false });
    expect(plain).not.toHaveBeenCalled();
  });

  it('the packet that makes engine.io abort an upgrade; if it is ignored, the WebSocket is cut', async () => {
    const engine = startEngine();
    const connection = await connectPolling(engine);
    const upgrade = () => {
      const webSocket = Object.assign(new EventEmitter(), { terminate: vi.fn(), close() {} });
      const transport = engine.createTransport('websocket', { _query: { EIO: '4' }, websocket: webSocket });
      return { transport: transport as EventEmitter & { readyState: string }, webSocket };
    };
    const known = upgrade();
    connection._maybeUpgrade(known.transport);
    giveUpUpgrade(connection as never, known.transport as never);
    expect(known.transport.readyState).toBe('closing');
    expect(known.webSocket.terminate).not.toHaveBeenCalled();
    const moved = upgrade();
    giveUpUpgrade(connection as never, moved.transport as never);
    expect(moved.webSocket.terminate).toHaveBeenCalledOnce();
    // The upgrade may have completed by then: no more probes are sent.
    const done = upgrade();
    giveUpUpgrade({ transport: done.transport } as never, done.transport as never);
    expect(done.webSocket.terminate).not.toHaveBeenCalled();
  });

  it('the fields of a polling transport of engine.io, and a refused socket of socket.io', async () => {
    const http = createServer();
    const io = new Server(http);
    defer(() => io.close());
    const gone: string[] = [];
    expect(onSocketGone(io.sockets, ({ id }) => gone.push(id))).toBe(true);
    const transports: Polling[] = [];
    io.engine.on('connection', ({ transport }) => transports.push(transport));
    io.use((_, next) => next(new Error('not you')));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { port: number };
    const polling = await rawPolling(`http://127.0.0.1:${port}`);
    await expect(polling.connect('/')).rejects.toThrow('not you');
    await eventually(() => expect(gone).toHaveLength(1));
    const [transport] = transports;
    setCloseTimeout(transport, 5);
    expect(transport?.closeTimeout).toBe(5);
    expect(setLargestBody(transport, 7)).toBe(1_000_000);
    expect(setLargestBody(transport, 1_000_000)).toBe(7);
    expect(transport?.maxHttpBufferSize ?? transport?.opts?.maxHttpBufferSize).toBe(1_000_000);
  });

  it('the body limit of a polling transport, as a field or as an option', () => {
    const field = { name: 'polling', maxHttpBufferSize: 10 };
    expect(setLargestBody(field, 7)).toBe(10);
    expect(field).toEqual({ name: 'polling', maxHttpBufferSize: 7 });
    const shared = { maxHttpBufferSize: 10, httpCompression: false };
    const option = { name: 'polling', opts: shared };
    expect(setLargestBody(option, 7)).toBe(10);
    expect(option).toEqual({ name: 'polling', opts: { maxHttpBufferSize: 7, httpCompression: false } });
    expect(shared.maxHttpBufferSize).toBe(10);
  });

  it('the packets, listeners, id and connection of a socket of socket.io', async () => {
    const seen: unknown[] = [];
    const { connection, socket } = await connectSocket((socket) => {
      interceptPackets(socket, function (packet) {
        seen.push(packet.data);
        receivePacket(this, packet);
      });
      socket.onAny((...args) => seen.push(args));
      socket.onAnyOutgoing((...args) => seen.push(args));
    });
    expect(socket.id).toBe('made');
    connection.receive('2["in"]');
    await eventually(() => expect(seen).toEqual([['in'], ['in']]));
    tellOutgoingListeners(socket, { data: ['out'] });
    expect(seen).toHaveLength(3);
    writeEncoded(socket, ['2["out"]'], {});
    expect(connection.written).toEqual(['2["out"]']);
  });

  it('the connection of a socket, which is the one of engine.io if socket.io wraps it', async () => {
    const { connection, socket } = await connectSocket();
    Object.assign(socket.client, { writeToEngine: undefined });
    writeEncoded(socket, ['2["out"]'], {});
    connection.transport.writable = false;
    writeEncoded(socket, ['2["volatile"]'], { volatile: true });
    writeEncoded(socket, ['2["later"]'], {});
    expect(connection.written).toEqual(['2["out"]', '2["later"]']);
  });

  it('the broadcast of an adapter of socket.io-adapter; if it differs, it is not changed', () => {
    const handler = { prepare: () => ({}), send: () => {} };
    const takeOver = (adapter: Adapter) => AdapterBroadcasts.over(adapter, () => {})?.takeOver(handler);
    expect(AdapterBroadcasts.over(new Adapter(namespace()), () => {})?.hasPlainRooms).toBe(true);
    expect(takeOver(new Adapter(namespace()))).toBe(true);
    // The owner of `computeExceptSids` shows the class that an adapter is derived from.
    const own = {
      computeExceptSids: () => new Set(),
      broadcast(this: Adapter, ...args: Parameters<Adapter['broadcast']>) {
        return Adapter.prototype.broadcast.apply(this, args);
      },
    };
    class Moved extends Adapter {}
    Object.assign(Moved.prototype, own, { _encode: undefined });
    expect(takeOver(new Moved(namespace()))).toBe(false);
    class Copied extends Adapter {}
    Object.assign(Copied.prototype, own);
    expect(takeOver(new Copied(namespace()))).toBe(true);
    class Frozen extends Adapter {}
    Object.freeze(Object.assign(Frozen.prototype, own));
    expect(takeOver(new Frozen(namespace()))).toBe(false);
    class NoRecipients extends Adapter {}
    Object.assign(NoRecipients.prototype, { apply: undefined });
    expect(takeOver(new NoRecipients(namespace()))).toBeUndefined();
  });

  it('the broadcast of an adapter of socket.io-adapter after a server of socket.io has closed', async () => {
    const sent: unknown[] = [];
    const handler = { prepare: (packet: object) => packet, send: (packet: object) => sent.push(packet) };
    const adapter = new Adapter(namespace());
    expect(AdapterBroadcasts.over(adapter, () => {})?.takeOver(handler)).toBe(true);
    await new Server(createServer()).close();
    const target = { rooms: new Set<string>(), except: new Set<string>(), flags: {} };
    for (let n = 0; n < 3; n++) adapter.broadcast({ n }, target);
    // Socket.IO sent the first one.
    expect(sent).toEqual([
      { n: 1, nsp: '/' },
      { n: 2, nsp: '/' },
    ]);
  });

  it('the requests and answers of an adapter for Redis', async () => {
    const { adapter, published } = redisAdapter();
    expect(boundFetchAnswers(adapter, () => {})).toBe(true);
    expect(boundFetchAnswers(new Clustered(namespace()), () => {})).toBe(true);
    const asked = askForIds(adapter, ['a', 'b'], { servers: 1, timeoutMs: 1_000 });
    await eventually(() => expect(published).toHaveLength(1));
    const [channel, question] = published[0] ?? [];
    const { requestId, rooms } = JSON.parse(String(question));
    expect([channel, rooms]).toEqual(['socket.io-request#/#', ['a', 'b']]);
    const answer = Buffer.from(JSON.stringify({ requestId, sockets: ['b'] }));
    Reflect.get(adapter, 'onresponse').call(adapter, 'socket.io-response#/#', answer);
    expect(await asked).toEqual(new Set(['b']));
    const emitted = serverSideEmitWithAck(adapter, ['x', () => {}]);
    await expect(emitted).resolves.toBeUndefined();
    expect(published).toHaveLength(2);
  });

  it('the fields that an idle engine.io connection keeps', async () => {
    const http = createServer();
    const io = new Server(http);
    defer(() => io.close());
    const connections: EngineConnection[] = [];
    io.engine.on('connection', (connection) => connections.push(connection));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { port: number };
    await (await rawWebSocket(`http://127.0.0.1:${port}`)).connect();
    const [connection] = connections;
    if (connection === undefined) throw new Error('no connection');
    expect(leavesOneListener(io.engine as never)).toBe(true);
    expect(listensAsExpected(connection)).toBe(true);
    expect(compacted(connection.request as EngineRequest)).toBeInstanceOf(CompactRequest);
  });

  it('an object without them is not changed', () => {
    expect(makeSocketIds({} as never, () => '')).toBe(false);
    expect(serverSideEmitWithAck({}, [])).toBeUndefined();
    expect(boundFetchAnswers({} as never, () => {})).toBe(false);
    expect(tellOutgoingListeners({ id: 'x', client: { conn: {} as never } }, {})).toBeUndefined();
    const transport = { name: 'polling' };
    setCloseTimeout(transport, 5);
    expect(setLargestBody(transport, 7)).toBeUndefined();
    expect(setLargestBody(undefined, 7)).toBeUndefined();
    expect(transport).toEqual({ name: 'polling' });
    expect(onSocketGone({} as never, () => {})).toBe(false);
  });

  it('the transports of engine.io, their responses, and the queue of its connections', async () => {
    const engine = startEngine();
    expect(probeTransport(engine as never)).toEqual({ base: expect.any(Function), missing: '' });
    expect([keepsResponses(engine as never), keepsWebSockets(engine as never)]).toEqual([true, true]);
    expect(await probeConnection(engine as never)).toEqual({ missing: '', canSend: true });
    // The engine does not know the connection of the probe.
    expect((engine as unknown as { clientsCount: number; clients: object }).clientsCount).toBe(0);
    expect((engine as unknown as { clientsCount: number; clients: object }).clients).toEqual({});
    const connection = await connectPolling(engine);
    connection.write('text');
    expect(queuedPackets(connection as never)).toMatchObject([{ type: 'message', data: 'text' }]);
  });

  it('the connections of an engine; if they have moved, they are noted by public events', async () => {
    const engine = startEngine();
    Object.defineProperty(engine, 'clients', { get: () => undefined });
    const patcher = new NodeEngine(engine);
    const connection = new ProbeConnection();
    engine.emit('connection', connection);
    expect([patcher.wires, patcher.wireOf('probe')]).toEqual([[connection], connection]);
    connection.end();
    expect([patcher.wires, patcher.wireOf('probe')]).toEqual([[], undefined]);
  });

  it('the queue of a connection; if it has moved, a report names it, and messages still go out directly', async () => {
    const engine = startEngine();
    hideMember(await classOfConnections(engine), 'writeBuffer');
    expect(await probeConnection(engine as never)).toEqual({ missing: 'writeBuffer of a connection', canSend: true });
  });

  it("the event that confirms packets; if it has moved, messages take Socket.IO's standard path", async () => {
    const engine = startEngine();
    const prototype = await classOfConnections(engine);
    const { onDrain } = prototype as { onDrain: unknown };
    Reflect.set(prototype, 'onDrain', () => undefined);
    defer(() => Reflect.set(prototype, 'onDrain', onDrain));
    const missing = 'a connection that continues after "drain"';
    expect(await probeConnection(engine as never)).toEqual({ missing, canSend: false });
  });

  it('the response to a poll; if it has moved, the one that the ingress noted is counted', async () => {
    const engine = startEngine();
    const { createTransport } = engine;
    engine.createTransport = function (name, request) {
      const transport = createTransport.call(this, name, request);
      if (name === 'polling') hideField(transport, 'res', ['onPollRequest', 'doWrite']);
      return transport;
    };
    expect(keepsResponses(engine as never)).toBe(false);
    const patcher = new NodeEngine(engine);
    const connection = await connectPolling(engine);
    const response = new TestResponse();
    patcher.notePoll(connection.id, response);
    connection.transport.onRequest(pollOf(response));
    expect(responseOf(connection as never)).toBe(response);
    connection.write('text');
    expect(response.body).toBe('4text');
    expect(responseOf(connection as never)).toBeUndefined();
  });

  it('the WebSocket of a transport; if it has moved, the noted one is counted', () => {
    const wire = { transport: { name: 'websocket' } } as never;
    const webSocket = { readyState: 1, bufferedAmount: 7, getBufferedAmount: () => 8 };
    expect([webSocketOf(wire), unreadBytes(wire)]).toEqual([undefined, 0]);
    noteWebSocket(wire, webSocket);
    // A second WebSocket is closed as soon as it arrives, because the connection has one.
    noteWebSocket(wire, { readyState: 2, bufferedAmount: 9 });
    expect([webSocketOf(wire), unreadBytes(wire)]).toEqual([webSocket, 7]);
    const polling = { name: 'polling' };
    expect(webSocketOf(wire, polling)).toBeUndefined();
    const onBun = { name: 'websocket' };
    noteWebSocket(onBun, { readyState: 1, getBufferedAmount: () => 8 });
    expect(unreadBytes({ transport: onBun } as never)).toBe(8);
    webSocket.readyState = 3;
    expect([webSocketOf(wire), unreadBytes(wire)]).toEqual([undefined, 0]);
  });

  it('`discarded` of a transport; if it has moved, a closing connection still closes', () => {
    const engine = startEngine();
    const { createTransport } = engine;
    engine.createTransport = function (name, request) {
      return Object.defineProperty(createTransport.call(this, name, request), 'discarded', {
        get: () => undefined,
        set() {},
      });
    };
    expect(probeTransport(engine as never)).toEqual({ missing: 'discarded of a transport' });
    const closed = [false, true, undefined].map((discarded) => {
      const close = vi.fn();
      const wire = { readyState: 'closing', writeBuffer: [{}], transport: { close, discarded } };
      keepFromClosingEarly(wire as never);
      wire.transport.close();
      return close.mock.calls.length;
    });
    // The first still has a buffered packet. The others closed: `close(true)` was called, or may have been.
    expect(closed).toEqual([0, 1, 1]);
  });

  it('the transport of a WebSocket on Bun; if it has moved, the WebSocket is still guarded', () => {
    const { engine, patcher } = patchBunEngine();
    const opened: object[] = [];
    engine.onWebSocketOpen.mockImplementation((webSocket: object) => opened.push(webSocket));
    const { onWebSocketOpen, onWebSocketClose } = patcher.replaced();
    const webSocket = { data: { kept: {} }, readyState: 1, close() {}, terminate() {}, send: () => 1 };
    onWebSocketOpen(webSocket);
    expect(opened).toEqual([expect.any(GuardedBunSocket)]);
    expect(patcher.engine.openSockets).toBe(1);
    onWebSocketClose(webSocket, 1000, '');
    expect(patcher.engine.openSockets).toBe(0);
  });

  it('the data of a WebSocket on Bun; without an object as its data, none is opened', async () => {
    const { engine, patcher } = patchBunEngine();
    const given: unknown[] = [];
    const server = { upgrade: (_: unknown, { data }: { data: unknown }) => given.push(data) > 0, stop() {} };
    const upgraded: boolean[] = [];
    engine.handleRequest.mockImplementation(async (request: unknown, at: typeof server) => {
      upgraded.push(...[{}, undefined, 'text'].map((data) => at.upgrade(request, { data })));
    });
    await patcher.engine.handle({} as never, server as never);
    expect(upgraded).toEqual([true, true, false]);
    expect(given).toEqual([{}, {}]);
    expect(given.map((data) => patcher.engine.owns({ data } as never))).toEqual([true, true]);
    expect([{}, undefined, null, 'text'].map((data) => patcher.engine.owns({ data } as never))).not.toContain(true);
  });

  it('an engine without any of them is used without them', async () => {
    expect([keepsResponses({} as never), keepsWebSockets({} as never)]).toEqual([false, false]);
    expect(await probeConnection({} as never)).toEqual({ missing: 'engine.handshake()', canSend: false });
    const failing = { handshake: () => Promise.reject(new Error('moved')) };
    expect(await probeConnection(failing as never)).toEqual({
      missing: 'a test connection failed: Error: moved',
      canSend: false,
    });
    expect([queuedPackets({} as never), responseOf({} as never)]).toEqual([undefined, undefined]);
  });
});

/** A `BunEngine` with an empty engine. */
function patchBunEngine() {
  const engine = {
    opts: { path: '/', maxHttpBufferSize: 1_000 },
    clients: new Map(),
    on() {},
    handler: () => ({}),
    handleRequest: vi.fn(),
    onWebSocketOpen: vi.fn(),
    onWebSocketMessage() {},
    onWebSocketClose: vi.fn(),
  };
  const { onWebSocketOpen, handleRequest } = engine;
  const patcher = new BunEngine(engine);
  const limits = { messagesPerSecond: 1, messageBurst: 100, delayedFor: 1_000 };
  patcher.patch({ pace: { pacing: new Pacing(limits) } } as never);
  return { engine: { onWebSocketOpen, handleRequest }, patcher: { engine: patcher, replaced: () => engine } };
}

async function classOfConnections(engine: TestEngine): Promise<object> {
  return Object.getPrototypeOf(await connectPolling(engine));
}

/** Hides a member from all code except methods of its own class, as if it had been renamed. */
function hideMember(prototype: object, member: string): void {
  const kept = new WeakMap<object, unknown>();
  let depth = 0;
  const plain = new Map<string, PropertyDescriptor>();
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const { value } = descriptor;
    if (typeof value !== 'function' || name === 'constructor') continue;
    plain.set(name, descriptor);
    Object.defineProperty(prototype, name, {
      ...descriptor,
      value(...args: unknown[]) {
        depth++;
        try {
          return value.apply(this, args);
        } finally {
          depth--;
        }
      },
    });
  }
  Object.defineProperty(prototype, member, {
    configurable: true,
    get() {
      return depth > 0 ? kept.get(this) : undefined;
    },
    set(value) {
      kept.set(this, value);
    },
  });
  defer(() => {
    for (const [name, descriptor] of plain) Object.defineProperty(prototype, name, descriptor);
    Reflect.deleteProperty(prototype, member);
  });
}

/** The same for a field of one object and some of its methods. */
function hideField(object: object, field: string, methods: readonly string[]): void {
  let kept: unknown;
  let depth = 0;
  Object.defineProperty(object, field, {
    get: () => (depth > 0 ? kept : undefined),
    set: (value) => {
      kept = value;
    },
  });
  for (const method of methods) {
    const plain = Reflect.get(object, method) as (...args: unknown[]) => unknown;
    Reflect.set(object, method, (...args: unknown[]) => {
      depth++;
      try {
        return plain.apply(object, args);
      } finally {
        depth--;
      }
    });
  }
}
