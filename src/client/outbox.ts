import { RoomgateError, type TRoomgateErrorCode } from '../protocol/errors.js';
import type { Log } from './log.js';
import { Timer } from './timer.js';

/** A message that was emitted. */
export interface Emitted {
  readonly topic: string;
  /** The arguments of Socket.IO's `emit` after the event. */
  readonly args: readonly unknown[];
  readonly doLog: boolean;
  readonly cb: ((error?: RoomgateError) => unknown) | undefined;
}

/** Limits of queued messages. */
export interface OutboxLimits {
  /** Messages. */
  readonly max: number;
  /** Milliseconds. */
  readonly ttl: number;
}

interface Entry {
  readonly emitted: Emitted;
  readonly expiresAt: number;
}

/** Messages that were emitted while they could not be sent, in their order. Each is sent once, or its `cb` gets an error. */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #log: Log;
  #entries: Entry[] = [];
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
    const { max, ttl } = this.#limits;
    if (this.#entries.length >= max) {
      throw new RoomgateError('queue_full', `emit(): "${emitted.topic}" can't wait: ${max} messages do already.`);
    }
    this.#entries.push({ emitted, expiresAt: performance.now() + ttl });
    this.#setTimer();
  }

  /** Sends all messages, the oldest first, including those that are added meanwhile, until `send` returns false. */
  flush(send: (emitted: Emitted) => boolean): void {
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) {
      try {
        if (send(entry.emitted)) continue;
        this.#entries.unshift(entry);
        break;
      } catch (error) {
        this.#return(entry.emitted, 'invalid_argument', `it can't be sent: ${String(error)}`, error);
      }
    }
    this.#setTimer();
  }

  /** Calls `cb` of all messages with an error. */
  fail(code: TRoomgateErrorCode, why: string): void {
    const entries = this.#entries;
    this.#entries = [];
    this.#setTimer();
    for (const { emitted } of entries) this.#return(emitted, code, why);
  }

  #return({ topic, cb }: Emitted, code: TRoomgateErrorCode, why: string, cause?: unknown): void {
    const error = new RoomgateError(code, `emit(): "${topic}" was not sent: ${why}.`, { cause });
    if (cb === undefined) this.#log.write('warn', error.message);
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
    for (const { emitted } of old) this.#return(emitted, 'expired', `it waited for ${this.#limits.ttl} ms`);
  }
}
