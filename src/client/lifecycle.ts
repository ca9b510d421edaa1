import { shown } from '../common/log-text.js';
import { isRenewable, RoomgateError, type TUnauthenticatedCode } from '../protocol/errors.js';
import { SocketIOConstants } from '../protocol/events.js';
import { SocketIOClientStates } from '../protocol/states.js';
import { AuthenticationState } from './authentication-state.js';
import { Connection } from './connection.js';
import type { ConnectionEvents } from './connection-events.js';
import { Identity, readAuthenticated } from './identity.js';
import type { Log } from './log.js';
import type { IQueueOptions, ISocketIOClientOptions } from './options.js';
import { Outbound } from './outbound.js';
import type { OutboxLimits } from './outbox.js';
import { portOf } from './port.js';
import { Rejoining } from './rejoining.js';
import { Renewal } from './renewal.js';
import { Requests } from './requests.js';
import { Rooms } from './rooms.js';
import { type ISocketIOClientStatus, Status } from './status.js';
import { Timer } from './timer.js';
import { readUnauthenticated } from './unauthenticated.js';
import { Waking } from './waking.js';

const DEFAULT_ROOMS_TIMEOUT_MS = 5_000;
/** Twice the server's default, so that the server's deadline ends a slow authentication first. */
const DEFAULT_AUTHENTICATE_TIMEOUT_MS = 20_000;
const DEFAULT_QUEUE = { max: 100, ttl: 30_000 };

/** How long a server that refused this client may take to close the connection. After that the client closes it. */
const END_TIMEOUT_MS = 5_000;

/** After this time, an authenticated client counts as settled: the next delay before reconnecting is short again. */
const SETTLED_AFTER_MS = 10_000;

const NEVER_ASKED =
  'the server disconnects this client, because it never called authenticate(). Set "credentials" or "autoAuthenticate", or call it';

/** Refusals that are not about the credentials. */
const SPARED: ReadonlySet<string> = new Set(['timeout', 'user_changed'] satisfies TUnauthenticatedCode[]);

/** The next step once the connection has ended: after an `unauthenticated`, or, to retry, after a timeout of this client. */
type Ending = 'stay ended' | 'reconnect' | 'retry' | 'connect';

/**
 * Changes the status of this client with its connection, and decides what follows.
 *
 *   connecting ──► connected ──► authenticating ──► authenticated: rejoins rooms, then sends the queue
 *       ▲                             │                  │
 *       └──────── waiting ◄── lost, drained, limited, unavailable, or expired: once
 *                                     └─ refused, revoked, disconnected: until connect()
 */
export class Lifecycle implements ConnectionEvents {
  readonly state = new AuthenticationState();
  readonly status: Status;
  readonly connection: Connection;
  readonly rooms: Rooms;
  readonly outbound: Outbound;
  readonly requests: Requests;
  readonly #rejoining: Rejoining;
  readonly #identity = new Identity();
  /** Undefined without a function for credentials. */
  readonly #renewal: Renewal | undefined;
  readonly #waking: Waking;
  readonly #options: ISocketIOClientOptions;
  readonly #log: Log;
  /** Whether this client authenticates automatically, and so also after a reconnect. */
  readonly #isAutomatic: boolean;
  #ending: Ending | undefined;
  /** What the server has said when it refused this client last. */
  #refusal: { readonly code: string; readonly message: string } = { code: 'refused', message: '' };
  /** The causes of failed attempts since the last connection. */
  readonly #failures = new Set<string>();
  /** Whether it reconnected with new credentials, and has not been authenticated since. */
  #hasRenewed = false;
  /** Ends the wait for the server's verdict, and after a refusal the wait for its disconnect. */
  readonly #serverTimer = new Timer();
  /** Runs until this client counts as settled. */
  readonly #settling = new Timer();

