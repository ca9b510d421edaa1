import { hasMethods } from '../common/checks.js';
import type { Connection } from '../ports/connection.js';
import { RoomgateError } from '../protocol/errors.js';

/**
 * `@socket.io/bun-engine` and Bun itself, as far as they are used: by their shape, so that neither has to be installed to
 * compile or to run on Node.js. This file is the only one that reaches for what the engine keeps private.
 */

/** A server of `Bun.serve`. */
export interface BunServer {
  stop(closeActiveConnections?: boolean): Promise<void> | void;
  requestIP?(request: Request): { readonly address: string; readonly port: number } | null;
  /** Seconds for which a connection may be idle while this request is answered; 0 is without end. */
  timeout?(request: Request, seconds: number): void;
  /** Where it listens, with its scheme. */
  readonly url?: URL;
  /** Requests that have not been answered yet. */
  readonly pendingRequests?: number;
}

/** Bun's side of a WebSocket. */
export interface BunWebSocket {
  readonly data: { readonly transport?: BunEngineTransport } | undefined;
  readonly readyState: number;
  /** The bytes that went out; -1 where they wait; 0 where they are dropped, and where there were none. */
  send(data: string | ArrayBuffer | ArrayBufferView): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
  getBufferedAmount?(): number;
  ping?(): number;
}

/** One way of the engine to a client: polling, or a WebSocket. */
export interface BunEngineTransport {
  readonly name: 'polling' | 'websocket';
  readonly opts?: EngineOptions;
  readonly readyState?: string;
  close(): void;
  onError?(message: string): void;
  onPacket?(packet: EnginePacket): void;
  send?(packets: readonly EnginePacket[]): void;
}

interface EnginePacket {
  readonly type: string;
  readonly data?: unknown;
}

/** A connection of the engine, which may change from one transport to another. */
export interface EngineSocket extends Connection {
  readonly id: string;
  readonly transport: BunEngineTransport;
  request: unknown;
  remoteAddress?: string;
  protocol?: number;
  upgradeState?: string;
  /** Armed while a pong is due. Where there never was one, the engine arms a timer more for each pong that comes. */
  pingTimeoutTimer?: unknown;
  removeListener(event: 'close', listener: () => void): unknown;
  _maybeUpgrade?(transport: BunEngineTransport): void;
}

/** The engine's own options, which it reads at each request. */
export interface EngineOptions {
  path: string;
  pingTimeout: number;
  pingInterval: number;
  upgradeTimeout: number;
  maxHttpBufferSize: number;
  cors?: unknown;
  allowRequest?: (request: Request, server: BunServer) => Promise<void> | void;
  editResponseHeaders?: (headers: Headers, request: Request, server: BunServer) => void | Promise<void>;
}

/** What comes in over a WebSocket. */
export type MessageBody = string | Buffer;

