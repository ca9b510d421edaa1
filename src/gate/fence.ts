import type { Reach } from '../ports/backplane/reach.js';
import type { Reporter } from '../ports/reports.js';
import type { GateReport } from './reports.js';

/** Milliseconds. Without traffic, a machine that slept is noticed this late at most. */
const LONGEST_SLEEP_MS = 50;

export interface FenceOptions {
  readonly reach: Reach;
  /** Milliseconds without Redis after which clients with an identity may not stay. */
  readonly fenceAfter: number;
  readonly report: Reporter<GateReport>;
}

/**
 * The hard bound of a revocation: an instance that has not heard of the others for some time does not serve clients with an identity,
 * because their access may have been withdrawn.
 */
export class Fence {
  readonly #options: FenceOptions;
  #close: () => number = () => 0;
  #timer: NodeJS.Timeout | undefined;
  #hasClosed = false;

  constructor(options: FenceOptions) {
    this.#options = options;
    options.reach.onChange((isAway) => {
      clearTimeout(this.#timer);
      this.#hasClosed = false;
      if (isAway) this.#wait();
    });
  }

  /** `close` ends the clients with an identity, and returns how many there were. */
  attach(close: () => number): void {
    this.#close = close;
  }

  /**
   * Whether clients with an identity may not be served now. Also right if timers are late, and after the machine slept. Once the
   * clients were sent away it stays up until Redis is back, whatever the clocks say.
   */
  get isUp(): boolean {
    return this.#hasClosed || this.#left() <= 0;
  }

  /** Ends the clients if the time has passed. Called before each use of their access, so that late timers don't matter. */
  check(): void {
    if (this.#hasClosed || !this.isUp) return;
    this.#hasClosed = true;
    const clients = this.#close();
    this.#options.report({ type: 'fenced', afterMs: this.#options.fenceAfter, clients });
  }

  #wait(): void {
    const left = this.#left();
    // The backplane was closed.
    if (left === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.check();
        if (!this.#hasClosed) this.#wait();
      },
      Math.min(left, LONGEST_SLEEP_MS),
    );
    this.#timer.unref();
  }

  #left(): number {
    const { reach, fenceAfter } = this.#options;
    return reach.awaySince === undefined ? Number.POSITIVE_INFINITY : fenceAfter - reach.awayMs;
  }
}
