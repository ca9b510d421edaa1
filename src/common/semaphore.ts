/** Admits a limited number of holders at a time; later ones wait in a queue. */
export class Semaphore {
  readonly #most: number;
  readonly #queue: (() => void)[] = [];
  #held = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many places are taken. */
  get held(): number {
    return this.#held;
  }

  /** How many callers wait for a place. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves once the caller has a place. Each `acquire` needs a `release`. */
  async acquire(): Promise<void> {
    if (this.#held >= this.#most) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#held += 1;
  }

  release(): void {
    const next = this.#queue.shift();
    // The place goes straight to the next in the queue, so that no later caller takes it in between.
    if (next === undefined) this.#held -= 1;
    else next();
  }
}
