/**
 * `stored`: the broker has stored the entry. `uncertain`: the connection was lost before the answer, so the entry may be stored; adding
 * it again is harmless. `away`: nothing was stored, because the broker is unreachable, or because it refuses the write, which is
 * reported once. `full`: the ledger has its most entries, and nothing was stored.
 */
export type AddOutcome = 'stored' | 'uncertain' | 'away' | 'full';

export interface LedgerEntry {
  readonly id: string;
  readonly value: string;
  /** How long it still lives by the clock of the broker, in ms. */
  readonly remainingMs: number;
}

export interface LedgerRead {
  /** All living entries, those of this instance too, in no order. */
  readonly entries: readonly LedgerEntry[];
  /**
   * Whether no entry can be missing that was added since this instance was last connected. False if the broker lost its data or may
   * have lost its last writes, if it refuses to be read, and after an outage that was longer than entries live. In the first read it
   * is false only if the broker refuses.
   */
  readonly complete: boolean;
}

/**
 * Notices that every instance must know, such as revocations: small entries in shared storage. An entry can't be changed or removed. It
 * ends after its lifetime, by the clock of the broker.
 *
 * **Order.** When the connection that hears the other instances was lost, or was found deaf, the ledger is read after the subscriptions
 * are back. Messages that arrive meanwhile are held. They are delivered once every listener has succeeded. So an instance that adds
 * an entry and then publishes a message reaches every other instance in one of three ways: with the message, with a read
 * before anything else is delivered, or with the first read of an instance that starts later.
 *
 * **Failures.** If the read fails, or a listener throws, this instance stays disconnected from the others, and tries again
 * with the back-off of the connection. The cause is reported with the outage. During startup, `open` rejects if it does not succeed in
 * time.
 *
 * **Bounds.** Ids have 1 to 255 characters, values up to 4 096, lifetimes up to 31 days. There are at most 100 000 entries. While
 * messages are held, up to 10 000 messages or 16 MB of broadcasts and requests are kept, and later ones are dropped and counted as
 * missed. The same bounds apply to messages of the Bus; above them, the read is repeated on another connection.
 *
 * Without a listener nothing is read, and the broker gets no command.
 */
export interface Ledger {
  /**
   * Adds an entry for `forMs`, but for at least one hour, so that an instance that was cut off for less than that reads it. If
   * an id is added again, the later end counts; with another value, reads may have both. Resolves within about 10 s. Rejects only if the entry exceeds
   * the bounds.
   */
  add(id: string, value: string, forMs: number): Promise<AddOutcome>;
  /**
   * Called before `open` resolves, and after each outage, see above. Listeners are claimed before `open`, and called one after
   * another. A read that was delivered may be followed by another one at any time.
   */
  onRead(listener: (read: LedgerRead) => void | Promise<void>): void;
}
