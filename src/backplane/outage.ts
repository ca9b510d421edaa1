import type { TReporter } from '../server/ports.js';

/** Reasons that one outage reports, at most: some texts name a port or an address that is another one each time. */
const MOST_REASONS = 20;

/** Tells once that a connection is away, each reason why it stays away once, and once that it is back. */
export class Outage {
  readonly #connection: string;
  readonly #report: TReporter;
  readonly #told = new Set<string>();
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
    this.#told.clear();
    this.#told.add(reasonOf(error));
    this.#report({ type: 'backplane_lost', connection: this.#connection, error });
  }

  /** An attempt to connect has failed. Before the first connection that is no outage. */
  failing(error: unknown): void {
    const reason = reasonOf(error);
    if (this.#since === undefined || this.#told.has(reason) || this.#told.size > MOST_REASONS) return;
    this.#told.add(reason);
    const afterMs = performance.now() - this.#since;
    this.#report({ type: 'backplane_failing', connection: this.#connection, afterMs, error });
  }

  /** `missed`: what it cost, as in the report. */
  end(missed: { dropped: number; uncertain: number }): void {
    if (this.#since === undefined) return;
    const afterMs = performance.now() - this.#since;
    this.#since = undefined;
    this.#report({ type: 'backplane_restored', connection: this.#connection, afterMs, ...missed });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
