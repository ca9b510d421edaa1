import type { Socket } from 'socket.io-client';
import { fieldsOf, isRecord } from '../common/checks.js';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import { RoomgateError } from '../protocol/errors.js';
import { EVENT_DRAIN, EVENT_LIMITED, EVENT_RENEW, EVENT_ROOMS_LOST, SocketIOConstants } from '../protocol/events.js';
import { BackOff } from './back-off.js';
import type { ConnectionEvents } from './connection-events.js';
import { CredentialsReader, credentialsOf, type Given, type Source, type TCredentials } from './credentials.js';
import { Failures } from './failures.js';
import { type Member, type SharedManager, takeSeat } from './manager.js';
import type { IOptions } from './options.js';
import { asError, cut, emitNow, hasUnsent, isOpen, isOpenOrOpening, limitClosing, sent } from './socket-io.js';
import { Timer } from './timer.js';

export interface ConnectionOptions {
  readonly host: string;
  readonly options: IOptions;
  readonly credentials: TCredentials | undefined;
}

type Listener = (...args: unknown[]) => void;

/** How long a server may take to handle a packet that leaves a namespace. */
const LEAVING_MS = 50;

/** One Socket.IO socket: a namespace on a connection that other namespaces may share. */
export class Connection implements Member {
  readonly socket: Socket;
  readonly #manager: SharedManager;
  readonly #namespace: string;
  readonly #events: ConnectionEvents;
  /** For orders of the server to this namespace. The connection has another back-off, which namespaces share. */
  readonly #backOff: BackOff;
  /** Removes the listeners on the manager, which outlives the socket. */
  readonly #undo: (() => void)[] = [];
  readonly #credentials = new CredentialsReader();
  readonly #source: Source | undefined;
  readonly #failures: Failures;
  #stood = false;
  #leftAt = Number.NEGATIVE_INFINITY;
  /** Runs until the next attempt of this namespace alone. */
  readonly #return = new Timer();
  /** Runs while the answer to the request for this namespace is awaited. */
  readonly #deadline = new Timer();

