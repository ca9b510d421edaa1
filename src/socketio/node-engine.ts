import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';

/**
 * engine.io and `ws`, as far as the fan-out reaches into them: this file and `sender.ts`, which stands in for a transport,
 * are the only ones. Where something is not as expected everything goes Socket.IO's own way.
 */

/** A WebSocket of the package `ws`. */
export interface WsSocket {
  readonly readyState: number;
  on(event: 'message' | 'close' | 'error', listener: (this: WsSocket, ...args: never[]) => void): unknown;
  close(): void;
  /** Private: what it writes its frames into. */
  readonly _socket?: Duplex;
  /** Private: what was agreed on with the peer, such as compression. */
  readonly _extensions?: object;
  /** Private: what writes frames, with a queue of its own only where it compresses. */
  readonly _sender?: { sendFrame?: unknown };
}

/** The request that a transport is made for. */
export interface EngineRequest {
  readonly _query: Record<string, string | undefined>;
  readonly websocket: WsSocket;
}

export interface EnginePacket {
  readonly type: string;
  readonly data?: unknown;
  readonly options?: { wsPreEncodedFrame?: readonly Buffer[] };
}

/** The class that all of engine.io's transports are of. */
export interface EngineTransport {
  writable: boolean;
  readonly readyState: string;
  readonly supportsBinary: boolean;
  /** True after `close(true)` of the connection: packets that still wait are dropped. */
  readonly discarded: boolean;
  readonly parser: {
    encodePacket(packet: EnginePacket, supportsBinary: boolean, take: (data: string | Buffer) => void): void;
  };
  close(done?: () => void): void;
  emit(event: 'drain' | 'ready'): boolean;
  onError(message: string, description?: unknown): void;
  onData(data: string | Buffer): void;
  onClose(): void;
}

export type TransportClass = new (request: EngineRequest) => EngineTransport;

/** A connection of engine.io. */
export interface EngineConnection {
  readonly transport: unknown;
  readonly readyState: string;
  /** Packets that wait until the transport is writable. */
  readonly writeBuffer?: readonly EnginePacket[];
  listenerCount(event: string): number;
  on(event: 'newListener', listener: (this: EngineConnection, event: string | symbol) => void): unknown;
  once(event: 'upgrade', listener: () => void): unknown;
}

/** A server of engine.io. */
export interface NodeEngine {
  /** Protected: makes the transport of a request. */
  createTransport(name: string, request: EngineRequest): unknown;
  on(event: 'connection', listener: (connection: EngineConnection) => void): unknown;
  listenerCount(event: string): number;
}

const TRANSPORT_METHODS = ['send', 'doClose', 'onData', 'onClose', 'onError', 'onPacket', 'close', 'discard', 'emit'];

/**
 * The class that a transport over WebSocket is to be derived from, found by making one that nobody is behind; or what was
 * looked for and not found.
 */
export function probeTransport(engine: NodeEngine): { base?: TransportClass; missing: string } {
  try {
    return probe(engine);
  } catch (error) {
    return { missing: `engine.createTransport() failed: ${String(error)}` };
  }
}

function probe(engine: NodeEngine): { base?: TransportClass; missing: string } {
  if (typeof engine?.createTransport !== 'function') return { missing: 'engine.createTransport()' };
  if (typeof engine.listenerCount !== 'function') return { missing: 'engine.listenerCount()' };
  const websocket = new EventEmitter() as unknown as WsSocket;
  const made = engine.createTransport('websocket', { _query: { EIO: '4' }, websocket });
  const found = made as Record<string, unknown>;
  for (const method of TRANSPORT_METHODS) {
    if (typeof found?.[method] !== 'function') return { missing: `${method}() of a transport` };
  }
  if (found.writable !== true || found.supportsBinary !== true) return { missing: 'writable of a transport' };
  const { parser } = found as { parser?: { encodePacket?: unknown } };
  if (typeof parser?.encodePacket !== 'function') return { missing: 'parser of a transport' };
  if (found.socket !== websocket) return { missing: 'socket of a transport' };
  const base = Object.getPrototypeOf(Object.getPrototypeOf(made))?.constructor;
  const isBase =
    typeof base === 'function' && base.prototype.name === undefined && typeof base.prototype.close === 'function';
  return isBase ? { base: base as TransportClass, missing: '' } : { missing: 'the class of all transports' };
}

/**
 * Whether `close()` of a transport comes too early. When an `upgrade` listener closes the connection, engine.io closes the new
 * transport right after the listeners, even if packets still wait. Ignoring that call loses nothing: the connection calls
 * `close()` again when the last packet is sent.
 */
export function isClosedTooEarly(transport: EngineTransport, connection: EngineConnection | undefined): boolean {
  return connection?.readyState === 'closing' && (connection.writeBuffer?.length ?? 0) > 0 && !transport.discarded;
}

/** Makes a transport of engine.io ignore a `close()` that comes too early. `Sender` has the same check in its class. */
export function keepFromClosingEarly(connection: EngineConnection): void {
  const transport = connection.transport as EngineTransport | undefined;
  // If an update of engine.io moves it, the transport closes as engine.io wants.
  if (typeof transport?.close !== 'function') return;
  const { close } = transport;
  transport.close = function (done) {
    if (!isClosedTooEarly(this, connection)) close.call(this, done);
  };
}

/** A client of today's protocol, over `ws`, without compression. */
export function isOrdinary({ _query, websocket }: EngineRequest): boolean {
  const { _socket, _extensions, _sender } = websocket;
  return (
    _query.EIO === '4' &&
    !_query.b64 &&
    typeof _socket?.write === 'function' &&
    typeof _sender?.sendFrame === 'function' &&
    typeof _extensions === 'object' &&
    _extensions !== null &&
    Object.keys(_extensions).length === 0
  );
}
