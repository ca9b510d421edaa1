import type { Reporter } from '../ports/reports.js';
import type { BackplaneReport } from './reports.js';

/** Ticks between two reports of one kind: who can publish junk can publish much of it. */
const QUIET_TICKS = 10;

/** That something is not what a well-behaved instance sends, and in which way. */
export class RejectedMessageError extends Error {
  override readonly name = 'RejectedMessageError';
}

interface Heap {
  count: number;
  why: string;
  quiet: number;
}

/** Counts what was refused, and tells of each kind at once and then once in a while. */
export class RejectedMessages {
  readonly #report: Reporter<BackplaneReport>;
  readonly #heaps = new Map<string, Heap>();

  constructor(report: Reporter<BackplaneReport>) {
    this.#report = report;
  }

  /** `kind`: one of few names, never one that came in. */
  refuse(kind: string, error: unknown): void {
    const why = error instanceof Error ? error.message.slice(0, 200) : 'it could not be handled';
    const heap = this.#heaps.get(kind) ?? { count: 0, why, quiet: 0 };
    this.#heaps.set(kind, { count: heap.count + 1, why, quiet: heap.quiet });
    if (heap.quiet === 0) this.#tell(kind);
  }

  /** Once a second. */
  tick(): void {
    for (const [kind, heap] of this.#heaps) {
      heap.quiet -= 1;
      if (heap.quiet > 0) continue;
      if (heap.count === 0) this.#heaps.delete(kind);
      else this.#tell(kind);
    }
  }

  #tell(kind: string): void {
    const heap = this.#heaps.get(kind);
    if (heap === undefined) return;
    this.#report({ type: 'backplane_messages_rejected', channel: kind, reason: heap.why, count: heap.count });
    this.#heaps.set(kind, { count: 0, why: heap.why, quiet: QUIET_TICKS });
  }
}
