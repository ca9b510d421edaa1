import { isRecord, wrongArgument } from '../common/checks.js';
import { nearest } from '../common/known-options.js';
import { shown } from '../common/log-text.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TConstValue } from '../protocol/states.js';
import type { Log } from './log.js';
import { checkSignal, checkTimeout, reasonOf } from './waiting.js';

/**
 * `ended`: only the program can change it. `standing`: the connection is open, so "connected" counts as reached. `moving`: it
 * will change without the program. The compiler requires a line for each status.
 */
const PHASES: Readonly<Record<TSocketIOClientStatus, 'ended' | 'moving' | 'standing'>> = {
  disconnected: 'ended',
  connecting: 'moving',
  connected: 'standing',
  authenticating: 'standing',
  authenticated: 'standing',
  refused: 'ended',
  waiting: 'moving',
};

/** The connection statuses of a client, for a user interface. */
export class SocketIOClientStatuses {
  /** Not connected, and not about to be: before `connect()`, after `disconnect()`, the server's disconnect or `shutdown()`. */
  static readonly DISCONNECTED = 'disconnected';
  /** An attempt to connect is under way. */
  static readonly CONNECTING = 'connecting';
  /** The connection is open. `authenticate` was not sent yet. */
  static readonly CONNECTED = 'connected';
  /** `authenticate` was sent. The server has not answered yet. */
  static readonly AUTHENTICATING = 'authenticating';
  /** The server authenticated this client. */
  static readonly AUTHENTICATED = 'authenticated';
  /** The server refused this client, or ended its authentication; it does not reconnect until `connect()`. */
  static readonly REFUSED = 'refused';
  /** Between two attempts to reconnect. */
  static readonly WAITING = 'waiting';

  /** All of them. */
  static readonly SCHEME_SET: Set<string> = new Set(Object.keys(PHASES));

  /** Whether `input` is one of them. */
  static isValid(input: unknown): input is TSocketIOClientStatus {
    return typeof input === 'string' && SocketIOClientStatuses.SCHEME_SET.has(input);
  }
}

/** One of the values of `SocketIOClientStatuses`. */
export type TSocketIOClientStatus = TConstValue<typeof SocketIOClientStatuses>;

/** The status of a client at one moment. The object never changes: a new status is a new object. */
export interface ISocketIOClientStatus {
  /** The status itself. */
  readonly status: TSocketIOClientStatus;
  /**
   * When refused: the code of `unauthenticated`, which may be one of your `authenticateFn`, or `connect_error` if a middleware of the
   * server refused it. When waiting: `unavailable` if the server could not serve this client, or your code if it lets clients retry.
   */
  readonly code?: string;
  /** When refused: a text for the user. When disconnected or waiting: the reason, if it is known. */
  readonly message?: string;
  /**
   * When authenticated: the user's name, if the server's `authenticateFn` returned an identity. Undefined if it returned `true`. A
   * client that comes back as another user has an empty queue and no rooms.
   * @example helper.onStatus(({ user }) => showSignedIn(user ?? 'guest'));
   */
  readonly user?: string;
  /** When authenticated: the name of the user's login, if the identity has one. It is no secret. */
  readonly session?: string;
  /** When waiting: the time of the next attempt, in milliseconds since 1970. */
  readonly retryAt?: number;
}

/** How long `waitFor` waits. */
export interface IWaitOptions {
  /** Milliseconds. Without it, `waitFor` waits without a limit. */
  timeout?: number | undefined;
  /** Ends the waiting: `waitFor` rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

type Listener = (status: ISocketIOClientStatus) => unknown;

/** The status, its listeners, and `waitFor`. */
export class Status {
  readonly #log: Log;
  readonly #listeners = new Set<Listener>();
  #current: ISocketIOClientStatus;
  #isShutDown = false;
  /** Whether the listeners have not heard of the current status. */
  #isQuiet = false;

  constructor(first: TSocketIOClientStatus, log: Log) {
    this.#current = Object.freeze({ status: first });
    this.#log = log;
  }

  get current(): ISocketIOClientStatus {
    return this.#current;
  }

