import type { Bus } from '../ports/backplane/bus.js';
import type { Ledger } from '../ports/backplane/ledger.js';
import type { Reporter } from '../ports/reports.js';
import type { GateReport, RevocationsDropped } from './reports.js';
import type { RevocationNotice } from './revocation-notice.js';

/** Milliseconds between two attempts while some fail. */
const REPEAT_MS = 1_000;
const MOST_WAITING = 10_000;
const AT_A_TIME = 100;

export interface UntoldRevocationsOptions {
  readonly bus: Pick<Bus, 'publish'>;
  readonly ledger: Ledger;
  /** The topic on which the other instances hear of it. */
  readonly topic: string;
  readonly report: Reporter<GateReport>;
}

/**
 * Revocations of which other instances may know nothing, because this one could not reach Redis. Each is told again, until it is stored
 * and announced, or until its life is over.
 */
export class UntoldRevocations {
  readonly #options: UntoldRevocationsOptions;
  readonly #waiting = new Set<RevocationNotice>();
  readonly #announced = new WeakSet<RevocationNotice>();
  #isRunning = false;
  #isClosed = false;

  constructor(options: UntoldRevocationsOptions) {
    this.#options = options;
  }

  add(notice: RevocationNotice): void {
    const [oldest] = this.#waiting;
    if (oldest !== undefined && this.#waiting.size >= MOST_WAITING) this.#drop([oldest], 'too_many');
    notice.becomeLate();
    this.#waiting.add(notice);
    if (this.#isClosed) this.#drop([notice], 'shut_down');
    else if (!this.#isRunning) void this.#run();
  }

  /** No other instance hears anything of this one anymore. */
  close(): void {
    this.#isClosed = true;
    this.#drop([...this.#waiting], 'shut_down');
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.size > 0) {
      if (!(await this.#tellSome())) await new Promise((resolve) => setTimeout(resolve, REPEAT_MS).unref());
    }
    this.#isRunning = false;
  }

  /** Returns false if some have failed. */
  async #tellSome(): Promise<boolean> {
    const waiting = [...this.#waiting];
    this.#drop(
      waiting.filter(({ isOver }) => isOver),
      'too_old',
    );
    const some = [...this.#waiting].slice(0, AT_A_TIME);
    const areTold = await Promise.all(some.map((notice) => this.#tell(notice)));
    for (const [i, notice] of some.entries()) {
      const wasWaiting = this.#waiting.delete(notice);
      // Behind the others, which may succeed.
      if (wasWaiting && areTold[i] === false) this.#waiting.add(notice);
    }
    return !areTold.includes(false);
  }

  /** Never rejects. */
  async #tell(notice: RevocationNotice): Promise<boolean> {
    const { bus, ledger, topic } = this.#options;
    // First: an instance that is cut off during the announcement then reads it.
    await notice.store(ledger);
    if (!notice.isStored && this.#announced.has(notice)) return false;
    try {
      await bus.publish(topic, notice.toMessage());
      this.#announced.add(notice);
      return notice.isStored;
    } catch {
      return false;
    }
  }

  #drop(notices: readonly RevocationNotice[], reason: RevocationsDropped['reason']): void {
    if (notices.length === 0) return;
    for (const notice of notices) this.#waiting.delete(notice);
    this.#options.report({ type: 'revocations_dropped', count: notices.length, reason });
  }
}
