export interface CallCreditOptions {
  /** Credit at the start. Default: `base`. */
  readonly start?: number;
  /** Credit that comes back with time, without any success. */
  readonly base: number;
  /** How much of it comes back in a second. */
  readonly perSecond: number;
  /** Credit is never above this. */
  readonly most: number;
}

/**
 * Says how many calls may start before their predecessors have shown that calls work. A start costs one, and its success gives more than
 * that, as the congestion window of TCP does in its slow start. Credit above the base halves each second: it is as much as lately needed.
 */
export class CallCredit {
  readonly #options: CallCreditOptions;
  #amount: number;
  #countedAt = performance.now();

  constructor(options: CallCreditOptions) {
    this.#options = options;
    this.#amount = options.start ?? options.base;
  }

  /** Pays for one call. Returns false if there is too little credit. */
  take(now: number): boolean {
    this.#count(now);
    if (this.#amount < 1) return false;
    this.#amount -= 1;
    return true;
  }

  give(amount: number, now: number): void {
    this.#count(now);
    this.#amount = Math.min(this.#options.most, this.#amount + amount);
  }

  #count(now: number): void {
    const { base, perSecond } = this.#options;
    const seconds = (now - this.#countedAt) / 1_000;
    const above = this.#amount - base;
    this.#amount = above > 0 ? base + above * 0.5 ** seconds : Math.min(base, this.#amount + seconds * perSecond);
    this.#countedAt = now;
  }
}
