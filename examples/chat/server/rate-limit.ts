export interface Rate {
  /** How many at once. */
  burst: number;
  /** How many a second after that. */
  perSecond: number;
}

/** A token bucket: each use takes a token, and tokens come back with time. */
export class RateLimit {
  readonly #rate: Rate;
  #left: number;
  #since = performance.now();

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** True where nothing was taken for long, so that a new bucket is the same. */
  get isFull(): boolean {
    this.#refill();
    return this.#left >= this.#rate.burst;
  }

  /** Whether it may be done now; if so it counts. */
  take(): boolean {
    this.#refill();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  #refill(): void {
    const now = performance.now();
    const regained = ((now - this.#since) / 1_000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + regained);
    this.#since = now;
  }
}
