import type { Reporter } from '../ports/reports.js';
import type { BackplaneReport } from './reports.js';

/** Ticks between two reports of one kind: a process that can publish one such message can publish many. */
const QUIET_TICKS = 10;

/** Rejected messages of one kind since the last report. */
interface Rejections {
  count: number;
  readonly reason: string;
  /** Ticks until the next report. */
  quietTicks: number;
}

/** Counts rejected messages. Reports each kind immediately, and then every ten ticks while there are more. */
export class RejectedMessages {
  readonly #report: Reporter<BackplaneReport>;
  readonly #kinds = new Map<string, Rejections>();

  constructor(report: Reporter<BackplaneReport>) {
    this.#report = report;
  }

  /** `kind`: one of a few names in the code, never a name from a message. */
  add(kind: string, error: unknown): void {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'handling it failed';
    const before = this.#kinds.get(kind);
    const rejections = { count: (before?.count ?? 0) + 1, reason, quietTicks: before?.quietTicks ?? 0 };
    this.#kinds.set(kind, rejections);
    if (rejections.quietTicks === 0) this.#tell(kind, rejections);
  }

  /** Once a second. */
  tick(): void {
    for (const [kind, rejections] of this.#kinds) {
      rejections.quietTicks -= 1;
      if (rejections.quietTicks > 0) continue;
      if (rejections.count === 0) this.#kinds.delete(kind);
      else this.#tell(kind, rejections);
    }
  }

  #tell(kind: string, rejections: Rejections): void {
    const { count, reason } = rejections;
    this.#report({ type: 'backplane_messages_rejected', channel: kind, reason, count });
    rejections.count = 0;
    rejections.quietTicks = QUIET_TICKS;
  }
}
