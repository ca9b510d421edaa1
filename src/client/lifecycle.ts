import { shown } from '../common/log-text.js';
import { isRenewable, RoomgateError } from '../protocol/errors.js';
import { SocketIOConstants } from '../protocol/events.js';
import type { IJoinAnswer } from '../protocol/messages.js';
import { SocketIOClientStates } from '../protocol/states.js';
import { Connection } from './connection.js';
import type { ConnectionEvents } from './connection-events.js';
import type { Log } from './log.js';
import type { IQueueOptions, ISocketIOClientOptions } from './options.js';
import { Outbound } from './outbound.js';
import type { OutboxLimits } from './outbox.js';
import { Rooms } from './rooms.js';
import { Session } from './session.js';
import { type ISocketIOClientStatus, Status } from './status.js';

const DEFAULT_ROOMS_TIMEOUT_MS = 5_000;
/** Twice the server's default, so that it is the server that ends what takes too long. */
const DEFAULT_AUTHENTICATE_TIMEOUT_MS = 20_000;
const DEFAULT_QUEUE = { max: 100, ttl: 30_000 };

/** A server that refused this client closes the connection; after so long this client does. */
const END_TIMEOUT_MS = 5_000;

/** Rooms that were refused for a reason that passes are asked for again, this often and after such a time at most. */
const MOST_REJOINS = 5;
const FIRST_REJOIN_MS = 1_000;
/** Most rooms that a log line about refused rooms names. */
const MOST_ROOMS_NAMED = 20;

/** What to do once the connection has ended: after an `unauthenticated`, or, to retry, after a time-out of this client's. */
type Ending = 'stay away' | 'come back' | 'retry' | 'connect';

/**
 * What becomes of this client as its connection comes and goes.
 *
 *   connecting ──► connected ──► authenticating ──► authenticated: rooms again, then what waited
 *       ▲                             │                  │
 *       └──────── waiting ◄── lost, drained, limited, or expired: once
 *                                     └─ refused, revoked, disconnected: until the program asks
 */
