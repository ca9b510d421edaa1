import type { Socket } from 'socket.io-client';
import { isRecord, wrongArgument } from '../common/checks.js';
import { fixForEmptied } from '../common/emptied.js';
import { refuseOtherData } from '../common/other-data.js';
import { RoomgateError, type TRoomgateErrorCode } from '../protocol/errors.js';
import { isReservedTopic } from '../protocol/events.js';
import { notOneObject, wrongCall } from './calls.js';
import type { Log } from './log.js';
import { callOf, type Emitted, type PendingRequest } from './messages.js';
import { Outbox, type OutboxLimits, reasonNotSent } from './outbox.js';
import { SentLately } from './sent-lately.js';

/** The part of the client that emitting uses. */
export interface OutboundPort {
  readonly connected: boolean;
  /** Authenticated, and in its rooms again: queued messages may be sent, and new ones are sent at once. */
  readonly ready: boolean;
  /** Whether it can become ready without the program. */
  readonly canBecomeReady: boolean;
  /** The word for the status, for errors. */
  readonly status: string;
  readonly isShutDown: boolean;
  /** Returns false if the connection has ended. */
  emit(event: string, args: readonly unknown[]): boolean;
  /** The same with an acknowledgement. `onAnswer` is called at most once. Returns a function that stops waiting for it. */
  ask(
    event: string,
    args: readonly unknown[],
    timeoutMs: number,
    onAnswer: (answer: unknown) => void,
  ): (() => void) | undefined;
}

export interface EmitArguments {
  topic?: unknown;
  data?: unknown;
  doLog?: unknown;
  cb?: unknown;
}

/** `emit` and `request`: send immediately, or, with the option `queue`, as soon as this client is authenticated. */
export class Outbound {
  readonly #port: OutboundPort;
  readonly #log: Log;
  readonly #outbox: Outbox | undefined;
  readonly #sentLately: SentLately | undefined;
  /** Whether the program brings its own parser, which may carry more than JSON. */
  readonly #hasOwnParser: boolean;
  #hasWarned = false;

  constructor(port: OutboundPort, limits: OutboxLimits | undefined, hasOwnParser: boolean, log: Log) {
    this.#port = port;
    this.#hasOwnParser = hasOwnParser;
    this.#log = log;
    this.#outbox = limits === undefined ? undefined : new Outbox(limits, log);
    this.#sentLately = limits === undefined ? undefined : new SentLately(limits.max);
  }

