/** One timer, which a second start replaces. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined;

  get isRunning(): boolean {
    return this.#handle !== undefined;
  }

  start(delayMs: number, act: () => unknown): void {
    this.stop();
    this.#handle = setTimeout(() => {
      this.#handle = undefined;
      act();
    }, delayMs);
  }

  stop(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}
