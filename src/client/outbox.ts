import { whyUnsendable } from '../common/why-unsendable.js';
import { RoomgateError, type TRoomgateErrorCode } from '../protocol/errors.js';
import type { Log } from './log.js';
import { callOf, type Emitted, type PendingRequest, type Sent } from './messages.js';
import type { IQueueOptions } from './options.js';
import { Timer } from './timer.js';

/** Limits of queued messages. */
export interface OutboxLimits {
  /** Messages. */
  readonly max: number;
  /** Milliseconds. */
  readonly ttl: number;
}

/** The limits of the option `queue`; undefined without a queue. */
export function limitsOf(queue: boolean | IQueueOptions | undefined): OutboxLimits | undefined {
  if (!queue) return undefined;
  const { max = 100, ttl = 30_000 }: IQueueOptions = queue === true ? {} : queue;
  return { max, ttl };
}

/** Why Socket.IO's encoder threw. Its own errors name neither the place nor, for a circular reference, the reason. */
export function reasonNotSent({ args }: Emitted, error: unknown): string {
  return `Socket.IO can't send its data: ${whyUnsendable(args[0], 'data') ?? String(error)}`;
}

/** Messages that were emitted while they could not be sent, in their order. Each is sent once, or its `cb` gets an error. */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #log: Log;
  #entries: Sent[] = [];
  readonly #timer = new Timer();

  constructor(limits: OutboxLimits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** @throws RoomgateError `queue_full` */
  add(emitted: Emitted): void {
    const { max } = this.#limits;
    if (this.#entries.length >= max) {
      throw new RoomgateError(
        'queue_full',
        `${callOf(emitted)}: the queue is full: it holds ${max} messages. Raise "queue.max", or send less while offline.`,
      );
    }
    this.#entries.push({ emitted, expiresAt: this.expiry() });
    this.#setTimer();
  }

  /** When a message that is emitted now expires. */
  expiry(): number {
    return performance.now() + this.#limits.ttl;
  }

  /** Puts messages that were sent in vain before all others. The `cb` of each has been called already. */
  putBack(sent: readonly Sent[]): void {
    const open = sent.filter(({ emitted: { request } }) => request?.isSettled !== true);
    for (const { emitted } of open) emitted.request?.queued();
    this.#entries.unshift(...open.map((each) => ({ ...each, emitted: { ...each.emitted, cb: undefined } })));
    this.#timer.stop();
    this.#setTimer();
  }

  /** Sends all messages, the oldest first, including those that are added meanwhile, until `send` returns false. */
  flush(send: (emitted: Emitted, expiresAt: number) => boolean): void {
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) {
      try {
        if (send(entry.emitted, entry.expiresAt)) continue;
        this.#entries.unshift(entry);
        break;
      } catch (error) {
        this.#return(entry.emitted, 'invalid_argument', reasonNotSent(entry.emitted, error), error);
      }
    }
    this.#setTimer();
  }

  /** Removes the message of a request that has settled. */
  withdraw(request: PendingRequest): void {
    this.#entries = this.#entries.filter(({ emitted }) => emitted.request !== request);
    this.#setTimer();
  }

  /** Fails all messages. */
  fail(code: TRoomgateErrorCode, why: string): void {
    const entries = this.#entries;
    this.#entries = [];
    this.#setTimer();
    for (const { emitted } of entries) this.#return(emitted, code, why);
  }

  #return(emitted: Emitted, code: TRoomgateErrorCode, why: string, cause?: unknown): void {
    const { cb, request } = emitted;
    const error = new RoomgateError(code, `${callOf(emitted)} was not sent: ${why}.`, { cause });
    if (request !== undefined) request.failed(error);
    else if (cb === undefined) this.#log.write('warn', error.message);
    else void Promise.resolve().then(() => this.#log.run('the callback of emit()', () => cb(error)));
  }

  /** One timer, for the oldest message. */
  #setTimer(): void {
    const [first] = this.#entries;
    if (first === undefined) this.#timer.stop();
    else if (!this.#timer.isRunning) {
      this.#timer.start(Math.max(0, first.expiresAt - performance.now()), () => this.#expire());
    }
  }

  #expire(): void {
    const now = performance.now();
    const old = this.#entries.filter(({ expiresAt }) => expiresAt <= now);
    this.#entries = this.#entries.slice(old.length);
    this.#setTimer();
    for (const { emitted } of old)
      this.#return(emitted, 'expired', `it waited in the queue for ${this.#limits.ttl} ms`);
  }
}
