import type { Socket } from 'socket.io-client';
import { BackOff } from './back-off.js';
import type { ConnectionEvents } from './connection-events.js';
import { CredentialsReader, credentialsOf, type TCredentials } from './credentials.js';
import { Failures } from './failures.js';
import { Handshake } from './handshake.js';
import { LEAVING_MS, Leaving } from './leaving.js';
import { type Member, type SharedManager, takeSeat } from './manager.js';
import type { IOptions } from './options.js';
import { listenToServer } from './server-events.js';
import { asError, emitNow, forgetNextAnswer, isOpen, isOpenOrOpening, limitClosing, sent } from './socket-io.js';
import { Timer } from './timer.js';

export interface ConnectionOptions {
  readonly host: string;
  readonly options: IOptions;
  readonly credentials: TCredentials | undefined;
}

type Listener = (...args: unknown[]) => void;
type OnAnswer = (answer: unknown) => void;

/** One Socket.IO socket: a namespace on a connection that other namespaces may share. */
export class Connection implements Member {
  readonly socket: Socket;
  readonly credentials: CredentialsReader;
  readonly #manager: SharedManager;
  readonly #events: ConnectionEvents;
  /** For orders of the server to this namespace. The connection has another back-off, which namespaces share. */
  readonly #backOff: BackOff;
  /** Removes the listeners on the manager, which outlives the socket. */
  readonly #undo: (() => void)[] = [];
  readonly #failures: Failures;
  readonly #handshake: Handshake;
  readonly #leaving: Leaving;
  /** Runs until the next attempt of this namespace alone. */
  readonly #return = new Timer();
  /** Counts attempts and disconnects. */
  #turn = 0;
  /** Whether an attempt begins as soon as Socket.IO has handled the end of the connection. */
  #isDeferred = false;