  /** @throws RoomgateError `not_connected`, `invalid_argument`, `queue_full` */
  emit(opts: EmitArguments): void {
    const error = notOneObject('emit', opts);
    if (error !== undefined) throw error;
    refuseOtherData('emit', '', opts);
    const { topic, data, doLog, cb } = opts;
    if (cb !== undefined && cb !== null && typeof cb !== 'function')
      throw wrongArgument('emit', 'cb', 'a function', cb);
    this.#add(topic, data, {
      doLog: Boolean(doLog),
      cb: typeof cb === 'function' ? (cb as NonNullable<Emitted['cb']>) : undefined,
    });
  }

  /** @throws RoomgateError `not_connected`, `invalid_argument`, `queue_full` */
  request(topic: unknown, data: unknown, request: PendingRequest): void {
    this.#add(topic, data, { doLog: false, cb: undefined, request });
  }

  /** Removes a request that has settled from the queue. */
  withdraw(request: PendingRequest): void {
    this.#outbox?.withdraw(request);
  }

  #add(topic: unknown, data: unknown, more: Omit<Emitted, 'topic' | 'args'>): void {
    const waits = this.#outbox !== undefined && !(this.#port.ready && this.#outbox.isEmpty);
    const method = more.request === undefined ? 'emit' : 'request';
    checkTopic(method, topic);
    checkData(method, data, this.#hasOwnParser);
    // A trailing undefined would arrive as null.
    const emitted: Emitted = { topic, args: data === undefined ? [] : [data], ...more };
    if (waits ? !this.#port.canBecomeReady : !this.#port.connected) throw this.#notConnected(emitted);
    if (!waits && this.#sendNow(emitted)) {
      this.#warnUnauthenticated(emitted);
      if (this.#outbox !== undefined) this.#sentLately?.keep({ emitted, expiresAt: this.#outbox.expiry() });
      return;
    }
    // The connection has ended, but Socket.IO has not noticed it yet.
    if (this.#outbox === undefined) throw this.#notConnected(emitted);
    this.#outbox.add(emitted);
  }

  /** Once: a server without Roomgate may serve such a client. */
  #warnUnauthenticated(emitted: Emitted): void {
    const { status } = this.#port;
    if (this.#hasWarned || status === 'authenticated') return;
    this.#hasWarned = true;
    const advice = 'Wait for waitFor("authenticated"), or set the option "queue"';
    this.#log.write(
      'warn',
      `${callOf(emitted)}: a server with Roomgate drops it, because this client is not authenticated. ${advice}`,
    );
  }

  /** This client is ready: the queued messages go out. */
  flush(): void {
    this.#outbox?.flush((emitted, expiresAt) => {
      const isSent = this.#send(emitted);
      if (isSent) this.#sentLately?.keep({ emitted, expiresAt });
      return isSent;
    });
  }

  /** `authenticate` was sent over this socket. */
  authenticating(socket: Socket): void {
    this.#sentLately?.begin(socket);
  }

  authenticated(): void {
    this.#sentLately?.authenticated();
  }

  /** The server failed, and has handled this many events since `authenticated`: the messages after these are queued again. */
  takeBack(handled: unknown): void {
    const sent = this.#sentLately?.take(handled) ?? [];
    if (sent.length > 0) this.#outbox?.putBack(sent);
  }

  /** The connection has ended, or has lasted: messages that were sent stay sent. */
  settle(): void {
    this.#sentLately?.stop();
  }

  /** Fails all queued messages: they will never be sent. */
  fail(code: TRoomgateErrorCode, why: string): void {
    this.#outbox?.fail(code, why);
  }

  /** Replaces errors of Socket.IO's encoder, which throws its own at a circular reference or a nested bigint. */
  #sendNow(emitted: Emitted): boolean {
    try {
      return this.#send(emitted);
    } catch (cause) {
      const text = `${callOf(emitted)}: ${reasonNotSent(emitted, cause)}.`;
      throw new RoomgateError('invalid_argument', text, { cause });
    }
  }

  #send({ topic, args, doLog, cb, request }: Emitted): boolean {
    if (request !== undefined) {
      const forget = this.#port.ask(topic, args, request.remainingMs, (answer) => request.answered(answer));
      if (forget === undefined) return false;
      request.sent(forget);
      return true;
    }
    if (!this.#port.emit(topic, args)) return false;
    if (doLog) this.#log.writeAsked(`"${topic}" was emitted`);
    if (cb !== undefined) void Promise.resolve().then(() => this.#log.run('the callback of emit()', () => cb()));
    return true;
  }

  #notConnected(emitted: Emitted): RoomgateError {
    const { status, isShutDown } = this.#port;
    if (isShutDown)
      return new RoomgateError('not_connected', `${callOf(emitted)}: this client was shut down. Create a new one.`);
    const canWait = this.#outbox === undefined && this.#port.canBecomeReady;
    const advice = canWait ? 'Await waitFor("authenticated"), or set the option "queue"' : 'Call connect() first';
    const text = `${callOf(emitted)}: this client is not connected; its status is "${status}". ${advice}.`;
    return new RoomgateError('not_connected', text);
  }
}

function checkTopic(method: 'emit' | 'request', topic: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '') throw wrongCall(method, 'topic', 'a non-empty string', topic);
  if (isReservedTopic(topic)) {
    throw new RoomgateError('invalid_argument', `${method}(): topic: "${topic}" is reserved. Use another name.`);
  }
}

/** Socket.IO would take a function for an acknowledgement, lose a symbol, send `{}` for a Map, and fail at a bigint. */
function checkData(method: 'emit' | 'request', data: unknown, hasOwnParser: boolean): void {
  // Before all other checks, because most messages are such objects.
  if (isRecord(data) && Object.getPrototypeOf(data) === Object.prototype) return;
  const type = typeof data;
  let fix = hasOwnParser ? undefined : fixForEmptied(data);
  if (type === 'bigint') fix = 'Send it as a string, with String(data).';
  if (type === 'function' && method === 'emit') fix = 'For an answer, use request().';
  const isRefused = fix !== undefined || data instanceof Promise || type === 'function' || type === 'symbol';
  if (isRefused) throw wrongArgument(method, 'data', 'a value that Socket.IO can carry', data, fix);
}
