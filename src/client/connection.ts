import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { EVENT_DRAIN, EVENT_LIMITED, SocketIOConstants } from '../protocol/events.js';
import type { IRoomsRequest } from '../protocol/messages.js';
import { BackOff } from './back-off.js';
import { readCredentials, type TCredentials } from './credentials.js';
import type { IOptions } from './options.js';

/** What the connection tells. */
export interface IConnectionEvents {
  /** An attempt to connect has begun. */
  attempting(): void;
  connected(): void;
  disconnected(reason: string): void;
  /** An attempt failed; `returning` says whether there will be another one. */
  failed(error: Error): void;
  /** The next attempt is made at `retryAt`, in milliseconds since 1970. */
  waiting(retryAt: number): void;
  /** There were as many attempts as the program allowed. */
  gaveUp(): void;
  authenticated(): void;
  unauthenticated(payload: unknown): void;
  pinged(): void;
}

export interface IConnectionOptions {
  readonly host: string;
  readonly options: IOptions;
  readonly credentials: TCredentials | undefined;
}

type TListener = (...args: unknown[]) => void;

/** How long what was written before a disconnect may take to arrive; then the connection is cut. */
const LAST_WORDS_MS = 5_000;

/** One Socket.IO socket. The only file that touches socket.io-client. */
export class Connection {
  readonly socket: Socket;
  readonly #events: IConnectionEvents;
  readonly #backOff: BackOff;
  /** Undo what was done to what outlives the socket. */
  readonly #undo: (() => void)[] = [];
  /** Which of the program's answers about credentials is still of use. */
  #attempt = 0;
  #stood = false;
  #return: ReturnType<typeof setTimeout> | undefined;