  /** Nothing happens before `start()`. */
  constructor({ host, options, credentials }: ConnectionOptions, events: ConnectionEvents) {
    this.#events = events;
    this.credentials = new CredentialsReader(credentialsOf(credentials, options.auth), options.parser === undefined);
    const auth = this.credentials.isAsked && ((send: (auth: object) => void) => void this.#handshake.present(send));
    const { manager, socket, target } = takeSeat(host, auth === false ? options : { ...options, auth });
    this.socket = socket;
    this.#manager = manager;
    this.#leaving = new Leaving(manager);
    this.#backOff = new BackOff({
      min: manager.reconnectionDelay(),
      max: manager.reconnectionDelayMax(),
      jitter: options.randomizationFactor,
    });
    this.#failures = new Failures(target, (...errors) => events.explained(...errors));
    const { namespace } = target;
    const retry = (): void => {
      if (this.reconnects) this.comeBack();
    };
    this.#handshake = new Handshake({ manager, socket, namespace, credentials: this.credentials, events, retry });
    manager.join(this);
    this.#listenToSocket();
    listenToServer(socket, events, (afterMs) => this.notSooner(afterMs));
    this.#listenToManager();
  }

  /** Begins the first attempt. */
  start(): void {
    this.socket.connect();
    this.#handshake.awaitAnswer();
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
    // While the connection ends, that is not to be seen in the engine yet.
    if (this.socket.connected || (this.#isAsking && !this.#manager.isEnding)) return;
    if (!this.returning) this.#handshake.begin();
    this.#return.stop();
    this.#attempt();
  }

  disconnect(): void {
    this.#turn += 1;
    this.#isDeferred = false;
    this.credentials.abandon();
    this.#failures.forget();
    this.#return.stop();
    this.#handshake.stop();
    if (this.socket.connected) this.#leaving.begin();
    this.socket.disconnect();
    limitClosing(this.#manager);
  }

  /** Reconnects after a disconnect by the server, because Socket.IO does not by itself. */
  comeBack(): void {
    const delay = this.#backOff.duration();
    this.#return.start(delay, () => this.#attempt());
    this.#events.waiting(Date.now() + delay);
  }

  /**
   * Leaves for good: nothing of the credentials is kept. Resolves once the server was told, or can't be. Other namespaces on the same
   * connection lose it, if its requests carry a query or headers, and connect again without them.
   */
  async signOut(): Promise<void> {
    this.credentials.forget();
    if (!this.credentials.isAsked) this.socket.auth = {};
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

  /**
   * Ends a connection or an attempt that is dead, and begins a new one now. Between two attempts it begins the next one now, unless the
   * server has asked the client to wait.
   */
  replace(): void {
    const manager = this.#manager;
    if (this.socket.connected) manager.replace();
    else if (this.#return.isRunning) {
      if (!this.#backOff.isOrdered) this.connect();
    } else if (manager.hasStalled && !this.credentials.isReading) manager.replace();
    else if (!manager.backOff.isOrdered) manager.wake();
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

  /**
   * The same for an event with an acknowledgement. `onAnswer` is called at most once. Returns a function that stops waiting for it;
   * undefined if the connection has ended.
   */
  ask(event: string, args: readonly unknown[], timeoutMs: number, onAnswer: OnAnswer): (() => void) | undefined {
    const forget = forgetNextAnswer(this.socket);
    let isSent = false;
    try {
      isSent = emitNow(this.#manager, this.socket, () =>
        this.socket.timeout(timeoutMs).emit(event, ...args, (error: Error | null, answer: unknown) => {
          if (error === null) onAnswer(answer);
        }),
      );
    } finally {
      if (!isSent) forget();
    }
    return isSent ? forget : undefined;
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
      this.#handshake.succeeded();
      this.#failures.forget();
      events.connected();
    });
    socket.on('disconnect', (reason) => this.#ended(() => events.disconnected(reason)));
    socket.on('connect_error', (error) => this.#ended(() => events.failed(this.#failures.explain(asError(error)))));
  }

  #listenToManager(): void {
    const events = this.#events;
    const { socket } = this;
    const manager = this.#manager;
    const opened = (): void => this.#handshake.awaitAnswer();
    const closed = (): void => this.#handshake.stop();
    const gaveUp = (): void => {
      if (!socket.active) return;
      socket.disconnect();
      if (!this.#isDeferred) events.gaveUp();
    };
    manager.on('open', opened);
    manager.on('close', closed);
    manager.on('reconnect_failed', gaveUp);
    this.#undo.push(
      () => manager.off('open', opened),
      () => manager.off('close', closed),
      () => manager.off('reconnect_failed', gaveUp),
      manager.backOff.onDelay((delayMs) => {
        if (socket.active && !socket.connected && !this.#isDeferred) events.waiting(Date.now() + delayMs);
      }),
    );
  }

  /** Whether the namespace was requested: a second request would make the server end the connection. */
  get #isAsking(): boolean {
    return this.socket.active && isOpenOrOpening(this.#manager);
  }

  /** Begins an attempt, unless a listener of the status disconnects, or connects itself. */
  #attempt(): void {
    this.#turn += 1;
    const turn = this.#turn;
    this.#events.attempting();
    if (turn !== this.#turn) return;
    this.#isDeferred = this.#manager.isEnding;
    if (!this.#isDeferred) this.#enter();
    else {
      // Socket.IO's own wait begins after this event. An attempt before it would never end that wait.
      void Promise.resolve().then(() => {
        if (turn !== this.#turn) return;
        this.#isDeferred = false;
        if (!this.#isAsking) this.#enter();
      });
    }
  }

  /** Requests the namespace, once it has been left. */
  #enter(): void {
    if (this.#leaving.isUnderWay) {
      this.#return.start(LEAVING_MS, () => this.#enter());
      return;
    }
    this.#manager.connectNow(this.socket);
    this.#handshake.awaitAnswer();
  }

  #ended(tell: () => void): void {
    this.#handshake.stop();
    this.#manager.whileEnding(tell);
    // Without reconnection: another namespace may open the connection again, but this one waits for the program.
    if (!this.reconnects && !isOpenOrOpening(this.#manager)) this.socket.disconnect();
  }
}