/** A `Server` of the engine. Of its methods those are replaced, on this one object, that Bun's handlers call. */
export interface BunEngine {
  readonly opts: EngineOptions;
  readonly clients: ReadonlyMap<string, EngineSocket>;
  on(event: 'connection', listener: (socket: EngineSocket, request: Request) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  close(): unknown;
  handleRequest(request: Request, server: BunServer): Promise<Response>;
  onWebSocketOpen(webSocket: BunWebSocket): void;
  onWebSocketMessage(webSocket: BunWebSocket, message: MessageBody): void;
  onWebSocketClose(webSocket: BunWebSocket, code: number, reason: string): void;
  /** `own`: of ours, options of `Bun.serve` that the engine is to stand beside. */
  handler(own?: IBunServeOptions): IBunHandlers;
}

/** What `Bun.serve` and `server.reload` take. */
export interface IBunHandlers {
  // biome-ignore lint/suspicious/noExplicitAny: Bun's own type of a server, which is there on Bun only
  fetch(this: unknown, request: Request, server: any): Response | Promise<Response>;
  readonly websocket: IBunWebSocketHandlers;
  readonly idleTimeout?: number;
  readonly maxRequestBodySize?: number;
}

/** Options of `Bun.serve` that Socket.IO can stand beside, as far as it looks at them. */
export interface IBunServeOptions {
  // biome-ignore lint/suspicious/noExplicitAny: Bun's own types, which are there on Bun only
  fetch?(this: any, request: Request, server: any): any;
  readonly websocket?: IBunWebSocketHandlers;
  readonly routes?: object;
}

/** What Bun calls over a WebSocket, and its limits. */
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

/** A timer that is over, for what asks whether there is one. */
const EXPIRED = setTimeout(() => {}, 0);
clearTimeout(EXPIRED);

const METHODS = ['on', 'emit', 'close', 'handleRequest', 'onWebSocketOpen', 'onWebSocketMessage', 'onWebSocketClose'];

/** A new engine. The package is loaded here and not before, as it can't be loaded on Node.js. @throws RoomgateError */
export async function makeEngine(of: string): Promise<unknown> {
  try {
    // Kept from the compiler, as the package's types need Bun's.
    const { Server } = (await import('@socket.io/bun-engine' as string)) as { Server: new () => unknown };
    return new Server();
  } catch (cause) {
    const text = `${of}: on Bun the package @socket.io/bun-engine is needed. Install it: bun add @socket.io/bun-engine`;
    throw new RoomgateError('unsupported', text, { cause });
  }
}

/** Whether everything that is used of the engine is where it was looked for. A test double, or another engine, is bound as it is. */
export function isWholeEngine(engine: unknown): engine is BunEngine {
  if (!hasMethods(engine, [...METHODS, 'handler'])) return false;
  const { opts, clients } = engine as Partial<BunEngine>;
  return typeof opts === 'object' && typeof opts.path === 'string' && clients instanceof Map;
}

/** Transports whose probe was answered. */
const probed = new WeakSet<BunEngineTransport>();

/** How long a client may take for its next packet, once its probe was answered. */
const LAST_PACKET_MS = 2_000;

/**
 * Ends a change to WebSocket of a connection that is gone. A client whose probe was answered neither polls nor listens before it
 * has sent the next packet, and were its WebSocket closed now it would wait for its ping time-out: the engine closes it at that
 * packet.
 */
export function releaseUpgrade(connection: EngineSocket, transport: BunEngineTransport): void {
  // Most changes are over by then: a timer would keep the connection for nothing.
  if (connection.upgradeState !== 'upgrading') return;
  if (probed.has(transport)) setTimeout(() => abandonUpgrade(connection, transport), LAST_PACKET_MS).unref();
  else abandonUpgrade(connection, transport);
}

/** Ends a change to WebSocket that is under way, with its timer: the engine does so for a packet that it doesn't expect. */
export function abandonUpgrade(connection: EngineSocket, transport: BunEngineTransport): void {
  if (connection.upgradeState !== 'upgrading') return;
  transport.onPacket?.({ type: 'noop' });
  // The engine itself would refuse every later one.
  connection.upgradeState = 'not_upgraded';
}

/** Calls `act` with each transport that the connection may change to, before the engine deals with it. */
export function onUpgrading(connection: EngineSocket, act: (transport: BunEngineTransport) => void): void {
  const { _maybeUpgrade: plain } = connection;
  if (typeof plain !== 'function' || connection.transport.name !== 'polling') return;
  connection._maybeUpgrade = (transport) => {
    // The engine closes a second one at once.
    if (connection.upgradeState === 'not_upgraded') {
      act(transport);
      takeOneProbe(connection, transport);
    }
    plain.call(connection, transport);
  };
}

/**
 * A change of transport takes one probe. The engine arms a timer for each, and its answers would wait for a peer that reads
 * nothing, where nobody counts them: this transport has no connection yet.
 */
function takeOneProbe(connection: EngineSocket, transport: BunEngineTransport): void {
  const { onPacket: plain } = transport;
  if (typeof plain !== 'function') return;
  transport.onPacket = (packet) => {
    const isChanging = connection.transport !== transport;
    // Given up: the engine listens on, until the WebSocket has closed.
    if (isChanging && connection.upgradeState !== 'upgrading') return;
    const isProbe = isChanging && packet.type === 'ping' && packet.data === 'probe';
    if (isProbe && probed.has(transport)) {
      abandonUpgrade(connection, transport);
      return;
    }
    if (isProbe) probed.add(transport);
    plain.call(transport, packet);
  };
}

/**
 * Lets a pong that nobody asked for renew the time to the next ping, as on Node.js: before its first ping the engine makes a
 * timer of each, and forgets the one before, so that a client could make it hold any number.
 */
export function expectPongs(connection: EngineSocket): void {
  connection.pingTimeoutTimer ??= EXPIRED;
}
