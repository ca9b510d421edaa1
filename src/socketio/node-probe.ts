import { EventEmitter } from 'node:events';
import type { WirePacket } from '../ports/wire.js';
import { queryOf } from './engine-request.js';
import type {
  EngineConnection,
  EngineRequest,
  EngineServer,
  EngineTransport,
  EngineWebSocket,
  OrdinaryRequest,
  TransportClass,
} from './engine-types.js';

/** The part of an engine.io server that is probed. */
export type ProbedEngine = Pick<EngineServer, 'opts' | 'createTransport' | 'handshake' | 'listenerCount'>;

/** A transport, for the method that `probeWebSocket()` has looked for. */
type DiscardableTransport = EngineTransport & { discard(): void };

/** The result of trying a connection. */
export interface ProbedConnection {
  /** The name of a missing member; empty if none is missing. */
  readonly missing: string;
  /** Whether packets reach the transport in the form that a sender encodes. */
  readonly canSend: boolean;
}

const TRANSPORT_METHODS = ['send', 'doClose', 'onData', 'onClose', 'onError', 'onPacket', 'close', 'discard', 'emit'];

/**
 * The class from which a WebSocket transport is derived, found by making a transport without a peer; or the name of a missing
 * member.
 */
export function probeTransport(engine: ProbedEngine): { base?: TransportClass; missing: string } {
  try {
    return probeWebSocket(engine);
  } catch (error) {
    return { missing: `engine.createTransport() failed: ${String(error)}` };
  }
}

/** A WebSocket transport without a peer. */
function makeTransport(engine: ProbedEngine): { made: unknown; websocket: object } {
  const websocket = new EventEmitter();
  return { made: engine.createTransport?.('websocket', { _query: { EIO: '4' }, websocket }), websocket };
}

function probeWebSocket(engine: ProbedEngine): { base?: TransportClass; missing: string } {
  if (typeof engine?.createTransport !== 'function') return { missing: 'engine.createTransport()' };
  if (typeof engine.listenerCount !== 'function') return { missing: 'engine.listenerCount()' };
  const { made, websocket } = makeTransport(engine);
  const found = made as Record<string, unknown>;
  for (const method of TRANSPORT_METHODS) {
    if (typeof found?.[method] !== 'function') return { missing: `${method}() of a transport` };
  }
  if (found.writable !== true) return { missing: 'writable of a transport' };
  if (found.socket !== websocket) return { missing: 'socket of a transport' };
  if (!isDiscarded(made as DiscardableTransport)) return { missing: 'discarded of a transport' };
  const base = Object.getPrototypeOf(Object.getPrototypeOf(made))?.constructor;
  const isBase =
    typeof base === 'function' && base.prototype.name === undefined && typeof base.prototype.close === 'function';
  return isBase ? { base: base as TransportClass, missing: '' } : { missing: 'the class of all transports' };
}

/** Whether `discarded` of a transport tells that it was discarded. */
function isDiscarded(transport: DiscardableTransport): boolean {
  const { discarded } = transport;
  transport.discard();
  return discarded === false && transport.discarded === true;
}

/** Whether a transport keeps its WebSocket in `socket`. If not, the patcher notes each WebSocket. */
export function keepsWebSockets(engine: ProbedEngine): boolean {
  try {
    const { made, websocket } = makeTransport(engine);
    return (made as EngineTransport).socket === websocket;
  } catch {
    return false;
  }
}

/** A poll without a client. */
function fakePoll(): { request: object; response: object } {
  const response = Object.assign(new EventEmitter(), { writeHead() {}, end() {} });
  const request = Object.assign(new EventEmitter(), {
    ...{ method: 'GET', url: '/?EIO=4&transport=polling', headers: {}, connection: {}, socket: {} },
    ...{ _query: { EIO: '4', transport: 'polling' }, res: response },
  });
  return { request, response };
}

/** Whether a polling transport keeps the response for its next flush in `res`. If not, the ingress notes each response. */
export function keepsResponses(engine: ProbedEngine): boolean {
  try {
    const { request, response } = fakePoll();
    const transport = engine.createTransport?.('polling', request) as EngineTransport;
    transport.onRequest?.(request);
    return transport.res === response;
  } catch {
    return false;
  }
}

interface TriedConnection extends EngineConnection {
  readonly transport: EngineTransport;
  write(data: string, options?: undefined, confirmed?: () => void): unknown;
}

/** Tries how a connection without a peer queues and sends. Takes a few microtasks, and waits for nothing else. */
export async function probeConnection(engine: ProbedEngine): Promise<ProbedConnection> {
  let connection: TriedConnection | undefined;
  try {
    connection = await openConnection(engine);
    if (connection === undefined) return { missing: 'engine.handshake()', canSend: false };
    return tryQueue(connection);
  } catch (error) {
    return { missing: `a test connection failed: ${String(error)}`, canSend: false };
  } finally {
    connection?.close(true);
  }
}

/** Opens a connection on a copy of the engine, which emits no events to the program. */
async function openConnection(engine: ProbedEngine): Promise<TriedConnection | undefined> {
  const clients: Record<string, TriedConnection> = {};
  const twin: ProbedEngine = Object.create(engine, {
    opts: { value: { ...engine.opts, cookie: false, initialPacket: undefined } },
    clients: { value: clients },
    clientsCount: { value: 0, writable: true },
    emit: { value: () => false },
    generateId: { value: () => 'probe' },
  });
  await twin.handshake?.('polling', fakePoll().request, () => {});
  return Object.values(clients)[0];
}

function tryQueue(connection: TriedConnection): ProbedConnection {
  const { transport } = connection;
  const heard: WirePacket[] = [];
  const sent: WirePacket[] = [];
  connection.on('packetCreate', (packet) => heard.push(packet));
  transport.send = (packets) => sent.push(...packets);
  let isConfirmed = false;
  connection.write('text', undefined, () => {
    isConfirmed = true;
  });
  const queued = connection.writeBuffer?.at(-1);
  const isQueued = queued !== undefined && queued === heard[0] && sent.length === 0;
  transport.writable = true;
  transport.emit?.('ready');
  const [packet] = sent;
  const canSend = packet?.type === 'message' && packet.data === 'text';
  if (!canSend) return { missing: 'the packets that a transport is sent', canSend };
  transport.emit?.('drain');
  if (!isConfirmed) return { missing: 'a connection that continues after "drain"', canSend: false };
  return { missing: isQueued && packet === queued ? '' : 'writeBuffer of a connection', canSend };
}

/** True for a client of protocol 4, over `ws`, without compression: senders support no other. */
export function isOrdinary(request: EngineRequest): request is OrdinaryRequest {
  const { EIO, b64 } = queryOf(request);
  const { _socket, _extensions, _sender }: EngineWebSocket = request.websocket ?? {};
  return (
    EIO === '4' &&
    !b64 &&
    typeof _socket?.write === 'function' &&
    typeof _sender?.sendFrame === 'function' &&
    typeof _extensions === 'object' &&
    _extensions !== null &&
    Object.keys(_extensions).length === 0
  );
}