  /** Starts connecting at once unless `options.autoConnect` is false. */
  constructor({ host, options, credentials }: IConnectionOptions, events: IConnectionEvents) {
    this.#events = events;
    const given = forSocketIO(options);
    if (credentials !== undefined) given.auth = (send) => void this.#present(credentials, send);
    this.socket = io(host, given);
    this.#backOff = installBackOff(this.socket, options);
    this.#listen();
    // Namespaces of one host share a connection, and with it the `autoConnect` of whoever came first.
    if (options.autoConnect !== false && !this.socket.active) this.socket.connect();
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  /** Whether an attempt is under way or another one will be made, without the program. */
  get returning(): boolean {
    return this.#return !== undefined || (this.socket.active && this.socket.io.reconnection());
  }

  /** Whether Socket.IO wants this connection; not so after an end that either side meant. */
  get active(): boolean {
    return this.socket.active;
  }

  on(event: string, listener: TListener): void {
    this.socket.on(event, listener);
  }

  off(event: string, listener: TListener): void {
    this.socket.off(event, listener);
  }

  /** Connects; between two attempts it makes the next one now. */
  connect(): void {
    const { socket } = this;
    // The transport stands and the namespace was asked for: Socket.IO would ask again, and the server end the connection.
    const isAsking = socket.active && socket.io.engine?.readyState === 'open';
    const isOpening = socket.active && socket.io.engine?.readyState === 'opening';
    if (socket.connected || isAsking || isOpening) return;
    if (!this.returning) this.#stood = false;
    this.#forgetReturn();
    // Ends Socket.IO's own wait, without an event as nothing is connected.
    if (socket.active) socket.disconnect();
    this.#events.attempting();
    socket.connect();
  }

  disconnect(): void {
    this.#attempt += 1;
    this.#forgetReturn();
    this.socket.disconnect();
    const { engine } = this.socket.io;
    if (engine?.readyState !== 'closing') return;
    // What was written is on its way. A Node.js process with nothing else to do waits for it, but not for its heartbeat to fail.
    const end = setTimeout(() => engine.transport.close(), LAST_WORDS_MS);
    engine.once('close', () => clearTimeout(end));
  }

  /** Comes back after an end that the server meant, as Socket.IO would not do by itself. */
  comeBack(): void {
    this.#forgetReturn();
    const delay = this.#backOff.duration();
    this.#return = setTimeout(() => {
      this.#return = undefined;
      this.#events.attempting();
      this.socket.connect();
    }, delay);
    this.#events.waiting(Date.now() + delay);
  }

  /** The client was let in, or, where nobody asks for that, is connected. */
  succeeded(): void {
    this.#backOff.succeeded();
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
    for (const undo of this.#undo) undo();
    this.socket.off();
    this.socket.offAny();
    this.socket.offAnyOutgoing();
    this.disconnect();
  }

  #listen(): void {
    const events = this.#events;
    const { socket } = this;
    socket.on('connect', () => {
      this.#stood = true;
      events.connected();
    });
    socket.on('disconnect', (reason) => events.disconnected(reason));
    socket.on('connect_error', (error) => {
      // Engine.IO has one error that is a string.
      events.failed(error instanceof Error ? error : new Error(String(error)));
    });
    socket.on(SocketIOConstants.EVENT_AUTHENTICATED, () => events.authenticated());
    socket.on(SocketIOConstants.EVENT_UNAUTHENTICATE, (payload: unknown) => events.unauthenticated(payload));
    socket.on(SocketIOConstants.EVENT_PING, () => events.pinged());
    for (const event of [EVENT_DRAIN, EVENT_LIMITED]) {
      socket.on(event, (payload: unknown) => this.#backOff.notSooner((payload as { after?: unknown } | null)?.after));
    }
    const { io: manager } = socket;
    const attempting = (): void => events.attempting();
    const gaveUp = (): void => events.gaveUp();
    manager.on('reconnect_attempt', attempting);
    manager.on('reconnect_failed', gaveUp);
    this.#undo.push(
      () => manager.off('reconnect_attempt', attempting),
      () => manager.off('reconnect_failed', gaveUp),
      this.#backOff.onDelay((delayMs) => {
        if (socket.active && !socket.connected) events.waiting(Date.now() + delayMs);
      }),
      whenOnline(() => {
        if (this.returning) this.connect();
      }),
    );
  }

  /** Socket.IO asks for credentials once a transport stands; the server gives a limited time from then on. */
  async #present(credentials: TCredentials, send: (auth: object) => void): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { engine } = this.socket.io;
    const read = await readCredentials(credentials, this.#stood ? 'reconnect' : 'connect');
    const isStale = attempt !== this.#attempt || !this.socket.active || this.socket.io.engine !== engine;
    if (isStale || engine.readyState !== 'open') return;
    if (!(read instanceof Error)) {
      send(read);
      return;
    }
    this.#events.failed(read);
    // With nothing to present the server would wait in vain. Closed like this, Socket.IO tries again.
    engine.close();
  }

  #forgetReturn(): void {
    clearTimeout(this.#return);
    this.#return = undefined;
  }
}

/**
 * Puts our back-off in the place of Socket.IO's, which is a private field; where there is no such field Socket.IO's stays.
 * Namespaces of one host share a connection, and so a back-off.
 */
function installBackOff({ io: manager }: Socket, { randomizationFactor }: IOptions): BackOff {
  const holder = manager as unknown as { backoff?: Partial<Record<keyof BackOff, unknown>> };
  if (holder.backoff instanceof BackOff) return holder.backoff;
  const own = new BackOff({
    min: manager.reconnectionDelay(),
    max: manager.reconnectionDelayMax(),
    jitter: randomizationFactor,
  });
  const methods = ['duration', 'reset', 'setMin', 'setMax', 'setJitter'] as const;
  const isKnown = methods.every((name) => typeof holder.backoff?.[name] === 'function');
  if (isKnown && typeof holder.backoff?.attempts === 'number') holder.backoff = own;
  return own;
}

/** What browsers have and Node.js has not. */
interface INetworkEvents {
  addEventListener?(type: 'online', listener: () => void): void;
  removeEventListener?(type: 'online', listener: () => void): void;
}

/** In browsers: the network is back, so there is nothing to wait for. Returns its own remover. */
function whenOnline(act: () => void): () => void {
  const network = globalThis as INetworkEvents;
  network.addEventListener?.('online', act);
  return () => network.removeEventListener?.('online', act);
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
