import type { TReporter } from '../server/ports.js';

/** Tells once that a connection is away, and once that it is back. */
export class Outage {
  readonly #connection: string;
  readonly #report: TReporter;
  #since: number | undefined;

  constructor(connection: string, report: TReporter) {
    this.#connection = connection;
    this.#report = report;
  }

  get lasts(): boolean {
    return this.#since !== undefined;
  }

  begin(error: unknown): void {
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    this.#report({ type: 'backplane_lost', connection: this.#connection, error });
  }

  /** `missed`: what it cost, as in the report. */
  end(missed: { dropped: number; uncertain: number }): void {
    if (this.#since === undefined) return;
    const afterMs = performance.now() - this.#since;
    this.#since = undefined;
    this.#report({ type: 'backplane_restored', connection: this.#connection, afterMs, ...missed });
  }
}
