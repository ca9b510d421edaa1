/** Lets so many in at a time; who comes after that waits in line. */
export class Semaphore {
  readonly #most: number;
  readonly #line: (() => void)[] = [];
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many are inside, and how many wait in line. */
  get inside(): number {
    return this.#inside;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** Resolves once it is this one's turn. Each `enter` wants a `leave`. */
  async enter(): Promise<void> {
    if (this.#inside >= this.#most) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#inside += 1;
  }

  leave(): void {
    const next = this.#line.shift();
    // Who waits takes the place over, so that nobody comes in between.
    if (next === undefined) this.#inside -= 1;
    else next();
  }
}
