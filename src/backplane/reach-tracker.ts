import type { Reach } from '../ports/backplane/reach.js';

/** One moment by both clocks: the first one may stand still while the machine sleeps. */
export interface Moment {
  /** `performance.now()` */
  readonly at: number;
  /** `Date.now()` */
  readonly date: number;
}

export function thisMoment(): Moment {
  return { at: performance.now(), date: Date.now() };
}

/** Whether this instance hears the others, and since when it does not. */
export class ReachTracker implements Reach {
  readonly #listeners: ((isAway: boolean) => void)[] = [];
  #since: Moment | undefined;

  get awaySince(): number | undefined {
    return this.#since?.at;
  }

  get awayMs(): number {
    const since = this.#since;
    if (since === undefined) return 0;
    return Math.max(performance.now() - since.at, Date.now() - since.date);
  }

  onChange(listener: (isAway: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /** It heard the broker for the last time at `since`. Does nothing if it is away already. */
  lost(since: Moment): void {
    if (this.#since !== undefined) return;
    this.#since = since;
    for (const listener of this.#listeners) listener(true);
  }

  back(): void {
    if (this.#since === undefined) return;
    this.#since = undefined;
    for (const listener of this.#listeners) listener(false);
  }

  /** From now on it is not away, and nobody is called. */
  close(): void {
    this.#listeners.length = 0;
    this.#since = undefined;
  }
}
