import type { Reach } from '../ports/backplane/reach.js';
import type { Reporter } from '../ports/reports.js';
import type { GateReport } from './reports.js';

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

  /** Whether clients with an identity may not be served now. Also right if timers are late. */
  get isUp(): boolean {
    return this.#left() <= 0;
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
    if (left === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      this.check();
      if (!this.#hasClosed) this.#wait();
    }, left);
    this.#timer.unref();
  }

  #left(): number {
    const { reach, fenceAfter } = this.#options;
    const { awaySince } = reach;
    if (awaySince === undefined) return Number.POSITIVE_INFINITY;
    return awaySince + fenceAfter - performance.now();
  }
}
