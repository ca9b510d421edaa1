import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PacketOptions } from '../ports/fanout.js';
import type { Wire, WirePacket } from '../ports/wire.js';

/*
 * The servers, connections, transports, requests and WebSockets of `engine.io` and `@socket.io/bun-engine`, one type of each.
 * Members that an update may move are marked as private. They are optional here, so that the compiler makes each reader handle
 * their absence. A narrower type repeats those that a probe has found, so that hot code needs no check.
 */

/** The options of a packet, as an engine queues them. */
export interface EnginePacketOptions extends PacketOptions {
  /** Private: the WebSocket frame, its head and its body. */
  wsPreEncodedFrame?: readonly Buffer[];
}

/** A packet of Engine.IO, as an engine queues it. */
export interface EnginePacket extends WirePacket {
  readonly options?: EnginePacketOptions | undefined;
}

/** The query of a request; a parameter that is absent is undefined. */
export type EngineQuery = Readonly<Partial<Record<string, string>>>;

/** A request whose query may have been noted. */
export interface WithQuery {
  /** Private: an engine parses the query only if it is not there yet. */
  _query?: EngineQuery;
}

/** A request of Node.js, as engine.io sees it. */
export interface EngineRequest extends IncomingMessage, WithQuery {
  /** Private: the WebSocket that engine.io made of an upgrade. */
  readonly websocket?: EngineWebSocket;
  /** Private: the response to a poll. */
  readonly res?: unknown;
}

/** The part of a response to a poll that is used. */
export interface PollResponse {
  once(event: 'close', listener: () => void): unknown;
  /** Terminates the connection that it is written to. */
  destroy?(): unknown;
  readonly writableEnded?: boolean;
  /** Whether the system has accepted all of its bytes. */
  readonly writableFinished?: boolean;
}

/** The receiver of the frames of a WebSocket of `ws`. All of it is private. */
export interface EngineReceiver {
  write(chunk: Buffer): boolean;
  end(): void;
  _maxPayload: number;
  _maxFragments: number;
}

/** The extension that inflates the compressed messages of a WebSocket of `ws`. */
export interface EngineInflater {
  /** Private. */
  _maxPayload?: number;
}

/** The limits of a receiver, as `ws` takes them. */
export interface ReceiverLimits {
  readonly maxPayload: number;
  readonly maxFragments: number;
}

