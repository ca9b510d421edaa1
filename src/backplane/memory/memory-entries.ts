import type { LedgerEntry } from '../../ports/backplane/ledger.js';
import { LEAST_LIFETIME_MS, MOST_ENTRIES, type Origin } from '../ledger-entries.js';

interface Stored {
  readonly value: string;
  /** By `performance.now()`, the clock of the network. */
  readonly until: number;
}

/** The entries of the ledger that the instances of a network share. */
export class MemoryEntries {
  readonly #entries = new Map<string, Stored>();
  /** No entry ends before this moment. */
  #firstEnd = Number.POSITIVE_INFINITY;
  #epoch = 0;

  /** Returns false if it is full. */
  add(id: string, value: string, forMs: number): boolean {
    const before = this.#living.get(id);
    if (before === undefined && this.#entries.size >= MOST_ENTRIES) return false;
    const until = performance.now() + Math.max(forMs, LEAST_LIFETIME_MS);
    this.#entries.set(id, { value, until: Math.max(until, before?.until ?? 0) });
    this.#firstEnd = Math.min(this.#firstEnd, until);
    return true;
  }

  read(): readonly LedgerEntry[] {
    const now = performance.now();
    return [...this.#living].map(([id, { value, until }]) => ({ id, value, remainingMs: until - now }));
  }

  get origin(): Origin {
    return { broker: 'this process', epochs: [`${this.#epoch}`] };
  }

  /** Loses all entries, as a Redis does that restarts without persistence. */
  clear(): void {
    this.#entries.clear();
    this.#epoch += 1;
  }

  get #living(): ReadonlyMap<string, Stored> {
    const now = performance.now();
    if (now < this.#firstEnd) return this.#entries;
    this.#firstEnd = Number.POSITIVE_INFINITY;
    for (const [id, { until }] of this.#entries) {
      if (until <= now) this.#entries.delete(id);
      else this.#firstEnd = Math.min(this.#firstEnd, until);
    }
    return this.#entries;
  }
}