  /** Whether only the program can change the status. */
  get hasEnded(): boolean {
    return PHASES[this.#current.status] === 'ended';
  }

  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** Sets the status and calls the listeners, unless it is the same already. */
  set(status: TSocketIOClientStatus, more: Omit<ISocketIOClientStatus, 'status'> = {}): void {
    const next: ISocketIOClientStatus = Object.freeze({ status, ...more });
    if (isSame(this.#current, next) && !this.#isQuiet) return;
    this.#current = next;
    this.#tell();
  }

  /**
   * Sets a status to which the next `set` adds something, in the same turn: the listeners are called once, for both. Without
   * another one they are called after this turn.
   */
  setQuietly(status: TSocketIOClientStatus, more: Omit<ISocketIOClientStatus, 'status'>): void {
    const next: ISocketIOClientStatus = Object.freeze({ status, ...more });
    if (isSame(this.#current, next)) return;
    this.#current = next;
    this.#isQuiet = true;
    void Promise.resolve().then(() => {
      if (this.#isQuiet) this.#tell();
    });
  }

  /** The next attempt to connect begins then, in milliseconds since 1970. The reason for the wait stays. */
  waitUntil(retryAt: number): void {
    const { code, message } = this.#current;
    const why = { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) };
    this.set('waiting', { ...why, retryAt });
  }

  /** Returns its own remover, which is harmless a second time. */
  listen(listener: Listener): () => void {
    // The same function given twice is two listeners, so that each remover removes its own.
    const own: Listener = (status) => listener(status);
    if (!this.#isShutDown) this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  async waitFor(wanted: unknown, opts: IWaitOptions = {}): Promise<void> {
    if (!SocketIOClientStatuses.isValid(wanted)) throw noStatus(wanted);
    if (!isRecord(opts)) throw wrongArgument('waitFor', 'options', 'an object such as { timeout: 5_000 }', opts);
    const { timeout, signal } = opts;
    checkSignal('waitFor', signal);
    checkTimeout('waitFor', timeout);
    if (signal?.aborted === true) throw reasonOf('waitFor', signal);
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void): void => {
        stop();
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        act();
      };
      const abort = (): void => settle(() => reject(signal && reasonOf('waitFor', signal)));
      const look = (): void => {
        if (this.#isReached(wanted)) settle(resolve);
        else if (this.#isHopeless(wanted)) settle(() => reject(this.#hopeless(wanted)));
      };
      const stop = this.listen(look);
      const timer =
        timeout === undefined
          ? undefined
          : setTimeout(() => settle(() => reject(this.#late(wanted, timeout))), timeout);
      signal?.addEventListener('abort', abort);
      look();
    });
  }

  /** Sets the final status, `disconnected`. Every `waitFor` of another status rejects. */
  shutDown(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    this.#current = Object.freeze({ status: 'disconnected' });
    this.#tell();
    this.#listeners.clear();
  }

  #tell(): void {
    this.#isQuiet = false;
    const current = this.#current;
    for (const listener of [...this.#listeners]) {
      // A listener that another one has removed meanwhile is not called.
      if (this.#listeners.has(listener)) void this.#log.run('a listener of the status', () => listener(current));
    }
  }

  #isReached(wanted: TSocketIOClientStatus): boolean {
    const { status } = this.#current;
    return status === wanted || (wanted === 'connected' && PHASES[status] === 'standing');
  }

  /** Whether only the program could make the status the wanted one. */
  #isHopeless(wanted: TSocketIOClientStatus): boolean {
    return this.#isShutDown || (this.hasEnded && PHASES[wanted] !== 'ended');
  }

  #late(wanted: string, timeout: number): RoomgateError {
    const { status, message } = this.#current;
    const why = message === undefined ? '' : ` (${shown(message)})`;
    const text = `waitFor("${wanted}") timed out after ${timeout} ms; the status is "${status}"${why}.`;
    return new RoomgateError('timed_out', text);
  }

  #hopeless(wanted: TSocketIOClientStatus): RoomgateError {
    const { status, message } = this.#current;
    const start = `waitFor("${wanted}"): this client`;
    if (this.#isShutDown) return new RoomgateError('shut_down', `${start} was shut down.`);
    const why = message === undefined ? '' : ` (${shown(message)})`;
    if (status === 'refused')
      return new RoomgateError('refused', `${start} was refused${why}. Call connect() to try again.`);
    return new RoomgateError('disconnected', `${start} is disconnected${why}. Call connect() first.`);
  }
}

function noStatus(given: unknown): RoomgateError {
  const known = [...SocketIOClientStatuses.SCHEME_SET];
  if (typeof given !== 'string') return wrongArgument('waitFor', 'status', `one of ${known.join(', ')}`, given);
  const meant = nearest(given, known);
  const advice = meant === undefined ? `Use one of ${known.join(', ')}.` : `Did you mean "${meant}"?`;
  return new RoomgateError('invalid_argument', `waitFor(): there is no status "${shown(given)}". ${advice}`);
}

function isSame(one: ISocketIOClientStatus, other: ISocketIOClientStatus): boolean {
  const names = ['status', 'code', 'message', 'user', 'session', 'retryAt'] as const;
  return names.every((name) => one[name] === other[name]);
}
