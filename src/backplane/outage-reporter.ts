import type { Reporter } from '../ports/reports.js';
import { reportedError } from './reported-error.js';
import type { ConnectionReport } from './reports.js';

/** Most reasons that one outage reports: an error may name another port or address each time. */
const MOST_REASONS = 20;

/** Reports once that a connection is away, once each reason why reconnecting fails, and once that it is back. */
export class OutageReporter {
  readonly #connection: string;
  readonly #report: Reporter<ConnectionReport>;
  readonly #told = new Set<string>();
  #since: number | undefined;

  constructor(connection: string, report: Reporter<ConnectionReport>) {
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
    this.#report({ type: 'backplane_disconnected', connection: this.#connection, error: reportedError(error) });
  }

  /** An attempt to connect failed. Reports nothing before the first connection. */
  failing(error: unknown): void {
    const reason = reasonOf(error);
    if (this.#since === undefined || this.#told.has(reason) || this.#told.size > MOST_REASONS) return;
    this.#told.add(reason);
    const afterMs = performance.now() - this.#since;
    this.#report({
      type: 'backplane_reconnect_failed',
      connection: this.#connection,
      afterMs,
      error: reportedError(error),
    });
  }

  /** `missed`: the lost messages, as in the report. */
  end(missed: { dropped: number; uncertain: number }): void {
    if (this.#since === undefined) return;
    const afterMs = performance.now() - this.#since;
    this.#since = undefined;
    this.#report({ type: 'backplane_reconnected', connection: this.#connection, afterMs, ...missed });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
