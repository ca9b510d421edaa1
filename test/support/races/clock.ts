import { vi } from 'vitest';
import type { Calls } from './calls.js';
import { msLeft } from './ends.js';
import type { Model } from './model.js';
import { settled } from './stage.js';

/** Milliseconds after which an instance notices that the wall clock was moved. */
export const NOTICED_AFTER_MS = 50;

/** The virtual clock. Time passes from one end to the next, so that each has its effects before the next one. */
export class Clock {
  readonly #model: Model;
  readonly #calls: Calls;

  constructor(model: Model, calls: Calls) {
    this.#model = model;
    this.#calls = calls;
  }

  async pass(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0; left = end - performance.now()) {
      const next = Math.max(1, Math.ceil(this.#msUntilNext));
      vi.advanceTimersByTime(Math.min(left, next));
      if (next > left) return;
      this.#model.expire();
      const after = this.#calls.giveUp();
      await settled();
      after();
    }
  }

  /** The wall clock is set forward or back. */
  jump(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
    this.#model.expire();
  }

  get #msUntilNext(): number {
    let least = this.#calls.msUntilLate;
    for (const { state, deadline, end, rooms } of this.#model.living) {
      if (state !== 'in') least = Math.min(least, deadline - performance.now());
      if (end !== undefined) least = Math.min(least, msLeft(end));
      for (const stay of rooms.values()) if (stay.end !== undefined) least = Math.min(least, msLeft(stay.end));
    }
    return least;
  }
}
