import { wrongArgument } from '../common/checks.js';
import { isName } from '../common/instance-messages.js';
import type { LedgerRead } from '../ports/backplane/ledger.js';

/** Most entries of one ledger. */
export const MOST_ENTRIES = 100_000;
/** In ms. An instance that was cut off for less than this reads every entry that it missed. */
export const LEAST_LIFETIME_MS = 3_600_000;
export const LONGEST_LIFETIME_MS = 31 * 24 * 3_600_000;
const LONGEST_VALUE = 4_096;
/** In ms. Subtracted from the least lifetime, because an outage is measured by the clock of this instance. */
const MARGIN_MS = 60_000;

/** @throws RoomgateError `invalid_argument` if the entry exceeds the bounds. */
export function checkEntry(id: string, value: string, forMs: number): void {
  if (!isName(id)) throw wrongArgument('add', 'id', 'a string of 1 to 255 characters', id);
  if (value.length > LONGEST_VALUE) throw wrongArgument('add', 'value', `up to ${LONGEST_VALUE} characters`, value);
  if (!(forMs > 0 && forMs <= LONGEST_LIFETIME_MS)) {
    throw wrongArgument('add', 'forMs', `a number of milliseconds up to ${LONGEST_LIFETIME_MS}`, forMs);
  }
}

/** What a read says about the broker. */
export interface Origin {
  /** Names the process of the broker and its history; undefined if it is not known, or if the broker may be behind another one. */
  readonly broker: string | undefined;
  /** Random names that are stored with the entries, so that they are lost with them. */
  readonly epochs: readonly string[];
}

/** Decides whether a read has every entry that was added since the last one. */
export class Continuity {
  #last: Origin | undefined;

  /** `outageMs`: how long this instance was cut off; 0 for the first read. */
  isComplete({ broker, epochs }: Origin, outageMs: number): boolean {
    const last = this.#last;
    if (last === undefined) return true;
    if (outageMs > LEAST_LIFETIME_MS - MARGIN_MS) return false;
    return broker !== undefined && broker === last.broker && epochs.some((epoch) => last.epochs.includes(epoch));
  }

  /** Every listener has processed the read. */
  accept(origin: Origin): void {
    this.#last = origin;
  }
}

/** Those who must know every entry. */
export class ReadListeners {
  readonly #listeners: ((read: LedgerRead) => void | Promise<void>)[] = [];

  get isEmpty(): boolean {
    return this.#listeners.length === 0;
  }

  add(listener: (read: LedgerRead) => void | Promise<void>): void {
    this.#listeners.push(listener);
  }

  /** Calls one after another. Rejects if one of them throws or rejects. */
  async tell(read: LedgerRead): Promise<void> {
    for (const listener of this.#listeners) await listener(read);
  }
}
