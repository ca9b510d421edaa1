import type { ServerOptions } from 'socket.io';
import type { EngineConnection, EnginePacket, EngineTransport } from './engine-types.js';

/*
 * The parts of `@socket.io/bun-engine` and of Bun that are used, as structural types, so that neither has to be installed to
 * compile or to run on Node.js.
 */

/** A server of `Bun.serve`. */
export interface BunServer {
  stop(closeActiveConnections?: boolean): unknown;
  requestIP?(request: Request): { readonly address: string; readonly port: number } | null;
  /** Seconds for which a connection may be idle while this request is answered; 0 is no limit. */
  timeout?(request: Request, seconds: number): void;
  /** Where it listens, with its scheme. */
  readonly url?: URL;
  /** Requests that have not been answered yet. */
  readonly pendingRequests?: number;
}

/** Bun's side of a WebSocket. */
export interface BunWebSocket {
  readonly data: { readonly transport?: BunTransport } | undefined;
  readonly readyState: number;
  /** The bytes that went out; -1 if they are buffered; 0 if they were dropped, or if there were none. */
  send(data: string | ArrayBuffer | ArrayBufferView): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
  getBufferedAmount?(): number;
  ping?(): number;
  /** Not in Bun 1.2. What was read already is still delivered. */
  pause?(): void;
  resume?(): void;
}

/** The members of Bun's WebSocket by which a sender writes. */
export interface BunSocket {
  readonly readyState: number;
  /** The bytes that went out; -1 if they are buffered; 0 if they were dropped, or if there were none. */
  sendText(text: string): number;
  sendBinary(bytes: Uint8Array): number;
  /** Collects what `send` sends into as few writes as possible. */
  cork(send: () => void): unknown;
  /** Bytes that the peer has not read. */
  getBufferedAmount(): number;
}

/** A transport of the engine: polling or a WebSocket. */
export interface BunTransport extends EngineTransport {
  readonly name: 'polling' | 'websocket';
  writable: boolean;
  close(): void;
  send(packets: readonly EnginePacket[]): void;
  doClose(): void;
  emit(event: 'drain'): boolean;
}

/** A connection of the engine, which may change from one transport to another. */
export interface BunConnection extends EngineConnection {
  readonly id: string;
  readonly transport: BunTransport;
  close(): void;
  /** Private, as all below. */
  upgradeState?: string;
  /** Set while a pong is due. Before the first ping it is unset, and then the engine starts another timer for each pong. */
  pingTimeoutTimer?: NodeJS.Timeout | null;
  _maybeUpgrade?(transport: BunTransport): void;
}

/** The engine's own options, which it reads at each request. */
export interface EngineOptions {
  path: string;
  pingTimeout: number;
  pingInterval: number;
  upgradeTimeout: number;
  maxHttpBufferSize: number;
  cors?: ServerOptions['cors'];
  allowRequest?: (request: Request, server: BunServer) => Promise<void> | void;
  editResponseHeaders?: (headers: Headers, request: Request, server: BunServer) => void | Promise<void>;
}

/** A message that arrives over a WebSocket. */
export type MessageBody = string | Buffer;

/** A `Server` of the engine. The methods that Bun's handlers call are replaced on this one object. */
export interface RawBunEngine {
  readonly opts: EngineOptions;
  readonly clients: ReadonlyMap<string, BunConnection>;
  on(event: 'connection', listener: (connection: BunConnection, request: Request) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  close(): unknown;
  handleRequest(request: Request, server: BunServer): Promise<Response>;
  onWebSocketOpen(webSocket: BunWebSocket): void;
  onWebSocketMessage(webSocket: BunWebSocket, message: MessageBody): void;
  onWebSocketClose(webSocket: BunWebSocket, code: number, reason: string): void;
  /** `own`: options of `Bun.serve` of the program, to which the engine is added. Our addition to the engine's method. */
  handler(own?: IBunServeOptions): IBunHandlers;
}

/** The options for `Bun.serve` and `server.reload`. */
export interface IBunHandlers {
  // biome-ignore lint/suspicious/noExplicitAny: Bun's own type of a server, which is there on Bun only
  fetch(this: unknown, request: Request, server: any): Response | Promise<Response>;
  readonly websocket: IBunWebSocketHandlers;
  readonly idleTimeout?: number;
  readonly maxRequestBodySize?: number;
}

/** The options of `Bun.serve` that are read or changed when Socket.IO is added to a program's server. */
export interface IBunServeOptions {
  // biome-ignore lint/suspicious/noExplicitAny: Bun's own types, which are there on Bun only
  fetch?(this: any, request: Request, server: any): any;
  readonly websocket?: IBunWebSocketHandlers;
  readonly routes?: object;
}

/** Bun's handlers of WebSockets, and their limits. */
export interface IBunWebSocketHandlers {
  // biome-ignore lint/suspicious/noExplicitAny: the data of a WebSocket is of the type that its program chose
  open?(webSocket: any): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above, and of Bun's own types for what comes in
  message(webSocket: any, message: any): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  close?(webSocket: any, code: number, reason: string): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  drain?(webSocket: any): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  ping?(webSocket: any): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  pong?(webSocket: any): void;
  readonly maxPayloadLength?: number;
  readonly backpressureLimit?: number;
  readonly closeOnBackpressureLimit?: boolean;
  readonly idleTimeout?: number;
}
