import type { Reporter } from '../ports/reports.js';
import { reasonOf, reportedError } from './reported-error.js';
import type { ConnectionReport } from './reports.js';

/** Messages for other instances that an outage cost. */
export interface Undelivered {
  readonly dropped: number;
  readonly uncertain: number;
}

/** Gets the same events as the reports, to sum up the connections that are lost together. */
export interface OutageListener {
  lost(connection: string, error: unknown): void;
  failing(connection: string, error: unknown): void;
  restored(connection: string, undelivered: Undelivered): void;
}

/** Most reasons that one outage reports: an error may name another port or address each time. */
const MOST_REASONS = 20;

/** Reports the outages of one connection: once its loss, once each reason why reconnecting fails, and once its return. */
export class OutageReporter {
  readonly #connection: string;
  readonly #report: Reporter<ConnectionReport>;
  readonly #listener: OutageListener | undefined;
  readonly #reported = new Set<string>();
  #since: number | undefined;

  constructor(connection: string, report: Reporter<ConnectionReport>, listener?: OutageListener) {
    this.#connection = connection;
    this.#report = report;
    this.#listener = listener;
  }

  get lasts(): boolean {
    return this.#since !== undefined;
  }

  begin(error: unknown): void {
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    this.#reported.clear();
    this.#reported.add(reasonOf(error));
    this.#report({ type: 'backplane_disconnected', connection: this.#connection, error: reportedError(error) });
    this.#listener?.lost(this.#connection, error);
  }

  /** An attempt to connect failed. Reports nothing before the first connection. */
  failing(error: unknown): void {
    const reason = reasonOf(error);
    if (this.#since === undefined || this.#reported.has(reason) || this.#reported.size > MOST_REASONS) return;
    this.#reported.add(reason);
    const afterMs = performance.now() - this.#since;
    this.#report({
      type: 'backplane_reconnect_failed',
      connection: this.#connection,
      afterMs,
      error: reportedError(error),
    });
    this.#listener?.failing(this.#connection, error);
  }

  end(undelivered: Undelivered): void {
    if (this.#since === undefined) return;
    const afterMs = performance.now() - this.#since;
    this.#since = undefined;
    this.#report({ type: 'backplane_reconnected', connection: this.#connection, afterMs, ...undelivered });
    this.#listener?.restored(this.#connection, undelivered);
  }
}
