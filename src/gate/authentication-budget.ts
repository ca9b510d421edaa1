import type { Reporter } from '../ports/reports.js';
import { AuthenticationOutage, type CallOutcome } from './authentication-outage.js';
import { CallCredit } from './call-credit.js';
import type { GateReport } from './reports.js';
import { ReturnSchedule } from './return-schedule.js';

/** Failed calls, with no accepted client between them, after which the instance stops calling `authenticateFn` for every client. */
const MOST_FAILED_IN_A_ROW = 20;
/**
 * Unanswered calls that may start while nothing shows that calls work: this many at once, and this many in each second after that.
 * With the failed calls until an outage begins, that is less than 100 in any second.
 */
const UNPROVEN = { base: 40, perSecond: 30 };
/** How often the queue is looked at while no call settles. */
const QUEUE_MS = 25;

const SHORTEST_RETURN_MS = 1_000;
/** The least time before a client reconnects grows to this, as a part of the time that the outage has lasted. */
const LONGEST_LEAST_RETURN_MS = 15_000;
const PART_OF_OUTAGE = 1 / 4;

export interface BudgetOptions {
  /** `limits.authenticationsInFlight`. */
  readonly mostCalls: number;
  /** `authenticateTimeout`: a call that has not settled after this time counts as failed. */
  readonly timeoutMs: number;
  readonly report: Reporter<GateReport>;
}

/** Why a client has to wait longer than its own call takes. */
type Delay = 'limit' | 'outage';

/** A call of `authenticateFn` that has its place. */
export interface AuthenticationCall {
  readonly client: string;
  readonly address: string;
  readonly startedAt: number;
  /** `limit`: it had to wait for its place. `outage`: it is one of those that are tried in an outage. */
  readonly delayedBy: Delay | undefined;
}

type Taken = AuthenticationCall | undefined;

interface Waiting {
  readonly address: string;
  readonly resume: (call: Taken) => void;
}

/**
 * Decides when `authenticateFn` is called, so that a failing or slow backend is not attacked by its own clients.
 *
 *   normal ── 20 calls failed in a row ──► outage: a few clients are tried, all others are told to reconnect later
 *      ▲                                      │
 *      └── 20 accepted more than failed, or 1 s without a failure after one was accepted ──┘
 */
export class AuthenticationBudget {
  readonly #options: BudgetOptions;
  readonly #credit: CallCredit;
  readonly #returns = new ReturnSchedule();
  /** The oldest first. */
  readonly #calls = new Set<AuthenticationCall>();
  /** Clients that wait for a place, by their id, in the order in which they came. */
  readonly #waiting = new Map<string, Waiting>();
  /** Addresses of failed calls since a client was accepted. */
  readonly #failedInARow: string[] = [];
  #outage: AuthenticationOutage | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #queueTimer: NodeJS.Timeout | undefined;

  constructor(options: BudgetOptions) {
    this.#options = options;
    const { mostCalls } = options;
    this.#credit = new CallCredit({ ...UNPROVEN, base: Math.min(UNPROVEN.base, mostCalls), most: mostCalls });
  }

