import type { Reporter } from '../ports/reports.js';
import type { LimitsReport, SharedLimit } from './reports.js';

/** Reports when this instance begins to count a limit of all instances alone, and when that ends. */
export class CountedAlone {
  readonly #limit: SharedLimit;
  readonly #report: Reporter<LimitsReport>;
  /** Since when, by `performance.now()`. */
  #since: number | undefined;

  constructor(limit: SharedLimit, report: Reporter<LimitsReport>) {
    this.#limit = limit;
    this.#report = report;
  }

  note(isShared: boolean): void {
    const since = this.#since;
    if (!isShared && since === undefined) {
      this.#since = performance.now();
      this.#report({ type: 'limit_counted_alone', limit: this.#limit });
    } else if (isShared && since !== undefined) {
      this.#since = undefined;
      const afterMs = Math.round(performance.now() - since);
      this.#report({ type: 'limit_counted_together', limit: this.#limit, afterMs });
    }
  }
}
