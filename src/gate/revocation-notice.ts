import { LEAST_LIFETIME_MS, LONGEST_LIFETIME_MS } from '../backplane/ledger-entries.js';
import { withinOr } from '../common/within.js';
import type { InstanceMessage } from '../ports/backplane/bus.js';
import type { Ledger } from '../ports/backplane/ledger.js';
import { bodyOf, type RevocationMessage, revocationOf } from './revocation-message.js';
import type { Revocation } from './revocations.js';

/** While Redis hangs, a message reaches nobody either. */
const LONGEST_WAIT_FOR_LEDGER_MS = 1_000;

/**
 * A revocation of this instance, on its way to the others. What is told in time counts from its arrival. What is told late keeps the
 * moment of the call: a login after that is left alone, however late another instance hears of it.
 */
export class RevocationNotice {
  readonly of: RevocationMessage['who']['kind'];
  readonly #first: RevocationMessage;
  readonly #text: string | undefined;
  readonly #at = performance.now();
  #isStored = false;
  #isLate = false;

  /** The access is withdrawn now. `text`: for the users. */
  constructor(message: RevocationMessage, text: string | undefined) {
    this.of = message.who.kind;
    this.#first = message;
    this.#text = text;
  }

  /** The revocation for the clients of this instance. */
  get own(): Revocation {
    return revocationOf(this.#first, this.#at);
  }

  /** Whether instances that start later, or that were cut off, will read it. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Whether it is older than it lives in the ledger. */
  get isOver(): boolean {
    return this.#agoMs >= this.#first.livesFor;
  }

  /**
   * From now on it is told with its age. If an attempt before that had no answer, it may be stored all the same: an instance that reads
   * both knows the id.
   */
  becomeLate(): void {
    this.#isLate = true;
  }

  /** Stores it in the ledger unless it is stored. Never rejects. */
  async store(ledger: Ledger, timeoutMs = LONGEST_WAIT_FOR_LEDGER_MS): Promise<void> {
    if (this.#isStored) return;
    const message = this.#message;
    const adding = ledger.add(message.id, JSON.stringify(bodyOf(message)), this.#remainingMsOf(message));
    const outcome = await withinOr(adding, Math.min(LONGEST_WAIT_FOR_LEDGER_MS, timeoutMs), 'uncertain');
    this.#isStored ||= outcome === 'stored';
  }

  /** As a message to other instances, at this moment. */
  toMessage(): InstanceMessage {
    const message = this.#message;
    return { ...bodyOf(message), id: message.id, text: this.#text, remainingMs: this.#remainingMsOf(message) };
  }

  /** A late one lives longer, because the ledger keeps each entry for some time. What has passed of its life is its age. */
  get #message(): RevocationMessage {
    if (!this.#isLate) return this.#first;
    return { ...this.#first, livesFor: Math.min(LONGEST_LIFETIME_MS, this.#first.livesFor + LEAST_LIFETIME_MS) };
  }

  #remainingMsOf({ livesFor }: RevocationMessage): number {
    return this.#isLate ? Math.max(LEAST_LIFETIME_MS, livesFor - this.#agoMs) : livesFor;
  }

  /** By the monotonic clock only: if it stands still while the machine sleeps, more logins end. With the other one some could stay. */
  get #agoMs(): number {
    return performance.now() - this.#at;
  }
}
