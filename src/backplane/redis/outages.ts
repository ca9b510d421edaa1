import type { Reporter } from '../../ports/reports.js';
import { type OutageListener, OutageReporter, type Undelivered } from '../outage-reporter.js';
import { causeOf, reportedError } from '../reported-error.js';
import type { ConnectionReport } from '../reports.js';

/**
 * In ms. How long after the first loss the outage is reported, and how long after the last return its end: connections that are
 * lost together are one outage, and after a loss the first failed attempt to reconnect has the better cause.
 */
const SETTLE_MS = 500;
/** Most causes that one outage reports. */
const MOST_CAUSES = 20;

interface Outage {
  readonly since: number;
  readonly connections: Set<string>;
  /** Connections that are not back yet. */
  readonly away: Set<string>;
  readonly causes: Set<string>;
  error: unknown;
  reported: boolean;
  dropped: number;
  uncertain: number;
  /** The time when the last connection was restored. */
  until: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Reports an outage of Redis once, however many connections it takes down: its start, each new cause while Redis is unreachable, and its
 * end with the totals.
 */
export class Outages implements OutageListener {
  readonly #redis: string;
  readonly #report: Reporter<ConnectionReport>;
  #outage: Outage | undefined;
  #closed = false;

  /** `redis`: its address, for reports. */
  constructor(redis: string, report: Reporter<ConnectionReport>) {
    this.#redis = redis;
    this.#report = report;
  }

  /** The reporter of one connection. */
  reporterOf(connection: string): OutageReporter {
    return new OutageReporter(connection, this.#report, this);
  }

  lost(connection: string, error: unknown): void {
    if (this.#closed) return;
    const outage = this.#outage ?? this.#begin(error);
    if (outage.away.size === 0) {
      // Its end was about to be reported.
      clearTimeout(outage.timer);
      if (!outage.reported) this.#tellSoon(outage);
    }
    outage.connections.add(connection);
    outage.away.add(connection);
  }

  failing(_connection: string, error: unknown): void {
    const outage = this.#outage;
    if (outage === undefined) return;
    const cause = causeOf(error);
    if (outage.causes.has(cause) || outage.causes.size > MOST_CAUSES) return;
    outage.causes.add(cause);
    outage.error = error;
    if (!outage.reported) return;
    const afterMs = performance.now() - outage.since;
    this.#report({ type: 'backplane_outage_continues', redis: this.#redis, afterMs, error: reportedError(error) });
  }

  restored(connection: string, { dropped, uncertain }: Undelivered): void {
    const outage = this.#outage;
    if (outage === undefined) return;
    outage.away.delete(connection);
    outage.dropped += dropped;
    outage.uncertain += uncertain;
    outage.until = performance.now();
    if (outage.away.size > 0) return;
    clearTimeout(outage.timer);
    outage.timer = setTimeout(() => this.#end(outage), SETTLE_MS);
    outage.timer.unref();
  }

  /** Reports an outage that was not reported yet. From now on nothing is reported. */
  close(): void {
    this.#closed = true;
    const outage = this.#outage;
    if (outage === undefined) return;
    clearTimeout(outage.timer);
    if (outage.away.size === 0) this.#end(outage);
    else this.#tell(outage);
    this.#outage = undefined;
  }

  #begin(error: unknown): Outage {
    const now = performance.now();
    const outage: Outage = {
      since: now,
      connections: new Set(),
      away: new Set(),
      causes: new Set([causeOf(error)]),
      error,
      reported: false,
      dropped: 0,
      uncertain: 0,
      until: now,
      timer: undefined,
    };
    this.#outage = outage;
    return outage;
  }

  #tellSoon(outage: Outage): void {
    outage.timer = setTimeout(() => this.#tell(outage), SETTLE_MS);
    outage.timer.unref();
  }

  #tell(outage: Outage): void {
    if (outage.reported) return;
    outage.reported = true;
    this.#report({
      type: 'backplane_outage_began',
      redis: this.#redis,
      connections: [...outage.connections],
      error: reportedError(outage.error),
    });
  }

  #end(outage: Outage): void {
    this.#tell(outage);
    this.#outage = undefined;
    this.#report({
      type: 'backplane_outage_ended',
      redis: this.#redis,
      connections: [...outage.connections],
      afterMs: outage.until - outage.since,
      dropped: outage.dropped,
      uncertain: outage.uncertain,
    });
  }
}
