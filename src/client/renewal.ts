import { fieldsOf, LONGEST_TIMER_MS } from '../common/checks.js';
import { shown } from '../common/log-text.js';
import type { Given } from './credentials.js';
import type { Log } from './log.js';
import { Timer } from './timer.js';

/** Access that lasts longer is renewed this long before its end; shorter access at half of its time. */
const LONG_LIFE_MS = 600_000;
const BEFORE_END_MS = 300_000;
/** Clients whose access began together renew within this time. */
const LONGEST_SPREAD_MS = 300_000;

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
const MOST_DOUBLINGS = 6;

/**
 * Milliseconds until access that ends in `lifeMs` is renewed: at a random moment within a window that ends 5 minutes before the end, or
 * at half of the time. So clients that were authenticated together don't renew together.
 */
export function renewalDelay(lifeMs: number, random: () => number = Math.random): number {
  const latest = lifeMs >= LONG_LIFE_MS ? lifeMs - BEFORE_END_MS : lifeMs / 2;
  return latest - random() * Math.min(LONGEST_SPREAD_MS, latest / 2);
}

export interface RenewalParts {
  /** Reads new credentials of the program. */
  readonly read: () => Promise<Given>;
  /** Sends them on the live connection. Returns false if it can't now. */
  readonly send: (credentials: Record<string, unknown>) => boolean;
  /** `credentials` returned null. */
  readonly signedOut: () => void;
  /** Milliseconds to wait for the server's answer. */
  readonly answerMs: number;
  readonly log: Log;
}

/** Renews the credentials of an authenticated client before its access ends. */
export class Renewal {
  readonly #parts: RenewalParts;
  readonly #timer = new Timer();
  /** Counts connections and answers, so that what began before does not count. */
  #turn = 0;
  #failures = 0;
  #hasWarned = false;
  #endsAt = Number.POSITIVE_INFINITY;
  #endsAtWall = Number.POSITIVE_INFINITY;
  #dueAtWall = Number.POSITIVE_INFINITY;

  constructor(parts: RenewalParts) {
    this.#parts = parts;
  }

  /** The client was authenticated, or has renewed its credentials. */
  start(expiresIn: number | undefined): void {
    this.stop();
    if (expiresIn === undefined) return;
    this.#endsAt = performance.now() + expiresIn;
    this.#endsAtWall = Date.now() + expiresIn;
    this.#failures = 0;
    this.#hasWarned = false;
    this.#after(Math.max(FIRST_RETRY_MS, renewalDelay(expiresIn)));
  }

  /** The connection or the access has ended. */
  stop(): void {
    this.#turn += 1;
    this.#timer.stop();
    this.#endsAt = Number.POSITIVE_INFINITY;
    this.#endsAtWall = Number.POSITIVE_INFINITY;
  }

  /** The server asks for a renewal, because one failed, or came too soon. */
  order(payload: unknown): void {
    const { after } = fieldsOf(payload);
    const least = typeof after === 'number' && after > 0 ? Math.min(after, LONGEST_RETRY_MS) : 0;
    this.#turn += 1;
    this.#after(least + this.#backOff());
  }

  /** Milliseconds until the access ends, by the clock that counts while a machine sleeps, or by the other one. */
  get leftMs(): number {
    return Math.min(this.#endsAt - performance.now(), this.#endsAtWall - Date.now());
  }

  /** Whether the access has ended. */
  get isOver(): boolean {
    return this.leftMs <= 0;
  }

  /** Renews now if it is due: timers don't run while a machine sleeps. */
  catchUp(): void {
    if (this.#timer.isRunning && Date.now() >= this.#dueAtWall) void this.#renew();
  }

  #after(delayMs: number): void {
    this.#dueAtWall = Date.now() + delayMs;
    const turn = this.#turn;
    const now = Math.min(delayMs, LONGEST_TIMER_MS);
    this.#timer.startUnref(now, () => {
      if (turn !== this.#turn) return;
      if (now < delayMs) this.#after(delayMs - now);
      else void this.#renew();
    });
  }

  async #renew(): Promise<void> {
    this.#turn += 1;
    this.#timer.stop();
    const turn = this.#turn;
    const { read, send, answerMs, signedOut, log } = this.#parts;
    // The program may never answer.
    this.#after(answerMs);
    const given = await read();
    if (turn !== this.#turn) return;
    this.#timer.stop();
    if (given === null) signedOut();
    else if (given === 'refused' || given instanceof Error) {
      const why = given === 'refused' ? 'the server has refused the ones that the program gives' : shown(given.message);
      // As a warning once, because a client may try for hours.
      const level = this.#hasWarned ? 'debug' : 'warn';
      this.#hasWarned = true;
      log.write(level, `renewing the credentials failed: ${why}`);
      this.#after(this.#backOff());
    } else if (send(given)) this.#after(answerMs);
  }

  /** With full jitter, and soon enough to try several times before the end. */
  #backOff(): number {
    const bound = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, MOST_DOUBLINGS));
    this.#failures += 1;
    const left = Math.max(FIRST_RETRY_MS, (this.#endsAt - performance.now()) / 3);
    return Math.random() * Math.min(bound, left);
  }
}