export class Lifecycle implements ConnectionEvents {
  readonly session = new Session();
  readonly status: Status;
  readonly connection: Connection;
  readonly rooms: Rooms;
  readonly outbound: Outbound;
  readonly #options: ISocketIOClientOptions;
  readonly #log: Log;
  /** Whether this client asks to be let in by itself, and so survives a lost connection by itself. */
  readonly #isAutomatic: boolean;
  #ending: Ending | undefined;
  /** Whether it came back with new credentials, and was not let in since. */
  #hasRenewed = false;
  /** Counts connections, so that what began on one is not taken for another's. */
  #life = 0;
  #isRejoining = false;
  #rejoinTimer: ReturnType<typeof setTimeout> | undefined;
  /** Ends the wait for the server's verdict, and after a refusal the wait for its disconnect. */
  #serverTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ISocketIOClientOptions, log: Log) {
    const { host, options: forSocketIO, credentials, roomsTimeout = DEFAULT_ROOMS_TIMEOUT_MS, queue } = options;
    this.#options = options;
    this.#log = log;
    this.#isAutomatic = options.autoAuthenticate ?? credentials !== undefined;
    this.status = new Status(forSocketIO.autoConnect === false ? 'disconnected' : 'connecting', log);
    if (options.onStatusChanged !== undefined) this.status.listen(options.onStatusChanged);
    const lifecycle = this;
    this.rooms = new Rooms(
      {
        get connected() {
          return lifecycle.connection.connected;
        },
        get state() {
          return lifecycle.session.state;
        },
        ask: (...args) => lifecycle.connection.ask(...args),
      },
      roomsTimeout,
      log,
    );
    this.outbound = new Outbound(
      {
        get connected() {
          return lifecycle.connection.connected;
        },
        get settled() {
          return lifecycle.session.authenticated && !lifecycle.#isRejoining;
        },
        get hopeful() {
          return !['disconnected', 'refused'].includes(lifecycle.status.current.status);
        },
        emit: (...args) => lifecycle.connection.emit(...args),
      },
      queue && limitsOf(queue),
      log,
    );
    this.connection = new Connection({ host, options: forSocketIO, credentials }, this);
  }

  /** Starts connecting, unless the program wants to say when. */
  start(): void {
    if (this.#options.options.autoConnect !== false) this.connection.start();
  }

  /** Asks to be let in. False where this is not the moment. */
  authenticate(): boolean {
    if (!this.connection.connected || !this.session.beginAuthentication()) return false;
    this.#ending = undefined;
    this.status.set('authenticating');
    const { authenticateTimeout = DEFAULT_AUTHENTICATE_TIMEOUT_MS } = this.#options;
    this.#serverTimer = setTimeout(() => this.#unanswered(authenticateTimeout), authenticateTimeout);
    this.connection.emit(SocketIOConstants.EVENT_AUTHENTICATE, []);
    return true;
  }

  /** Connects; after a refusal as soon as the connection has ended. */
  connect(): void {
    if (this.#ending === 'stay away' && this.connection.connected) this.#ending = 'connect';
    else this.connection.connect();
  }

  disconnect(): void {
    this.#ending = undefined;
    this.connection.disconnect();
    // Socket.IO's words, which come by themselves where there was a connection: one end is one change.
    this.#settleFor('disconnected', { message: 'io client disconnect' });
  }

  shutdown(): void {
    this.#life += 1;
    clearTimeout(this.#rejoinTimer);
    clearTimeout(this.#serverTimer);
    this.connection.shutdown();
    this.session.end();
    this.rooms.connectionEnded();
    this.outbound.fail('shut_down', 'this client was shut down');
    this.status.shutDown();
  }

  attempting(): void {
    if (!this.connection.connected) this.status.set('connecting');
  }

  connected(): void {
    this.#log.write('info', 'connected');
    this.#ending = undefined;
    if (!this.#isAutomatic) this.connection.succeeded();
    this.status.set('connected');
    this.#call('onConnected', () => this.#options.onConnected?.());
    // The program may have asked in its callback, or ended it all.
    if (this.#isAutomatic) this.authenticate();
  }

  authenticated(): void {
    clearTimeout(this.#serverTimer);
    if (!this.session.enter()) return;
    this.#log.write('info', 'authenticated');
    this.#ending = undefined;
    this.#hasRenewed = false;
    this.connection.succeeded();
    // Before the program hears of it: what it emits from now on comes after what waits already.
    this.#isRejoining = this.#isAutomatic && this.rooms.wanted;
    this.status.set('authenticated');
    this.#call('onAuthenticated', () => this.#options.onAuthenticated?.());
    if (this.#isRejoining) void this.#rejoin();
    else this.outbound.flush();
  }

  unauthenticated(payload: unknown): void {
    // The first word of a server counts: it may not fill a log by repeating it.
    if (this.#ending !== undefined) return;
    const { message, code } = read(payload);
    clearTimeout(this.#serverTimer);
    this.#serverTimer = setTimeout(() => this.#endRefused(), END_TIMEOUT_MS);
    this.session.end();
    this.#log.write('info', `unauthenticated: ${shown(code)}`);
    if (this.#isAutomatic && !this.#hasRenewed && isRenewable(code)) {
      this.#hasRenewed = true;
      this.#ending = 'come back';
      this.status.set('waiting', { message });
    } else {
      this.#ending = 'stay away';
      this.#settleFor('refused', { code, message });
    }
    this.#call('onUnauthenticated', () => this.#options.onUnauthenticated?.(message));
  }

  disconnected(reason: string): void {
    this.#life += 1;
    this.#isRejoining = false;
    clearTimeout(this.#rejoinTimer);
    clearTimeout(this.#serverTimer);
    this.session.end();
    this.rooms.connectionEnded();
    this.#log.write('info', `disconnected: ${reason}`);
    this.#follow(reason);
    this.#call('onDisconnected', () => this.#options.onDisconnected?.(reason));
  }

  failed(error: Error): void {
    const { onError } = this.#options;
    const { message } = error;
    this.#log.write(onError ? 'debug' : 'warn', `connecting failed: ${shown(message)}`);
    // Socket.IO lets go of a socket that a middleware of the server refused, and of no other.
    if (!this.connection.active) this.#settleFor('refused', { code: 'connect_error', message });
    else if (this.connection.returning) this.status.set('waiting', { message });
    else this.#settleFor('disconnected', { message });
    this.#call('onError', () => onError?.(error));
  }

  waiting(retryAt: number): void {
    const { message } = this.status.current;
    this.status.set('waiting', { ...(message === undefined ? {} : { message }), retryAt });
  }

  gaveUp(): void {
    this.#settleFor('disconnected', { message: 'every attempt to connect failed' });
  }

  pinged(): void {
    this.#log.write('debug', 'ping');
  }

  dropped(): void {
    this.#log.write('warn', 'the server sent a packet that breaks the protocol of Socket.IO; the packet was dropped');
  }

  /** The server refused this client and does not close the connection. */
  #endRefused(): void {
    if (!this.connection.connected || this.#ending === undefined) return;
    if (this.#ending === 'come back') this.#ending = 'retry';
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
    if (this.session.state !== SocketIOClientStates.AUTHENTICATING) return;
    this.#ending = this.connection.reconnects ? 'retry' : undefined;
    this.connection.disconnect();
  }

  /** What follows from an end. The endings are listed in docs/protocol.md. */
  #follow(reason: string): void {
    const ending = this.#ending;
    this.#ending = undefined;
    const isMeant = !this.connection.active;
    if (ending === 'retry') {
      this.connection.comeBack();
    } else if (ending === 'connect') {
      this.connection.connect();
    } else if (reason === 'io client disconnect') {
      this.#settleFor('disconnected', { message: reason });
    } else if (ending === 'stay away') {
      // Its last word was a refusal; that the connection broke before the server closed it changes nothing.
      if (!isMeant) this.connection.disconnect();
    } else if (ending === 'come back' && isMeant) {
      this.connection.comeBack();
    } else if (isMeant || !this.connection.returning) {
      this.#settleFor('disconnected', { message: reason });
    } else if (this.status.current.status !== 'waiting') {
      this.status.set('waiting', { message: reason });
    }
  }

  /** A status that only the program can change: nothing that waits has hope any more. */
  #settleFor(status: 'disconnected' | 'refused', more: Omit<ISocketIOClientStatus, 'status'>): void {
    const { status: current } = this.status.current;
    // An end that follows from it has a poorer reason.
    const isSettled = current === 'refused' || current === 'disconnected';
    // First, since a listener of the status may connect, and emit for the next connection.
    this.outbound.fail(status, status === 'refused' ? 'the server refused this client' : 'this client is disconnected');
    if (!(isSettled && status === 'disconnected')) this.status.set(status, more);
  }

  /** The server knows nothing of this client's rooms. What waits to be sent may need them, so it goes after that. */
  async #rejoin(): Promise<void> {
    const life = this.#life;
    const answer = await this.rooms.rejoin();
    if (life !== this.#life) return;
    this.#isRejoining = false;
    this.outbound.flush();
    this.#report(answer, 1);
  }

  #report(answer: IJoinAnswer, tries: number): void {
    const { onRoomsRejoined } = this.#options;
    const named = answer.refused.slice(0, MOST_ROOMS_NAMED).map(({ room, code }) => `${shown(room)} (${shown(code)})`);
    const more = answer.refused.length - named.length;
    const refused = [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
    if (refused !== '') this.#log.write(onRoomsRejoined ? 'debug' : 'warn', `rooms not rejoined: ${refused}`);
    this.#call('onRoomsRejoined', () => onRoomsRejoined?.(answer));
    const passing = this.rooms.passing(answer.refused);
    if (passing.length === 0 || tries >= MOST_REJOINS) return;
    const life = this.#life;
    this.#rejoinTimer = setTimeout(
      async () => {
        const again = await this.rooms.rejoin(passing);
        if (life === this.#life) this.#report(again, tries + 1);
      },
      Math.random() * FIRST_REJOIN_MS * 2 ** tries,
    );
  }

  #call(name: string, callback: () => unknown): void {
    void this.#log.run(name, callback);
  }
}

function limitsOf(queue: true | IQueueOptions): OutboxLimits {
  const { max = DEFAULT_QUEUE.max, ttl = DEFAULT_QUEUE.ttl } = queue === true ? DEFAULT_QUEUE : queue;
  return { max, ttl };
}

/** A server that isn't ours may say anything. */
function read(payload: unknown): { message: string; code: string } {
  const { message, code } = (payload ?? {}) as { message?: unknown; code?: unknown };
  return { message: typeof message === 'string' ? message : '', code: typeof code === 'string' ? code : 'refused' };
}