  constructor(options: ISocketIOClientOptions, log: Log) {
    const { host, options: forSocketIO, credentials, roomsTimeout = DEFAULT_ROOMS_TIMEOUT_MS, queue } = options;
    this.#options = options;
    this.#log = log;
    this.#isAutomatic = options.autoAuthenticate ?? credentials !== undefined;
    this.status = new Status(forSocketIO.autoConnect === false ? 'disconnected' : 'connecting', log);
    if (options.onStatusChanged !== undefined) this.status.listen(options.onStatusChanged);
    const port = portOf(this);
    this.rooms = new Rooms(port, roomsTimeout, log);
    this.#rejoining = new Rejoining(this.rooms, options, log);
    this.outbound = new Outbound(port, queue ? limitsOf(queue) : undefined, log);
    this.requests = new Requests(this.outbound, port);
    this.connection = new Connection({ host, options: forSocketIO, credentials }, this);
    const { authenticateTimeout: answerMs = DEFAULT_AUTHENTICATE_TIMEOUT_MS } = options;
    const { renewed: read } = this.connection;
    this.#renewal =
      read &&
      new Renewal({
        read,
        send: (renewed) => this.state.authenticated && this.connection.present(renewed),
        withoutCredentials: (why) => this.withoutCredentials(why),
        answerMs,
        log,
      });
    this.#waking = new Waking({ connection: this.connection, state: this.state, renewal: this.#renewal });
  }

  /** Whether this client is authenticated, and not yet in its rooms again. */
  get isRejoining(): boolean {
    return this.#rejoining.isUnderWay;
  }

