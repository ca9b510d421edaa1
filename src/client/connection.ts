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

/** One Socket.IO socket. The only file that touches socket.io-client. */
export class Connection {
  readonly socket: Socket;

  /** Starts connecting at once unless `options.autoConnect` is false. */
  constructor(host: string, options: IOptions, events: IConnectionEvents) {
    // A copy: Socket.IO writes into the options that it is given. Headers that are no strings are made ones by the transports.
    this.socket = io(host, { ...options } as Partial<ManagerOptions & SocketOptions>);
    this.socket.on('connect', () => events.connected());
    this.socket.on('disconnect', (reason) => events.disconnected(reason));
    this.socket.on('connect_error', (error) => {
      handshakeOf(this.socket)?.abort();
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
    const handshake = handshakeOf(this.socket);
    this.socket.disconnect();
    // Still opening where another namespace shares this connection.
    if (this.socket.io.engine?.readyState === 'closed') handshake?.abort();
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

interface IAbortable {
  abort(): void;
}

/**
 * The request with which an HTTP long-polling connection begins, while it is under way. Socket.IO gives such a connection up
 * without ending its request: against a server that accepts and never answers, it would keep a Node.js process alive.
 * These fields are private, so each may be missing.
 */
function handshakeOf(socket: Socket): IAbortable | undefined {
  const transport = socket.io.engine?.transport as unknown as
    | { readyState?: unknown; pollXhr?: { _xhr?: Partial<IAbortable> | null } | null }
    | undefined;
  if (transport?.readyState !== 'opening') return undefined;
  const request = transport.pollXhr?._xhr;
  return typeof request?.abort === 'function' ? (request as IAbortable) : undefined;
}
