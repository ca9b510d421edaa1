import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { SocketIOConstants } from '../protocol/events.js';
import type { IRoomsRequest } from '../protocol/messages.js';
import type { IOptions } from './options.js';

/** What the connection tells. */
export interface IConnectionEvents {
  connected(): void;
  disconnected(reason: string): void;
  failed(error: Error): void;
  authenticated(): void;
  unauthenticated(payload: unknown): void;
  pinged(): void;
}

type TListener = (...args: unknown[]) => void;

/** How long what was written before a disconnect may take to arrive; then the connection is cut. */
const LAST_WORDS_MS = 5_000;

/** One Socket.IO socket. The only file that touches socket.io-client. */
export class Connection {
  readonly socket: Socket;

  /** Starts connecting at once unless `options.autoConnect` is false. */
  constructor(host: string, options: IOptions, events: IConnectionEvents) {
    this.socket = io(host, forSocketIO(options));
    this.socket.on('connect', () => events.connected());
    this.socket.on('disconnect', (reason) => events.disconnected(reason));
    this.socket.on('connect_error', (error) => {
      // Engine.IO has one error that is a string.
      events.failed(error instanceof Error ? error : new Error(String(error)));
    });
    this.socket.on(SocketIOConstants.EVENT_AUTHENTICATED, () => events.authenticated());
    this.socket.on(SocketIOConstants.EVENT_UNAUTHENTICATE, (payload: unknown) => events.unauthenticated(payload));
    this.socket.on(SocketIOConstants.EVENT_PING, () => events.pinged());
    // Namespaces of one host share a connection, and with it the `autoConnect` of whoever came first.
    if (options.autoConnect !== false && !this.socket.active) this.socket.connect();
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  on(event: string, listener: TListener): void {
    this.socket.on(event, listener);
  }

  off(event: string, listener: TListener): void {
    this.socket.off(event, listener);
  }

  connect(): void {
    // The transport stands and the namespace was asked for: Socket.IO would ask again, and the server end the connection.
    const isAsking = this.socket.active && this.socket.io.engine?.readyState === 'open';
    if (!this.socket.connected && !isAsking) this.socket.connect();
  }

  disconnect(): void {
    this.socket.disconnect();
    const { engine } = this.socket.io;
    if (engine?.readyState !== 'closing') return;
    // What was written is on its way. A Node.js process with nothing else to do waits for it, but not for its heartbeat to fail.
    const end = setTimeout(() => engine.transport.close(), LAST_WORDS_MS);
    engine.once('close', () => clearTimeout(end));
  }

  emit(event: string, args: readonly unknown[]): void {
    this.socket.emit(event, ...args);
  }

  ask(event: string, request: IRoomsRequest, timeoutMs: number, onAnswer: (answer: unknown) => void): void {
    this.socket.timeout(timeoutMs).emit(event, request, (error: Error | null, answer: unknown) => {
      if (error === null) onAnswer(answer);
    });
  }

  /** Removes every listener of this socket, the program's too, and stops trying. */
  shutdown(): void {
    this.socket.off();
    this.socket.offAny();
    this.socket.offAnyOutgoing();
    this.disconnect();
  }
}

/**
 * A copy, since Socket.IO writes into what it is given. In Node.js requests of HTTP long polling don't keep the process alive;
 * Socket.IO's timers do, as long as the connection is wanted. It can't cancel a request, so that a server which accepts and
 * never answers would keep a process alive after `shutdown()`. Without a time-out for connecting there is no such timer.
 */
function forSocketIO(options: IOptions): Partial<ManagerOptions & SocketOptions> {
  const given = { ...options } as Partial<ManagerOptions & SocketOptions>;
  // The type says number; Socket.IO takes false for "none".
  if ((given.timeout as unknown) === false) return given;
  const perTransport = (given.transportOptions ?? {}) as Readonly<Record<string, object>>;
  given.transportOptions = { ...perTransport, polling: { autoUnref: true, ...perTransport.polling } };
  return given;
}