  /** Starts connecting, unless `autoConnect` is false. */
  start(): void {
    if (this.#options.options.autoConnect !== false) this.connection.start();
  }

  /** Asks to be authenticated. Returns false if it can't now. */
  authenticate(): boolean {
    if (!this.connection.connected || !this.state.beginAuthentication()) return false;
    this.#ending = undefined;
    this.status.set('authenticating');
    const { authenticateTimeout = DEFAULT_AUTHENTICATE_TIMEOUT_MS } = this.#options;
    this.#serverTimer.start(authenticateTimeout, () => this.#unanswered(authenticateTimeout));
    this.#settling.stop();
    this.connection.emit(SocketIOConstants.EVENT_AUTHENTICATE, []);
    this.outbound.authenticating(this.connection.socket);
    return true;
  }

  /** Connects; after a refusal as soon as the connection has ended. */
  connect(): void {
    if (this.#ending === 'stay ended' && this.connection.connected) this.#ending = 'connect';
    else this.connection.connect();
  }

  disconnect(): void {
    this.#ending = undefined;
    this.connection.disconnect();
    // Socket.IO's own reason. If there was a connection, the event of its end brings the same status, so this changes it once.
    this.#endAs('disconnected', { message: 'io client disconnect' });
  }

  shutdown(): void {
    this.#rejoining.stop();
    this.#renewal?.stop();
    this.#waking.stop();
    this.#serverTimer.stop();
    this.#settling.stop();
    this.outbound.settle();
    this.connection.shutdown();
    this.state.end();
    this.rooms.connectionEnded();
    this.outbound.fail('shut_down', 'this client was shut down');
    this.requests.shutDown();
    this.status.shutDown();
  }

  attempting(): void {
    if (!this.connection.connected) this.status.set('connecting');
  }

  connected(): void {
    this.#log.write('info', 'connected');
    this.#failures.clear();
    this.#ending = undefined;
    if (!this.#isAutomatic) this.#settle();
    this.status.set('connected');
    this.#call('onConnected', () => this.#options.onConnected?.());
    // `authenticate()` checks the state: the program may have authenticated, or shut down, in its callback.
    if (this.#isAutomatic) this.authenticate();
  }

  authenticated(payload: unknown): void {
    const message = readAuthenticated(payload);
    if (message.isRenewed && this.state.authenticated) {
      this.#log.write('debug', 'renewed the credentials');
      this.#renewal?.start(message.expiresIn);
      return;
    }
    this.#serverTimer.stop();
    if (!this.state.enter()) return;
    this.#log.write('info', 'authenticated');
    // Before anything of the user before goes out.
    if (this.#identity.become(message)) this.#forgetUser();
    this.#renewal?.start(message.expiresIn);
    this.#ending = undefined;
    this.#hasRenewed = false;
    this.#settle();
    this.outbound.authenticated();
    // Before the program's callbacks, so that messages that they emit are queued after those that wait already.
    if (this.#isAutomatic) this.#rejoining.prepare();
    this.status.set('authenticated', this.#identity.shown);
    this.#call('onAuthenticated', () => this.#options.onAuthenticated?.());
    // The server does not know this client's rooms after a reconnect. Queued messages may need them, so they are sent after the answer.
    if (this.#rejoining.isUnderWay) void this.#rejoining.start(() => this.outbound.flush());
    else this.outbound.flush();
  }

  /** This client is another user now: messages and rooms of the one before are not for it. */
  #forgetUser(): void {
    this.#log.write('info', 'signed in as another user; queued messages are dropped, and no room is joined again');
    this.rooms.forgetAll();
    this.outbound.settle();
    this.outbound.fail('user_changed', 'this client is another user now');
  }

  renewalOrdered(payload: unknown): void {
    if (this.state.authenticated) this.#renewal?.order(payload);
  }

  roomsLost(payload: unknown): void {
    const lost = this.rooms.lost(payload).map(({ room, code }) => `${shown(room)} (${shown(code)})`);
    if (lost.length > 0) this.#log.write('info', `the server ended the access to rooms: ${lost.join(', ')}`);
  }

  withoutCredentials(why: null | 'refused'): void {
    this.#ending = undefined;
    if (why === null) this.#forgetSession();
    else this.#endAs('refused', this.#refusal);
    // After the status, so that the end of the connection does not bring a less specific reason.
    this.connection.disconnect();
  }

  /** Leaves, and forgets who this client is. */
  async signOut(): Promise<void> {
    this.#forgetSession();
    await this.connection.signOut();
  }

  #forgetSession(): void {
    this.#ending = undefined;
    this.#renewal?.stop();
    this.#identity.forget();
    this.rooms.forgetAll();
    this.outbound.settle();
    this.outbound.fail('disconnected', 'this client has signed out');
    if (!this.status.isShutDown) this.status.set('disconnected', { message: 'signed out' });
  }

  woken(): void {
    if (!this.status.hasEnded) this.#waking.wake();
  }

  unauthenticated(payload: unknown): void {
    // Only the first message counts, so that a server can't fill the log by repeating it.
    if (this.#ending !== undefined) return;
    const { message, code, after, handled, isTemporary } = readUnauthenticated(payload);
    this.#renewal?.stop();
    this.#refusal = { code, message };
    if (!isTemporary && !SPARED.has(code)) this.connection.refused();
    if (code === 'timeout' && this.state.current === SocketIOClientStates.UNAUTHORIZED) {
      this.#log.write('warn', NEVER_ASKED);
    }
    this.#serverTimer.start(END_TIMEOUT_MS, () => this.#endRefused());
    this.state.end();
    this.#log.write('info', `unauthenticated: ${shown(code)}`);
    if (isTemporary) {
      this.#ending = 'reconnect';
      this.connection.notSooner(after);
      this.outbound.takeBack(handled);
      this.status.set('waiting', { code, message });
    } else if (this.#isAutomatic && !this.#hasRenewed && isRenewable(code)) {
      this.#hasRenewed = true;
      this.#ending = 'reconnect';
      this.status.set('waiting', { message });
    } else {
      this.#ending = 'stay ended';
      this.#endAs('refused', { code, message });
    }
    this.#call('onUnauthenticated', () => this.#options.onUnauthenticated?.(message));
  }

  disconnected(reason: string): void {
    this.#rejoining.stop();
    this.#renewal?.stop();
    this.#waking.stop();
    this.#serverTimer.stop();
    this.#settling.stop();
    this.outbound.settle();
    this.state.end();
    this.rooms.connectionEnded();
    this.requests.connectionEnded();
    this.#log.write('info', `disconnected: ${reason}`);
    this.#follow(reason);
    this.#call('onDisconnected', () => this.#options.onDisconnected?.(reason));
  }

  failed(error: Error): void {
    const { onError } = this.#options;
    const { message } = error;
    this.#logFailure(shown(message));
    // Socket.IO stops reconnecting a socket that a middleware of the server refused, and no other.
    if (!this.connection.active) this.#endAs('refused', { code: 'connect_error', message });
    else if (this.connection.returning) this.status.set('waiting', { message });
    else this.#endAs('disconnected', { message });
    this.#call('onError', () => onError?.(error));
  }

  explained({ message }: Error, earlier: Error): void {
    this.#logFailure(message);
    const { status, ...more } = this.status.current;
    if (more.message === earlier.message) this.status.set(status, { ...more, message });
  }

  /** As a warning once for each cause of an outage, because a client may try for hours. */
  #logFailure(why: string): void {
    const isNew = !this.#options.onError && !this.#failures.has(why);
    this.#failures.add(why);
    this.#log.write(isNew ? 'warn' : 'debug', `connecting failed: ${why}`);
  }

  waiting(retryAt: number): void {
    const { code, message } = this.status.current;
    const why = { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) };
    this.status.set('waiting', { ...why, retryAt });
  }

  gaveUp(): void {
    const { message } = this.status.current;
    const last = message === undefined ? '' : `; the last one: ${message}`;
    this.#endAs('disconnected', { message: `every attempt to connect failed${last}` });
  }

  pinged(): void {
    this.#log.write('debug', 'ping');
  }

  dropped(): void {
    this.#log.write('warn', 'the server sent a packet that breaks the protocol of Socket.IO; the packet was dropped');
  }

  /** Counts this client as settled once it has stayed for a while: a server may accept it and fail right after that. */
  #settle(): void {
    this.#settling.startUnref(SETTLED_AFTER_MS, () => {
      this.connection.succeeded();
      this.outbound.settle();
    });
  }

  /** The server refused this client and does not close the connection. */
  #endRefused(): void {
    if (!this.connection.connected || this.#ending === undefined) return;
    if (this.#ending === 'reconnect') this.#ending = 'retry';
    this.connection.disconnect();
  }

  /** The server never answered: it may be stalled, or have no gate at this namespace. */
  #unanswered(timeoutMs: number): void {
    const error = new RoomgateError(
      'timed_out',
      `authenticate() timed out after ${timeoutMs} ms: the server did not answer. ` +
        'Check that the namespace in "host" is one that the server authenticates.',
    );
    this.failed(error);
    if (this.state.current !== SocketIOClientStates.AUTHENTICATING) return;
    this.#ending = this.connection.reconnects ? 'retry' : undefined;
    this.connection.disconnect();
  }

  /** Decides the next step after an end. The endings are listed in docs/protocol.md. */
  #follow(reason: string): void {
    const ending = this.#ending;
    this.#ending = undefined;
    const isMeant = !this.connection.active;
    if (ending === 'retry') {
      this.connection.comeBack();
    } else if (ending === 'connect') {
      this.connection.connect();
    } else if (reason === 'io client disconnect') {
      this.#endAs('disconnected', { message: reason });
    } else if (ending === 'stay ended') {
      // The server has refused this client. It does not matter that the connection broke before the server closed it.
      if (!isMeant) this.connection.disconnect();
    } else if (ending === 'reconnect' && isMeant) {
      this.connection.comeBack();
    } else if (isMeant || !this.connection.returning) {
      this.#endAs('disconnected', { message: reason });
    } else if (this.status.current.status !== 'waiting') {
      this.status.set('waiting', { message: reason });
    }
  }

  /** Sets a status that only the program can change, so queued messages fail. */
  #endAs(status: 'disconnected' | 'refused', more: Omit<ISocketIOClientStatus, 'status'>): void {
    // If one end causes another, the second has a less specific reason.
    const { hasEnded } = this.status;
    // Before the status, because a listener of it may connect, and emit for the next connection.
    this.outbound.fail(status, status === 'refused' ? 'the server refused this client' : 'this client is disconnected');
    if (!(hasEnded && status === 'disconnected')) this.status.set(status, more);
  }

  #call(name: string, callback: () => unknown): void {
    void this.#log.run(name, callback);
  }
}

function limitsOf(queue: true | IQueueOptions): OutboxLimits {
  const { max = DEFAULT_QUEUE.max, ttl = DEFAULT_QUEUE.ttl } = queue === true ? DEFAULT_QUEUE : queue;
  return { max, ttl };
}
