/** The longest that a server may keep a client away, in milliseconds, so that a wrong number doesn't do so for good. */
const LONGEST_ORDER_MS = 300_000;
const FACTOR = 2;
/** Enough to reach any delay that a timer can take. */
const MOST_DOUBLINGS = 31;

export interface BackOffOptions {
  /** Milliseconds: the upper end of the first delay. */
  readonly min: number;
  /** Milliseconds: the upper end of every delay. */
  readonly max: number;
  /** Socket.IO's `randomizationFactor` where the program named one; undefined is full jitter. */
  readonly jitter: number | undefined;
}

/**
 * How long to wait before the next attempt. Full jitter: anything from nothing to a bound that doubles with each attempt
 * that failed. Clients that were all cut off at once come back spread over the whole time, where Socket.IO's own back-off
 * has half of them come back at the very end of it.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * It has the shape of Socket.IO's back-off, whose place it takes. One thing is different: an open transport is no success
 * yet. A server that takes every connection and closes it again is not asked once a second by everybody.
 */
export class BackOff {
  /** What Socket.IO compares with `reconnectionAttempts`: attempts since a transport stood. */
  attempts = 0;
  readonly #listeners = new Set<(delayMs: number) => void>();
  #min: number;
  #max: number;
  #jitter: number | undefined;
  #failures = 0;
  #notBefore = 0;

  constructor({ min, max, jitter }: BackOffOptions) {
    this.#min = min;
    this.#max = max;
    this.#jitter = jitter;
  }

  /** Milliseconds until the next attempt, which counts as begun. */
  duration(): number {
    this.attempts += 1;
    const ordered = Math.max(0, this.#notBefore - performance.now());
    const delay = Math.round(ordered + this.#spread());
    for (const listener of this.#listeners) listener(delay);
    return delay;
  }

  /** Socket.IO calls it when a transport has opened or closed. */
  reset(): void {
    this.attempts = 0;
  }

  /** The client was let in: the next delay is short again. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** The server asked not to be tried again for so long. Anything but a sensible number is not heeded. */
  notSooner(afterMs: unknown): void {
    if (typeof afterMs !== 'number' || !(afterMs > 0)) return;
    this.#notBefore = performance.now() + Math.min(afterMs, LONGEST_ORDER_MS);
  }

  /** Tells each delay; returns its own remover. */
  onDelay(listener: (delayMs: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setMin(min: number): void {
    this.#min = min;
  }

  setMax(max: number): void {
    this.#max = max;
  }

  setJitter(jitter: number): void {
    this.#jitter = jitter;
  }

  #spread(): number {
    const bound = this.#min * FACTOR ** Math.min(this.#failures, MOST_DOUBLINGS);
    this.#failures += 1;
    if (this.#jitter === undefined) return Math.random() * Math.min(bound, this.#max);
    const deviation = (Math.random() * 2 - 1) * this.#jitter * bound;
    return Math.min(bound + deviation, this.#max);
  }
}