/** A WebSocket of `ws`, or the object that replaces Bun's in `@socket.io/bun-engine`. */
export interface EngineWebSocket {
  readonly readyState?: number;
  /** Bytes that the peer has not read. */
  readonly bufferedAmount?: number;
  /** The same of Bun's own WebSocket. */
  getBufferedAmount?(): number;
  close?(): void;
  terminate?(): void;
  on?(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on?(event: 'close', listener: () => void): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  once?(event: 'close', listener: () => void): unknown;
  /** Private, as all below. The stream that it writes its frames into. */
  readonly _socket?: Duplex;
  /** The extensions agreed with the peer, such as compression. */
  readonly _extensions?: { readonly 'permessage-deflate'?: EngineInflater };
  /** Writes frames. It has a queue only if it compresses. */
  readonly _sender?: { sendFrame?: unknown };
  readonly _receiver?: EngineReceiver | null;
  /** Makes its receiver, and begins to read. */
  setSocket?(socket: Duplex, head: Buffer, options: ReceiverLimits): void;
}

/** A WebSocket of `ws` that a sender supports: `isOrdinary()` has found these members. */
export interface OrdinaryWebSocket extends EngineWebSocket {
  readonly readyState: number;
  readonly _socket: Duplex;
  close(): void;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** The request for such a WebSocket. */
export interface OrdinaryRequest extends EngineRequest {
  readonly websocket: OrdinaryWebSocket;
}

/** Reads the body of a POST. */
export interface PayloadParser {
  /** Returns the packets of version 4, and passes those of version 3. */
  decodePayload(body: unknown, pass?: (packet: WirePacket) => void): readonly WirePacket[] | undefined;
}

/** A transport of either engine. */
export interface EngineTransport {
  readonly name?: string;
  readonly readyState?: string;
  writable?: boolean;
  close?(done?: () => void): void;
  emit?(event: string, ...args: unknown[]): unknown;
  /** Of `NodeSender`: bytes that were passed to the kernel and are not sent yet. */
  readonly unread?: number;
  /** Private, as all below. */
  readonly socket?: EngineWebSocket;
  opts?: { readonly maxHttpBufferSize?: number };
  send?(packets: readonly EnginePacket[]): void;
  onData?(data: string | Buffer): void;
  onPacket?(packet: WirePacket): void;
  onError?(message: string | Error, description?: unknown): void;
  onClose?(): void;
  /** Polling: takes a poll or a POST. On Bun it resolves once the packets of a POST have passed. */
  onRequest?(request: object): unknown;
  /** True after `close(true)` of the connection: packets that still wait are dropped. */
  readonly discarded?: boolean;
  /** Polling on Node.js: the poll that waits and its response, and the POST that is being read. */
  readonly req?: IncomingMessage | null;
  readonly res?: Partial<PollResponse> | null;
  readonly dataReq?: IncomingMessage | null;
  /** Polling on Node.js. */
  parser?: PayloadParser;
  /** Ends the wait for a poll whose answer would be the close packet. */
  readonly shouldClose?: unknown;
  /** The limit of that wait, in milliseconds. */
  closeTimeout?: number;
  /** Bytes that the body of a POST may have. Since engine.io 6.6.13 it is in `opts`. */
  maxHttpBufferSize?: number;
}

/** A transport of the class that a sender is derived from: `probeTransport()` has found these members. */
export interface KnownTransport extends EngineTransport {
  writable: boolean;
  readonly readyState: string;
  close(done?: () => void): void;
  emit(event: 'drain' | 'ready'): boolean;
  onData(data: string | Buffer): void;
  onError(message: string | Error, description?: unknown): void;
  onClose(): void;
}

/** engine.io's base class of transports, as a sender uses it. */
export type TransportClass = new (request: OrdinaryRequest) => KnownTransport;

/** A connection of either engine. Every `Wire` is one. */
export interface EngineConnection extends Wire {
  close(discard?: boolean): void;
  readonly id?: string;
  /** The version of Engine.IO that its client speaks. */
  protocol?: number;
  readonly transport?: EngineTransport;
  /** The request that opened it. */
  request?: unknown;
  remoteAddress?: string;
  listenerCount?(event: string): number;
  /** Whether an upgrade is under way, on Node.js. */
  readonly upgrading?: boolean;
  /** Private: ends the connection if its peer does not answer a ping. */
  pingTimeoutTimer?: NodeJS.Timeout | null;
  /** Private, as all below. Packets that wait until the transport is writable. */
  readonly writeBuffer?: EnginePacket[];
  /** Each function removes the listeners from one transport. */
  cleanupFn?: (() => void)[];
  /** Listens to a transport, with functions that call the methods below. */
  setTransport?(transport: object): void;
  onPacket?(packet: unknown): void;
  onDrain?(): void;
  onError?(error: unknown): void;
  onClose?(reason: string, description?: unknown): void;
  /** Passes the queued packets to the transport. */
  flush?(): void;
}

/** A connection that listens to its transport as `listensAsExpected()` has found. */
export interface ListeningConnection extends EngineConnection {
  readonly transport: EngineTransport & EventEmitter;
  readonly upgrading: boolean;
  cleanupFn: (() => void)[];
  setTransport(transport: object): void;
  onPacket(packet: unknown): void;
  onDrain(): void;
  onError(error: unknown): void;
  onClose(reason: string, description?: unknown): void;
  flush(): void;
}

/** The options that engine.io reads at each request. */
export interface EngineServerOptions {
  readonly transports: readonly string[];
  readonly upgradeTimeout: number;
  readonly maxHttpBufferSize: number;
  allowRequest?: unknown;
}

/** A server of engine.io. `request`: an `EngineRequest`, or the stand-in of a probe. */
export interface EngineServer {
  readonly opts: EngineServerOptions;
  readonly clients?: Record<string, EngineConnection>;
  on(event: 'connection', listener: (connection: EngineConnection) => void): unknown;
  emit(event: string, ...args: unknown[]): boolean;
  listenerCount(event: string): number;
  handleRequest(request: EngineRequest, response: ServerResponse): void;
  handleUpgrade(request: object, stream: EventEmitter, head: Buffer): void;
  /** engine.io invites programs to replace it. */
  generateId(request: WithQuery): string | PromiseLike<string>;
  /** Private, as all below: makes the transport of a request. */
  createTransport?(name: string, request: object): unknown;
  /** Makes the connection of a request. */
  handshake?(transport: string, request: object, refuse: () => void): Promise<unknown>;
  /** Called right after the response to an upgrade was made. */
  _applyMiddlewares?(request: object, response: object, done: (error?: unknown) => void): void;
  readonly middlewares?: readonly unknown[];
}
