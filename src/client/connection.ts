import type { Socket } from 'socket.io-client';
import { RoomgateError } from '../protocol/errors.js';
import { EVENT_DRAIN, EVENT_LIMITED, SocketIOConstants } from '../protocol/events.js';
import type { IRoomsRequest } from '../protocol/messages.js';
import { BackOff } from './back-off.js';
import type { ConnectionEvents } from './connection-events.js';
import { credentialsOf, readCredentials, type Source, type TCredentials } from './credentials.js';
import { type Member, type SharedManager, takeSeat } from './manager.js';
import type { IOptions } from './options.js';

export interface ConnectionOptions {
  readonly host: string;
  readonly options: IOptions;
  readonly credentials: TCredentials | undefined;
}

type Listener = (...args: unknown[]) => void;

/** How long what was written before a disconnect may take to arrive; then the connection is cut. */
const LAST_WORDS_MS = 5_000;
/** How long a server may take to handle that a namespace was left. */
const LEAVING_MS = 50;

/** One Socket.IO socket: a namespace on a connection that other namespaces may share. */
export class Connection implements Member {
  readonly socket: Socket;
  readonly #manager: SharedManager;
  readonly #namespace: string;
  readonly #events: ConnectionEvents;
  /** The connection's own back-off is shared with other namespaces; this one is for what the server says to this namespace. */
  readonly #backOff: BackOff;
  /** Removes the listeners on the manager, which outlives the socket. */
  readonly #undo: (() => void)[] = [];
  /** Counts requests for credentials, so that a late answer is ignored. */
  #attempt = 0;
  #isPresenting = false;
  #stood = false;
  #leftAt = Number.NEGATIVE_INFINITY;
  #return: ReturnType<typeof setTimeout> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  /** Nothing happens before `start()`. */
  constructor({ host, options, credentials }: ConnectionOptions, events: ConnectionEvents) {
    this.#events = events;
    const source = credentialsOf(credentials, options.auth);
    const auth = source && ((send: (auth: object) => void) => void this.#present(source, send));
    const { manager, socket, namespace } = takeSeat(host, auth === undefined ? options : { ...options, auth });
    this.socket = socket;
    this.#manager = manager;
    this.#namespace = namespace;
    this.#backOff = new BackOff({
      min: manager.reconnectionDelay(),
      max: manager.reconnectionDelayMax(),
      jitter: options.randomizationFactor,
    });
    manager.join(this);
    this.#listen();
  }

  /** The first attempt. */
  start(): void {
    this.socket.connect();
    this.#awaitAnswer();
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  /** Whether an attempt is under way or another one will be made, without the program. */
  get returning(): boolean {
    return this.#return !== undefined || (this.socket.active && this.reconnects);
  }

  /** Whether the program wants lost connections back. */
  get reconnects(): boolean {
    return this.#manager.reconnection();
  }

  /** Whether Socket.IO wants this connection; not so after an end that either side meant. */
  get active(): boolean {
    return this.socket.active;
  }

  on(event: string, listener: Listener): void {
    this.socket.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    this.socket.off(event, listener);
  }

  /** Connects; between two attempts it makes the next one now. */
  connect(): void {
    const { socket } = this;
    const state = this.#manager.engine?.readyState;
    // The namespace was asked for: a second request would make the server end the connection.
    const isAsking = socket.active && (state === 'open' || state === 'opening');
    if (socket.connected || isAsking) return;
    if (!this.returning) this.#stood = false;
    this.#forgetReturn();
    this.#events.attempting();
    this.#enter();
  }

  disconnect(): void {
    this.#attempt += 1;
    this.#forgetReturn();
    this.#stopAwaiting();
    if (this.socket.connected) this.#leftAt = performance.now();
    this.socket.disconnect();
    const { engine } = this.#manager;
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
      this.#enter();
    }, delay);
    this.#events.waiting(Date.now() + delay);
  }

  /** The client was let in, or, where nobody asks for that, is connected. */
  succeeded(): void {
    this.#backOff.succeeded();
    this.#manager.backOff.succeeded();
  }

  /** Hands an event over. False where the connection can't take it now, although its end was not noticed yet. */
  emit(event: string, args: readonly unknown[]): boolean {
    return this.#handOver(() => this.socket.emit(event, ...args));
  }

  /** The same for a request; `onAnswer` is called at most once. */
  ask(event: string, request: IRoomsRequest, timeoutMs: number, onAnswer: (answer: unknown) => void): boolean {
    return this.#handOver(() =>
      this.socket.timeout(timeoutMs).emit(event, request, (error: Error | null, answer: unknown) => {
        if (error === null) onAnswer(answer);
      }),
    );
  }

  /** Removes every listener of this socket, the program's too, and stops trying. */
  shutdown(): void {
    for (const undo of this.#undo) undo();
    this.socket.off();
    this.socket.offAny();
    this.socket.offAnyOutgoing();
    this.disconnect();
    this.#manager.leave(this);
  }

  attempting(): void {
    this.#events.attempting();
  }

  dropped(): void {
    this.#events.dropped();
  }

  #listen(): void {
    const events = this.#events;
    const { socket } = this;
    const manager = this.#manager;
    socket.on('connect', () => {
      this.#stopAwaiting();
      this.#stood = true;
      events.connected();
    });
    socket.on('disconnect', (reason) => {
      this.#stopAwaiting();
      events.disconnected(reason);
      this.#stayAway();
    });
    socket.on('connect_error', (error) => {
      this.#stopAwaiting();
      events.failed(asError(error));
      this.#stayAway();
    });
    socket.on(SocketIOConstants.EVENT_AUTHENTICATED, () => events.authenticated());
    socket.on(SocketIOConstants.EVENT_UNAUTHENTICATE, (payload: unknown) => events.unauthenticated(payload));
    socket.on(SocketIOConstants.EVENT_PING, () => events.pinged());
    for (const event of [EVENT_DRAIN, EVENT_LIMITED]) {
      socket.on(event, (payload: unknown) => {
        const after = (payload as { after?: unknown } | null)?.after;
        for (const backOff of [this.#backOff, manager.backOff]) backOff.notSooner(after);
      });
    }
    const opened = (): void => this.#awaitAnswer();
    const closed = (): void => this.#stopAwaiting();
    const gaveUp = (): void => {
      if (!socket.active) return;
      socket.disconnect();
      events.gaveUp();
    };
    manager.on('open', opened);
    manager.on('close', closed);
    manager.on('reconnect_failed', gaveUp);
    this.#undo.push(
      () => manager.off('open', opened),
      () => manager.off('close', closed),
      () => manager.off('reconnect_failed', gaveUp),
      manager.backOff.onDelay((delayMs) => {
        if (socket.active && !socket.connected) events.waiting(Date.now() + delayMs);
      }),
    );
  }

  /** Socket.IO asks for credentials once a transport stands; the server gives a limited time from then on. */
  async #present(source: Source, send: (auth: object) => void): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { engine } = this.#manager;
    this.#isPresenting = true;
    const read = await readCredentials(source, this.#stood ? 'reconnect' : 'connect');
    if (attempt !== this.#attempt) return;
    this.#isPresenting = false;
    const isStale = (): boolean =>
      attempt !== this.#attempt ||
      !this.socket.active ||
      this.#manager.engine !== engine ||
      engine.readyState !== 'open';
    if (isStale()) return;
    if (!(read instanceof Error)) {
      send(read);
      return;
    }
    this.#stopAwaiting();
    this.#events.failed(read);
    if (isStale()) return;
    // With nothing to present the server would wait in vain. Other namespaces keep the connection.
    this.socket.disconnect();
    if (this.reconnects) this.comeBack();
  }

  /**
   * A server of Socket.IO closes a connection on which a namespace is left and asked for at once, before it has handled the
   * first. Other namespaces may use that connection.
   */
  #enter(): void {
    const { engine } = this.#manager;
    const leftMs = performance.now() - this.#leftAt;
    const isUnsent = leftMs < LAST_WORDS_MS && engine?.writeBuffer.length > 0;
    if (engine?.readyState === 'open' && (leftMs < LEAVING_MS || isUnsent)) {
      this.#return = setTimeout(() => {
        this.#return = undefined;
        this.#enter();
      }, LEAVING_MS);
      return;
    }
    this.#manager.connectNow(this.socket);
    this.#awaitAnswer();
  }

  /** The server, or the program that is asked for credentials, may never answer: Socket.IO has no time-out for that. */
  #awaitAnswer(): void {
    const { socket } = this;
    const timeoutMs = this.#manager.timeout();
    const isAsked = socket.active && !socket.connected && this.#manager.engine?.readyState === 'open';
    if (!isAsked || this.#deadline !== undefined || typeof timeoutMs !== 'number') return;
    this.#deadline = setTimeout(() => {
      this.#deadline = undefined;
      this.#unanswered(timeoutMs);
    }, timeoutMs);
  }

  #stopAwaiting(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  #unanswered(timeoutMs: number): void {
    const what = this.#isPresenting
      ? 'the credentials were not there'
      : `the server did not answer the request for namespace "${this.#namespace}"`;
    const { socket } = this;
    this.#events.failed(new RoomgateError('timed_out', `connect(): ${what} within ${timeoutMs} ms.`));
    if (!socket.active || socket.connected) return;
    if (this.#isPresenting || !this.reconnects) {
      this.#attempt += 1;
      this.#isPresenting = false;
      socket.disconnect();
      if (this.reconnects) this.comeBack();
      return;
    }
    // A second request on the same connection would make the server end it. So it is made on the next one, which other
    // namespaces that are connected are not made to wait for.
    if (!this.#isUsedByOthers()) this.#manager.engine.transport.close();
    else {
      this.#events.waiting(Date.now() + timeoutMs);
      this.#awaitAnswer();
    }
  }

  #isUsedByOthers(): boolean {
    return [...this.#manager.members].some((member) => member.socket.connected);
  }

  /**
   * Between the end of a connection and the moment when Socket.IO notices, it keeps events for the next one, and sends them
   * before this client is authenticated there. They belong to our own queue, or back to the program.
   */
  #handOver(emit: () => void): boolean {
    const { socket } = this;
    if (!socket.connected || this.#manager.engine.readyState !== 'open') return false;
    const kept = socket.sendBuffer.length;
    emit();
    return socket.sendBuffer.splice(kept).length === 0;
  }

  /** Without reconnection: another namespace may open the connection again, and this one waits to be asked. */
  #stayAway(): void {
    const state = this.#manager.engine?.readyState;
    if (!this.reconnects && state !== 'open' && state !== 'opening') this.socket.disconnect();
  }

  #forgetReturn(): void {
    clearTimeout(this.#return);
    this.#return = undefined;
  }
}

/** Engine.IO has one error that is a string, and one that keeps its reason in a code. */
function asError(error: Error & { readonly code?: unknown }): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { message, code } = error;
  return message === 'server error' && typeof code === 'string' ? new Error(code, { cause: error }) : error;
}
