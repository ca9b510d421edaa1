import type { RateState, SharedRate } from '../ports/backplane/shared-rate.js';
import type { Reporter } from '../ports/reports.js';
import { CountedAlone } from './counted-alone.js';
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
  readonly #alone: CountedAlone;
  #untold: UserRate[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SharedCountOptions) {
    this.#options = options;
    this.#alone = new CountedAlone('messages_per_user_of_all', options.report);
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
    if (!this.#isClosed) this.#alone.note(states.every(({ isShared }) => isShared));
  }

  async #tellOne(rate: UserRate): Promise<RateState> {
    const points = rate.untold;
    rate.untold = 0;
    const state = await this.#options.rate.use(rate.user, points);
    if (state.waitMs > 0) rate.closedUntil = performance.now() + state.waitMs;
    return state;
  }
}
