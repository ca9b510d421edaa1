import type { SharedRate } from '../ports/backplane/shared-rate.js';
import type { Reporter } from '../ports/reports.js';
import { CountedAlone } from './counted-alone.js';
import type { LimitsReport } from './reports.js';

/** Seconds in which the failures of all instances count together. Each instance remembers its own for longer. */
export const FAILURE_SECONDS = 60;

export interface SharedFailuresOptions {
  /** Has one point less than failures are allowed: the last one uses up more than all points. */
  readonly rate: SharedRate;
  readonly report: Reporter<LimitsReport>;
}

/** Counts failed authentications over all instances. Nothing waits for it: only a failure is told, after its client was. */
export class SharedFailures {
  readonly #rate: SharedRate;
  readonly #alone: CountedAlone;
  #isClosed = false;

  constructor({ rate, report }: SharedFailuresOptions) {
    this.#rate = rate;
    this.#alone = new CountedAlone('failed_authentications', report);
  }

  /** Counts a failure. `tooMany` is called if all instances together have seen too many with this name. */
  tell(name: string, tooMany: () => void): void {
    void this.#rate.use(name, 1).then(({ waitMs, isShared }) => {
      if (this.#isClosed) return;
      this.#alone.note(isShared);
      if (isShared && waitMs > 0) tooMany();
    });
  }

  /** A success makes so many failures void. */
  takeBack(name: string, failures: number): void {
    void this.#rate.use(name, -failures);
  }

  close(): void {
    this.#isClosed = true;
  }
}
