import { fieldsOf } from '../common/checks.js';
import { shown } from '../common/log-text.js';
import type { TUnauthenticatedCode } from '../protocol/errors.js';
import { Access } from './access.js';
import { Authentication } from './authentication.js';
import { AuthenticationState } from './authentication-state.js';
import { Connection } from './connection.js';
import type { ConnectionEvents } from './connection-events.js';
import { nextStep } from './ending.js';
import { readAuthenticated } from './identity.js';
import type { Log } from './log.js';
import type { ISocketIOClientOptions } from './options.js';
import { Outbound } from './outbound.js';
import { limitsOf } from './outbox.js';
import { portOf } from './port.js';
import { Rejoining } from './rejoining.js';
import { Requests } from './requests.js';
import { Rooms } from './rooms.js';
import { type ISocketIOClientStatus, Status } from './status.js';
import { Waking } from './waking.js';

const DEFAULT_ROOMS_TIMEOUT_MS = 5_000;
/** Twice the server's default, so that the server's deadline ends a slow authentication first. */
const DEFAULT_AUTHENTICATE_TIMEOUT_MS = 20_000;

const UNAVAILABLE: TUnauthenticatedCode = 'unavailable';

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
  readonly #access: Access;
  readonly #authentication: Authentication;
  readonly #waking: Waking;
  readonly #options: ISocketIOClientOptions;
  readonly #log: Log;
  /** Whether this client authenticates automatically, and so also after a reconnect. */
  readonly #isAutomatic: boolean;
  /** The causes of failed attempts since the last connection. */
  readonly #failures = new Set<string>();

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
    this.outbound = new Outbound(port, limitsOf(queue), forSocketIO.parser !== undefined, log);
    this.requests = new Requests(this.outbound, port);
    this.connection = new Connection({ host, options: forSocketIO, credentials }, this);
    const { authenticateTimeout: answerMs = DEFAULT_AUTHENTICATE_TIMEOUT_MS } = options;
    this.#access = new Access({
      connection: this.connection,
      isAuthenticated: () => this.state.authenticated,
      signedOut: () => this.withoutCredentials(null),
      answerMs,
      log,
    });
    this.#authentication = new Authentication({
      connection: this.connection,
      state: this.state,
      status: this.status,
      outbound: this.outbound,
      access: this.#access,
      isAutomatic: this.#isAutomatic,
      answerMs,
      options,
      log,
      failed: (error) => this.failed(error),
      ended: (more) => this.#endAs('refused', more),
    });
    this.#waking = new Waking({ connection: this.connection, state: this.state, renewal: this.#access.renewal });
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
    return this.#authentication.begin();
  }

  /** Connects; after a refusal as soon as the connection has ended. */
  connect(): void {
    if (this.status.hasEnded) this.connection.credentials.allow();
    if (this.#authentication.ending === 'stay ended' && this.connection.connected)
      this.#authentication.ending = 'connect';
    else this.connection.connect();
  }

  disconnect(): void {
    this.#authentication.ending = undefined;
    this.connection.disconnect();
    // Socket.IO's own reason. If there was a connection, the event of its end brings the same status, so this changes it once.
    this.#endAs('disconnected', { message: 'io client disconnect' });
  }

  shutdown(): void {
    this.connection.shutdown();
    this.#connectionEnded();
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
    this.#authentication.ending = undefined;
    if (!this.#isAutomatic) this.#authentication.settle();
    this.status.set('connected');
    this.#call('onConnected', () => this.#options.onConnected?.());
    // `authenticate()` checks the state: the program may have authenticated, or shut down, in its callback.
    if (this.#isAutomatic) this.authenticate();
  }

  authenticated(payload: unknown): void {
    const message = readAuthenticated(payload);
    if (message.isRenewed && this.state.authenticated) {
      // Roomgate's server ends the access of a client that renews as another user. A foreign one may not.
      if (!this.#access.renewed(message)) return;
      this.#forgetUser();
      this.status.set('authenticated', this.#access.shown);
      return;
    }
    if (!this.#authentication.accepted()) return;
    this.#log.write('info', 'authenticated');
    // Before anything of the user before goes out.
    if (this.#access.begin(message)) this.#forgetUser();
    this.#authentication.settle();
    this.#waking.entered();
    this.outbound.authenticated();
    // Before the program's callbacks, so that messages that they emit are queued after those that wait already.
    if (this.#isAutomatic) this.#rejoining.prepare();
    this.status.set('authenticated', this.#access.shown);
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
    this.#access.order(payload);
  }

  roomsLost(payload: unknown): void {
    const lost = this.rooms.lost(payload).map(({ room, code }) => `${shown(room)} (${shown(code)})`);
    if (lost.length > 0) this.#log.write('info', `the server ended the access to rooms: ${lost.join(', ')}`);
  }

  withoutCredentials(why: null | 'refused'): void {
    this.#authentication.ending = undefined;
    if (why === null) this.#forgetSession();
    else this.#endAs('refused', this.#access.refusal);
    // After the status, so that the end of the connection does not bring a less specific reason.
    this.connection.disconnect();
  }

  /** Leaves, and forgets who this client is. */
  async signOut(): Promise<void> {
    this.#forgetSession();
    await this.connection.signOut();
  }

  #forgetSession(): void {
    this.#authentication.ending = undefined;
    this.#access.forget();
    this.rooms.forgetAll();
    this.outbound.settle();
    this.outbound.fail('disconnected', 'this client has signed out');
    if (!this.status.isShutDown) this.status.set('disconnected', { message: 'signed out' });
  }

  woken(): void {
    if (!this.status.hasEnded) this.#waking.wake();
  }

  unauthenticated(payload: unknown): void {
    this.#authentication.refused(payload);
  }

  disconnected(reason: string): void {
    const { isProbing } = this.#waking;
    this.#connectionEnded();
    this.requests.connectionEnded();
    this.#log.write('info', `disconnected: ${reason}`);
    this.#follow(reason);
    // After a sleep, the end of a connection is often noticed at the first packet.
    if (isProbing && this.connection.active) this.connection.replace();
    this.#call('onDisconnected', () => this.#options.onDisconnected?.(reason));
  }

  failed(error: Error): void {
    const { onError } = this.#options;
    const { message } = error;
    this.#logFailure(shown(message));
    // Socket.IO stops reconnecting a socket that a middleware of the server refused, and no other.
    if (!this.connection.active) this.#refusedByMiddleware(error);
    else if (this.connection.returning) this.status.setQuietly('waiting', { message });
    else this.#endAs('disconnected', { message });
    this.#call('onError', () => onError?.(error));
  }

  /** If the middleware has failed, and not refused, the client comes back. */
  #refusedByMiddleware(error: Error): void {
    const { message } = error;
    const { code, after } = fieldsOf(fieldsOf(error).data);
    if (code !== UNAVAILABLE) this.#endAs('refused', { code: 'connect_error', message });
    else if (!this.connection.reconnects) this.#endAs('disconnected', { message });
    else {
      this.connection.notSooner(after);
      this.status.setQuietly('waiting', { code: UNAVAILABLE, message });
      this.connection.comeBack();
    }
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
    this.status.waitUntil(retryAt);
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

  #follow(reason: string): void {
    const { connection } = this;
    const ending = this.#authentication.ending;
    this.#authentication.ending = undefined;
    const step = nextStep({ reason, ending, isActive: connection.active, isReturning: connection.returning });
    if (step === 'come back') connection.comeBack();
    else if (step === 'connect') connection.connect();
    else if (step === 'leave') connection.disconnect();
    else if (step === 'end') this.#endAs('disconnected', { message: reason });
    else if (step === 'wait' && this.status.current.status !== 'waiting') {
      this.status.setQuietly('waiting', { message: reason });
    }
  }

  /** Stops everything that belongs to one connection. */
  #connectionEnded(): void {
    this.#rejoining.stop();
    this.#access.stop();
    this.#waking.stop();
    this.#authentication.stop();
    this.outbound.settle();
    this.rooms.connectionEnded();
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
