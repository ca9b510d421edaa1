/** The longest time that a server may keep a client away, in milliseconds, so that a wrong number does not do so forever. */
const LONGEST_ORDER_MS = 60_000;
const FACTOR = 2;
/** Enough to reach any delay that a timer can take. */
const MOST_DOUBLINGS = 31;

export interface BackOffOptions {
  /** Milliseconds: the upper end of the first delay. */
  readonly min: number;
  /** Milliseconds: the upper end of every delay. */
  readonly max: number;
  /** Socket.IO's `randomizationFactor` if the program set it; undefined is full jitter. */
  readonly jitter: number | undefined;
}

/**
 * The delay before the next attempt, with full jitter: a random time from 0 to a bound that doubles with each failed attempt.
 * Clients that lost their connections together reconnect spread over the whole time. With Socket.IO's own back-off half of
 * them would reconnect at the end of it.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * It has the interface of Socket.IO's back-off, which it replaces. One thing is different: an open transport does not count as
 * success. So a server that accepts every connection and closes it again is not tried once a second by each client.
 */
export class BackOff {
  /** Attempts since a transport was open. Socket.IO compares it with `reconnectionAttempts`. */
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

  /** The connection has lasted: the next delay is short again. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** The server asked the client to wait for this time. An invalid value is ignored. */
  notSooner(afterMs: unknown): void {
    if (typeof afterMs !== 'number' || !(afterMs > 0)) return;
    this.#notBefore = performance.now() + Math.min(afterMs, LONGEST_ORDER_MS);
  }

  /** Whether the time that the server asked for has not passed. */
  get isOrdered(): boolean {
    return performance.now() < this.#notBefore;
  }

  /** Calls the listener with each delay. Returns its own remover. */
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
