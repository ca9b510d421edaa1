import type { IncomingMessage } from 'node:http';
import type { PacketOptions } from '../ports/fanout.js';
import type { Wire, WirePacket } from '../ports/wire.js';

/*
 * The connections and transports of `engine.io` and `@socket.io/bun-engine`, in one set of types. Members that an update may move
 * are marked as private. They are optional here, so that the compiler makes each reader handle their absence.
 */

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
  readonly websocket?: unknown;
  /** Private: the response to a poll. */
  readonly res?: unknown;
}

/** The options of a packet, as an engine queues them. */
export interface EnginePacketOptions extends PacketOptions {
  /** Private: the WebSocket frame, its head and its body. */
  wsPreEncodedFrame?: readonly Buffer[];
}

/** A packet of Engine.IO, as an engine queues it. */
export interface EnginePacket extends WirePacket {
  readonly options?: EnginePacketOptions | undefined;
}

/** The part of a response to a poll that is used. */
export interface PollResponse {
  once(event: 'close', listener: () => void): unknown;
  /** Cuts the connection that it is written into. */
  destroy?(): unknown;
  readonly writableEnded?: boolean;
}

/** A WebSocket of `ws`, or the object that replaces Bun's in `@socket.io/bun-engine`. */
export interface TransportSocket {
  readonly readyState?: number;
  /** Bytes that the peer has not taken. */
  readonly bufferedAmount?: number;
  /** The same of Bun's own WebSocket. */
  getBufferedAmount?(): number;
  terminate?(): void;
  once?(event: 'close', listener: () => void): unknown;
}

/** A transport of either engine. */
export interface EngineTransport {
  readonly name?: string;
  readonly readyState?: string;
  writable?: boolean;
  close?(done?: () => void): void;
  emit?(event: string, ...args: unknown[]): unknown;
  /** Of `NodeSender`: bytes that were handed to the kernel and have not gone out. */
  readonly unread?: number;
  /** Private, as all below. */
  readonly socket?: TransportSocket;
  opts?: { readonly maxHttpBufferSize?: number };
  send?(packets: readonly EnginePacket[]): void;
  onError?(message: string): void;
  onPacket?(packet: WirePacket): void;
  /** True after `close(true)` of the connection: packets that still wait are dropped. */
  readonly discarded?: boolean;
  /** Polling on Node.js: the poll that waits and its response, and the POST that is being read. */
  readonly req?: IncomingMessage | null;
  readonly res?: Partial<PollResponse> | null;
  readonly dataReq?: IncomingMessage | null;
  /** Ends the wait for a poll whose answer would be the close packet. */
  readonly shouldClose?: unknown;
  /** The limit of that wait, in milliseconds. */
  closeTimeout?: number;
  /** Bytes that the body of a POST may have. Since engine.io 6.6.13 it is in `opts`. */
  maxHttpBufferSize?: number;
}

/** A connection of either engine. Every `Wire` is one. */
export interface EngineConnection extends Wire {
  close(discard?: boolean): void;
  readonly id?: string;
  readonly protocol?: number;
  readonly transport?: EngineTransport;
  /** The request that opened it. */
  request?: unknown;
  remoteAddress?: string;
  listenerCount?(event: string): number;
  /** Private: packets that wait until the transport is writable. */
  readonly writeBuffer?: EnginePacket[];
}