  /**
   * Takes a place for a call of `authenticateFn`: at once, or after a wait. `settle()` gives it back. Undefined: the client is not to be
   * asked about, and should be told to reconnect. No promise unless there is a wait, because this runs for every connection. A client
   * takes one place at a time.
   */
  take(client: string, address: string): Taken | Promise<Taken> {
    const now = performance.now();
    if (this.#outage !== undefined) return this.#try(this.#outage, client, address, now);
    if (this.#waiting.size === 0 && this.#hasPlace(now)) return this.#start(client, address, now, undefined);
    return new Promise((resume) => {
      this.#waiting.set(client, { address, resume });
      this.#lookLater();
    });
  }

  /** The call has settled. */
  settle(call: AuthenticationCall, outcome: CallOutcome): void {
    // Its place was freed before, because it took too long.
    if (!this.#calls.delete(call)) return;
    const now = performance.now();
    if (this.#outage === undefined) this.#learn(call.address, outcome, now);
    else this.#outage.settled(call.address, outcome, now);
    if (this.#waiting.size > 0) this.#serveQueue(now);
  }

  /** The client is gone, so it needs no place any more. */
  giveUp(client: string): void {
    const waiting = this.#waiting.get(client);
    if (waiting === undefined) return;
    this.#waiting.delete(client);
    waiting.resume(undefined);
  }

  /**
   * Why a client that asked in time has no answer yet, if that is not because of its own call alone: it waits for a place, or had to
   * wait for one; or its call takes too long in an outage.
   */
  causeOfDelay(client: string): Delay | undefined {
    if (this.#waiting.has(client)) return 'limit';
    if (this.#outage !== undefined) return 'outage';
    for (const call of this.#calls) if (call.client === client) return call.delayedBy;
    return undefined;
  }

  /** Milliseconds after which a client that could not be checked should reconnect. */
  comeBackAfter(): number {
    if (this.#outage === undefined && this.#waiting.size === 0) return SHORTEST_RETURN_MS;
    const now = performance.now();
    const lasted = this.#outage === undefined ? 0 : now - this.#outage.since;
    const least = Math.min(LONGEST_LEAST_RETURN_MS, Math.max(SHORTEST_RETURN_MS, lasted * PART_OF_OUTAGE));
    return this.#returns.next(now, least);
  }

  /** Ends all waits and timers. */
  close(): void {
    this.#outage?.stop();
    clearTimeout(this.#expiry);
    this.#expiry = undefined;
    this.#calls.clear();
    this.#emptyQueue();
  }

  // Calls

  #try(outage: AuthenticationOutage, client: string, address: string, now: number): Taken {
    if (this.#calls.size < this.#options.mostCalls) {
      return outage.tries(address, now) ? this.#start(client, address, now, 'outage') : undefined;
    }
    outage.turnAway();
    return undefined;
  }

  #hasPlace(now: number): boolean {
    return this.#calls.size < this.#options.mostCalls && this.#credit.take(now);
  }

  #start(client: string, address: string, startedAt: number, delayedBy: Delay | undefined): AuthenticationCall {
    const call: AuthenticationCall = { client, address, startedAt, delayedBy };
    this.#calls.add(call);
    // One timer for all calls, because most calls settle long before.
    this.#expiry ??= setTimeout(this.#expire, this.#options.timeoutMs).unref();
    return call;
  }

  /** Frees the places of calls that take too long. Otherwise calls that never settle would take all of them. */
  readonly #expire = (): void => {
    const { timeoutMs } = this.#options;
    const latest = performance.now() - timeoutMs;
    for (const call of this.#calls) {
      if (call.startedAt > latest) break;
      this.settle(call, 'failed');
    }
    const [oldest] = this.#calls;
    this.#expiry =
      oldest === undefined ? undefined : setTimeout(this.#expire, Math.ceil(oldest.startedAt - latest)).unref();
  };

  // Queue

  #serveQueue(now: number): void {
    for (const [client, { address, resume }] of this.#waiting) {
      if (!this.#hasPlace(now)) break;
      this.#waiting.delete(client);
      resume(this.#start(client, address, now, 'limit'));
    }
    this.#lookLater();
  }

  /** If all places are taken, the end of a call serves the queue. */
  #lookLater(): void {
    if (this.#waiting.size === 0 || this.#calls.size >= this.#options.mostCalls) return;
    this.#queueTimer ??= setTimeout(() => {
      this.#queueTimer = undefined;
      this.#serveQueue(performance.now());
    }, QUEUE_MS).unref();
  }

  #emptyQueue(): void {
    clearTimeout(this.#queueTimer);
    this.#queueTimer = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { resume } of waiting) resume(undefined);
  }

  // Outages

  #learn(address: string, outcome: CallOutcome, now: number): void {
    this.#credit.give(outcome === 'failed' ? 1 : 2, now);
    if (outcome === 'accepted') this.#failedInARow.length = 0;
    if (outcome !== 'failed') return;
    this.#failedInARow.push(address);
    if (this.#failedInARow.length >= MOST_FAILED_IN_A_ROW) this.#beginOutage();
  }

  #beginOutage(): void {
    const { mostCalls, report } = this.#options;
    const addresses = this.#failedInARow.splice(0);
    this.#outage = new AuthenticationOutage({ addresses, mostCalls, ended: this.#endOutage });
    for (const _ of this.#waiting) this.#outage.turnAway();
    this.#emptyQueue();
    report({ type: 'authentication_outage_began', failed: addresses.length });
  }

  readonly #endOutage = (): void => {
    const outage = this.#outage;
    if (outage === undefined) return;
    outage.stop();
    this.#outage = undefined;
    const afterMs = Math.round(performance.now() - outage.since);
    this.#options.report({ type: 'authentication_outage_ended', afterMs, ...outage.counts });
  };
}
