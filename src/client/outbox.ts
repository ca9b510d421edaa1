import { RoomgateError, type TRoomgateErrorCode } from '../protocol/errors.js';
import type { Log } from './log.js';
import { Timer } from './timer.js';

/** A message that was emitted. */
export interface Emitted {
  readonly topic: string;
  /** As Socket.IO takes them. */
  readonly args: readonly unknown[];
  readonly doLog: boolean;
  readonly cb: ((error?: RoomgateError) => unknown) | undefined;
}

/** How much waits, and for how long. */
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

/** What was emitted while nobody could take it, in its order. Each leaves once: it is sent, or its caller is told why not. */
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

  /** Hands everything over, the oldest first, also what is added meanwhile, until `send` can't take more. */
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

  /** Gives everything back. */
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

  /** One timer, for the one that waits longest. */
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
