export interface Rate {
  /** The number allowed at once. */
  burst: number;
  /** The number per second after that. */
  perSecond: number;
}

/** A token bucket. Each use takes a token, and tokens come back with time. */
export class RateLimit {
  readonly #rate: Rate;
  #left: number;
  #since = performance.now();

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** Whether all tokens are back. Then the bucket is like a new one. */
  get isFull(): boolean {
    this.#refill();
    return this.#left >= this.#rate.burst;
  }

  /** Takes a token. Returns false if there is none. */
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