  /** Nothing happens before `start()`. */
  constructor({ host, options, credentials }: ConnectionOptions, events: ConnectionEvents) {
    this.#events = events;
    const source = credentialsOf(credentials, options.auth);
    this.#source = source;
    const auth = source && ((send: (auth: object) => void) => void this.#present(source, send));
    const { manager, socket, target } = takeSeat(host, auth === undefined ? options : { ...options, auth });
    this.socket = socket;
    this.#manager = manager;
    this.#namespace = target.namespace;
    this.#backOff = new BackOff({
      min: manager.reconnectionDelay(),
      max: manager.reconnectionDelayMax(),
      jitter: options.randomizationFactor,
    });
    this.#failures = new Failures(target, (...errors) => events.explained(...errors));
    manager.join(this);
    this.#listenToSocket();
    this.#listenToServer();
    this.#listenToManager();
  }

  /** Begins the first attempt. */
  start(): void {
    this.socket.connect();
    this.#awaitAnswer();
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  /** Whether an attempt is under way or another one will be made, without the program. */
  get returning(): boolean {
    return this.#return.isRunning || (this.socket.active && this.reconnects);
  }

  /** Whether the program wants to reconnect after a lost connection. */
  get reconnects(): boolean {
    return this.#manager.reconnection();
  }

  /** Whether Socket.IO keeps this connection up: false after a disconnect by either side. */
  get active(): boolean {
    return this.socket.active;
  }

  on(event: string, listener: Listener): void {
    this.socket.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    this.socket.off(event, listener);
  }

  /** Connects. Between two attempts it begins the next one now. */
  connect(): void {
    const { socket } = this;
    // The namespace was requested already: a second request would make the server end the connection.
    const isAsking = socket.active && isOpenOrOpening(this.#manager);
    if (socket.connected || isAsking) return;
    if (!this.returning) this.#stood = false;
    this.#credentials.allow();
    this.#return.stop();
    this.#events.attempting();
    this.#enter();
  }

  disconnect(): void {
    this.#credentials.abandon();
    this.#return.stop();
    this.#deadline.stop();
    if (this.socket.connected) this.#leftAt = performance.now();
    this.socket.disconnect();
    limitClosing(this.#manager);
  }

  /** Reconnects after a disconnect by the server, because Socket.IO does not by itself. */
  comeBack(): void {
    const delay = this.#backOff.duration();
    this.#return.start(delay, () => {
      this.#events.attempting();
      this.#enter();
    });
    this.#events.waiting(Date.now() + delay);
  }

  /**
   * Leaves for good: nothing of the credentials is kept. Resolves once the server was told, or can't be. Other namespaces on the same
   * connection lose it, if its requests carry a query or headers, and connect again without them.
   */
  async signOut(): Promise<void> {
    this.#credentials.forget();
    if (this.#source === undefined) this.socket.auth = {};
    const manager = this.#manager;
    const { engine } = manager;
    const wasOpen = isOpen(manager);
    this.disconnect();
    // Before anything is awaited, because the program may connect again at once.
    const isCarried = manager.forgetCredentials();
    if (wasOpen) await sent(manager);
    if (isCarried && manager.engine === engine) manager.replace();
  }

  /** Whether a packet has arrived since this was called. */
  listen(): () => boolean {
    let hasHeard = false;
    const { engine } = this.#manager;
    engine?.once('packet', () => {
      hasHeard = true;
    });
    return () => hasHeard;
  }

  /** Ends a connection that is dead, and begins a new one now. Without a connection it begins the next attempt now. */
  replace(): void {
    this.#manager.replace();
  }

  /** New credentials for this connection; undefined if the program has no function for them. */
  get renewed(): (() => Promise<Given>) | undefined {
    const source = this.#source;
    return source && (() => this.#credentials.renew(source));
  }

  /** Sends new credentials on this connection. Returns false if it has ended. */
  present(credentials: Record<string, unknown>): boolean {
    this.#credentials.sent(credentials);
    return this.emit(SocketIOConstants.EVENT_AUTHENTICATE, [credentials]);
  }

  /** The server has refused the credentials that it got last: they are not sent again. */
  refused(): void {
    this.#credentials.refused();
  }

  /** The server asked the client to wait for this many milliseconds before it reconnects. */
  notSooner(afterMs: unknown): void {
    for (const backOff of [this.#backOff, this.#manager.backOff]) backOff.notSooner(afterMs);
  }

  /** The connection has lasted: the next delay is short again. */
  succeeded(): void {
    this.#backOff.succeeded();
    this.#manager.backOff.succeeded();
  }

  /** Emits an event. Returns false if the connection has ended, even if Socket.IO has not noticed that yet. */
  emit(event: string, args: readonly unknown[]): boolean {
    return emitNow(this.#manager, this.socket, () => this.socket.emit(event, ...args));
  }

  /** The same for an event with an acknowledgement. `onAnswer` is called at most once. */
  ask(event: string, args: readonly unknown[], timeoutMs: number, onAnswer: (answer: unknown) => void): boolean {
    return emitNow(this.#manager, this.socket, () =>
      this.socket.timeout(timeoutMs).emit(event, ...args, (error: Error | null, answer: unknown) => {
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

  woken(): void {
    this.#events.woken();
  }

  #listenToSocket(): void {
    const events = this.#events;
    const { socket } = this;
    socket.on('connect', () => {
      this.#deadline.stop();
      this.#stood = true;
      this.#failures.forget();
      events.connected();
    });
    socket.on('disconnect', (reason) => {
      this.#deadline.stop();
      events.disconnected(reason);
      this.#stayAway();
    });
    socket.on('connect_error', (error) => {
      this.#deadline.stop();
      events.failed(this.#failures.explain(asError(error)));
      this.#stayAway();
    });
  }

  #listenToServer(): void {
    const events = this.#events;
    const { socket } = this;
    socket.on(SocketIOConstants.EVENT_AUTHENTICATED, (payload: unknown) => events.authenticated(payload));
    socket.on(SocketIOConstants.EVENT_UNAUTHENTICATE, (payload: unknown) => events.unauthenticated(payload));
    socket.on(EVENT_RENEW, (payload: unknown) => events.renewalOrdered(payload));
    socket.on(EVENT_ROOMS_LOST, (payload: unknown) => events.roomsLost(payload));
    socket.on(SocketIOConstants.EVENT_PING, () => events.pinged());
    for (const event of [EVENT_DRAIN, EVENT_LIMITED]) {
      socket.on(event, (payload: unknown) => this.notSooner(fieldsOf(payload).after));
    }
  }

  #listenToManager(): void {
    const events = this.#events;
    const { socket } = this;
    const manager = this.#manager;
    const opened = (): void => this.#awaitAnswer();
    const closed = (): void => this.#deadline.stop();
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

  /** Socket.IO asks for credentials once a transport is open. From then on the server's deadline runs. */
  async #present(source: Source, send: (auth: object) => void): Promise<void> {
    const { engine } = this.#manager;
    const read = await this.#credentials.read(source, this.#stood ? 'reconnect' : 'connect');
    if (read === undefined) return;
    const { given, isAbandoned } = read;
    const isStale = (): boolean =>
      isAbandoned() || !this.socket.active || this.#manager.engine !== engine || !isOpen(this.#manager);
    if (isStale()) return;
    if (isRecord(given) && !(given instanceof Error)) {
      this.#credentials.sent(given);
      send(given);
      return;
    }
    this.#deadline.stop();
    if (given === null || given === 'refused') {
      this.#events.withoutCredentials(given);
      return;
    }
    this.#events.failed(given);
    if (isStale()) return;
    // Without credentials the server would wait in vain. Other namespaces keep the connection.
    this.socket.disconnect();
    if (this.reconnects) this.comeBack();
  }

  /**
   * Waits after leaving the namespace before it requests it again. Otherwise a Socket.IO server could get the request before it
   * has handled the leaving, and would close the connection, which other namespaces may use.
   */
  #enter(): void {
    const leftMs = performance.now() - this.#leftAt;
    const isUnsent = leftMs < CLOSE_TIMEOUT_MS && hasUnsent(this.#manager);
    if (isOpen(this.#manager) && (leftMs < LEAVING_MS || isUnsent)) {
      this.#return.start(LEAVING_MS, () => this.#enter());
      return;
    }
    this.#manager.connectNow(this.socket);
    this.#awaitAnswer();
  }

  /** Starts a timeout for the server's answer and the program's credentials, because Socket.IO has none. */
  #awaitAnswer(): void {
    const { socket } = this;
    const timeoutMs = this.#manager.timeout();
    const isAsked = socket.active && !socket.connected && isOpen(this.#manager);
    if (!isAsked || this.#deadline.isRunning || typeof timeoutMs !== 'number') return;
    this.#deadline.start(timeoutMs, () => this.#unanswered(timeoutMs));
  }

  #unanswered(timeoutMs: number): void {
    const what = this.#credentials.isReading
      ? 'the credentials did not arrive'
      : `the server did not answer the request for namespace "${this.#namespace}"`;
    const { socket } = this;
    this.#events.failed(new RoomgateError('timed_out', `connect(): ${what} within ${timeoutMs} ms.`));
    if (!socket.active || socket.connected) return;
    if (this.#credentials.isReading || !this.reconnects) {
      this.#credentials.abandon();
      socket.disconnect();
      if (this.reconnects) this.comeBack();
      return;
    }
    // A second request on this connection would make the server end it. So the next request needs a new connection, and this one
    // is closed unless other namespaces are connected over it.
    const isUsedByOthers = [...this.#manager.members].some((member) => member.socket.connected);
    if (!isUsedByOthers) cut(this.#manager.engine);
    else {
      this.#events.waiting(Date.now() + timeoutMs);
      this.#awaitAnswer();
    }
  }

  /** Without reconnection: another namespace may open the connection again, but this one waits for the program. */
  #stayAway(): void {
    if (!this.reconnects && !isOpenOrOpening(this.#manager)) this.socket.disconnect();
  }
}
