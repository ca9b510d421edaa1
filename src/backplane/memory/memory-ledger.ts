import type { AddOutcome, Ledger, LedgerRead } from '../../ports/backplane/ledger.js';
import { Continuity, checkEntry, ReadListeners } from '../ledger-entries.js';
import type { MemoryMember } from './memory-network.js';

/** The ledger of a `MemoryNetwork`. While its instance is paused, nothing is answered. */
export class MemoryLedger implements Ledger {
  readonly #member: MemoryMember;
  readonly #listeners = new ReadListeners();
  readonly #continuity = new Continuity();

  constructor(member: MemoryMember) {
    this.#member = member;
  }

  /** Whether nobody has to know the entries. */
  get isUnread(): boolean {
    return this.#listeners.isEmpty;
  }

  onRead(listener: (read: LedgerRead) => void | Promise<void>): void {
    this.#listeners.add(listener);
  }

  async add(id: string, value: string, forMs: number): Promise<AddOutcome> {
    checkEntry(id, value, forMs);
    if (this.#member.isAway) return 'away';
    if (!(await this.#member.answered())) return 'uncertain';
    return this.#member.entries.add(id, value, forMs) ? 'stored' : 'full';
  }

  /** Reads the ledger, and calls the listeners. Rejects if one of them failed. */
  async catchUp(outageMs: number): Promise<void> {
    if (this.isUnread) return;
    if (!(await this.#member.answered())) throw new Error('The network is unreachable.');
    const { entries } = this.#member;
    const { origin } = entries;
    await this.#listeners.tell({ entries: entries.read(), complete: this.#continuity.isComplete(origin, outageMs) });
    this.#continuity.accept(origin);
  }
}
