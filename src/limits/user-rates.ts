import type { Reporter } from '../ports/reports.js';
import type { LimitsReport } from './reports.js';

/** Milliseconds of the limit that a user may send at once, as after an outage. */
const BURST_MS = 10_000;
/** Milliseconds of the limit that a user may owe for events without an acknowledgement, which are not refused. */
const MOST_DEBT_MS = 10_000;
/** A user is no longer over the limit once it could send this many milliseconds of it at once: not with each free place. */
const CALM_MS = 1_000;
/** Users that are kept. Only users with an authenticated client are counted. The oldest is forgotten for a new one. */
const MOST_USERS = 100_000;
const SWEEP_MS = 10_000;

/** The names of the limits, in reports and in `explain()`. */
export type RateLimitName = 'messages_per_user' | 'messages_per_user_of_all';

/** What a user has sent. All times are those of `performance.now()`. */
export interface UserRate {
  readonly user: string;
  /** When everything that it has sent is paid for. It is over the limit if that is more than `BURST_MS` away. */
  paidAt: number;
  /** Until then all instances together are over their limit. */
  closedUntil: number;
  /** Events that the other instances were not told. */
  untold: number;
  /** Since when it is over a limit. 0 if it is not. */
  limitedSince: number;
}

/** The state of a user that is over a limit. */
export interface UserLimit {
  readonly rule: RateLimitName;
  readonly since: number;
  readonly until: number;
}

export interface UserRatesOptions {
  /** Events per second; infinite without a limit for this instance. */
  readonly messagesPerUser: number;
  /** Counts the event over all instances too. Undefined without a limit for all of them. */
  readonly tell: ((rate: UserRate) => void) | undefined;
  readonly report: Reporter<LimitsReport>;
}

/**
 * Counts the events of each user on this instance. It is called for each event, so it reads the clock once, looks a user up once, and
 * allocates nothing. A user that has sent nothing costs nothing, and one that has left is kept until its events are paid for, so that
 * a reconnect gives nobody a new burst.
 */
export class UserRates {
  readonly #options: UserRatesOptions;
  readonly #eventMs: number;
  readonly #rates = new Map<string, UserRate>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UserRatesOptions) {
    this.#options = options;
    this.#eventMs = 1_000 / options.messagesPerUser;
  }

  /**
   * Counts an event. Returns for how many milliseconds the user is over a limit; 0 if it is not. An event that can be refused is not
   * counted then, so that a client that asks too often is not kept out by that. `client`: the id of the socket, for the report.
   */
  readonly count = (user: string, client: string, canRefuse: boolean): number => {
    const now = performance.now();
    const rate = this.#rates.get(user) ?? this.#begin(user);
    const paidAt = Math.max(rate.paidAt, now) + this.#eventMs;
    const overMs = Math.max(paidAt - BURST_MS, rate.closedUntil) - now;
    if (overMs > 0) {
      this.#isOver(rate, client, overMs);
      if (canRefuse) return overMs;
    } else if (rate.limitedSince !== 0 && overMs < -CALM_MS) rate.limitedSince = 0;
    rate.paidAt = Math.min(paidAt, now + BURST_MS + MOST_DEBT_MS);
    this.#options.tell?.(rate);
    return Math.max(0, overMs);
  };

  /** After how many milliseconds the user may send its next event; 0 if it may now. */
  waitMs(user: string): number {
    const rate = this.#rates.get(user);
    if (rate === undefined) return 0;
    const opensAt = Math.max(rate.paidAt + this.#eventMs - BURST_MS, rate.closedUntil);
    return Math.max(0, Math.ceil(opensAt - performance.now()));
  }

  /** The limit that the user is over; undefined if it is not. */
  find(user: string): UserLimit | undefined {
    const rate = this.#rates.get(user);
    if (rate === undefined || rate.limitedSince === 0) return undefined;
    const now = performance.now();
    const until = Math.max(rate.paidAt - BURST_MS + CALM_MS, rate.closedUntil);
    return until > now ? { rule: ruleOf(rate, now), since: rate.limitedSince, until } : undefined;
  }

  /** How many users are kept. */
  get size(): number {
    return this.#rates.size;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#rates.clear();
  }

  #isOver(rate: UserRate, client: string, overMs: number): void {
    if (rate.limitedSince !== 0) return;
    const now = performance.now();
    rate.limitedSince = now;
    const retryAfterMs = Math.ceil(overMs);
    this.#options.report({ type: 'user_limited', client, limit: ruleOf(rate, now), retryAfterMs });
  }

  #begin(user: string): UserRate {
    if (this.#rates.size >= MOST_USERS) this.#dropOldest();
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    const rate: UserRate = { user, paidAt: 0, closedUntil: 0, untold: 0, limitedSince: 0 };
    this.#rates.set(user, rate);
    return rate;
  }

  #dropOldest(): void {
    const [oldest] = this.#rates.keys();
    if (oldest !== undefined) this.#rates.delete(oldest);
  }

  /** A user whose events are paid for has its whole burst, as a user that is not kept. */
  #sweep(): void {
    const now = performance.now();
    for (const [user, rate] of this.#rates) {
      if (rate.paidAt <= now && rate.closedUntil <= now && rate.untold === 0) this.#rates.delete(user);
    }
    if (this.#rates.size === 0) this.close();
  }
}

function ruleOf({ closedUntil }: UserRate, now: number): RateLimitName {
  return closedUntil > now ? 'messages_per_user_of_all' : 'messages_per_user';
}
