import type { RateState, SharedRate } from '../ports/backplane/shared-rate.js';
import type { Reporter } from '../ports/reports.js';
import type { LimitsReport } from './reports.js';
import type { UserRate } from './user-rates.js';

/** Milliseconds of events that are told to the other instances together, so that an event costs nothing of that. */
const BATCH_MS = 250;

/** Seconds of the limit that a user may send at once. */
export const SHARED_SECONDS = 5;

export interface SharedCountOptions {
  readonly rate: SharedRate;
  readonly report: Reporter<LimitsReport>;
}

/** Counts the events of users over all instances: in batches, one at a time. */
export class SharedCount {
  readonly #options: SharedCountOptions;
  #untold: UserRate[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Since when this instance counts alone, by `performance.now()`. */
  #aloneSince: number | undefined;

  constructor(options: SharedCountOptions) {
    this.#options = options;
  }

  /** Counts an event. */
  readonly tell = (rate: UserRate): void => {
    rate.untold += 1;
    if (rate.untold > 1) return;
    this.#untold.push(rate);
    if (this.#untold.length === 1) this.#wake();
  };

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#untold = [];
  }

  #wake(): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => void this.#tellAll(), BATCH_MS).unref();
  }

  /** Never rejects. */
  async #tellAll(): Promise<void> {
    const batch = this.#untold;
    this.#untold = [];
    const states = await Promise.all(batch.map((rate) => this.#tellOne(rate)));
    // Until now the timer counts as running, so that a broker that answers slowly gets one batch at a time.
    this.#timer = undefined;
    if (this.#untold.length > 0) this.#wake();
    if (!this.#isClosed) this.#note(states.every(({ isShared }) => isShared));
  }

  async #tellOne(rate: UserRate): Promise<RateState> {
    const points = rate.untold;
    rate.untold = 0;
    const state = await this.#options.rate.use(rate.user, points);
    if (state.waitMs > 0) rate.closedUntil = performance.now() + state.waitMs;
    return state;
  }

  /** Reports when this instance begins to count alone, and when that ends. */
  #note(isShared: boolean): void {
    const { report } = this.#options;
    if (!isShared && this.#aloneSince === undefined) {
      this.#aloneSince = performance.now();
      report({ type: 'limit_counted_alone', limit: 'messages_per_user_of_all' });
    } else if (isShared && this.#aloneSince !== undefined) {
      const afterMs = Math.round(performance.now() - this.#aloneSince);
      this.#aloneSince = undefined;
      report({ type: 'limit_counted_together', limit: 'messages_per_user_of_all', afterMs });
    }
  }
}
