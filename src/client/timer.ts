import { hasMethods } from '../common/checks.js';

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

  /** The same with a timer that does not keep the process alive. In browsers there is no difference. */
  startUnref(delayMs: number, act: () => unknown): void {
    this.start(delayMs, act);
    const handle: unknown = this.#handle;
    if (hasMethods(handle, ['unref'])) handle.unref();
  }

  stop(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}
