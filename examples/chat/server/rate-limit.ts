export interface IRate {
  /** How many at once. */
  burst: number;
  /** How many a second after that. */
  perSecond: number;
}

/** A bucket that is full of leave to do something, and fills again with time. */
export class RateLimit {
  readonly #rate: IRate;
  #left: number;
  #since = performance.now();

  constructor(rate: IRate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** Whether it may be done now; if so it counts. */
  take(): boolean {
    const now = performance.now();
    const regained = ((now - this.#since) / 1_000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + regained);
    this.#since = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
