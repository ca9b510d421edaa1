/*
 * Reserved: the contract of shared state with a lifetime, for presence. It has no implementation yet. The first feature that needs it
 * adds one in memory and one on Redis, with one contract suite for both. Revocations use the smaller Ledger (`ledger.ts`).
 */

/**
 * `stored`: the broker has stored the entry. `pending`: the broker is unreachable. The Store writes the entry when the broker is back, if this
 * process still runs and the entry has not expired. If a bound is exceeded then, the entry is dropped and reported. `full`: a bound is
 * reached, and nothing was changed.
 */
export type StoreOutcome = 'stored' | 'pending' | 'full';

export interface StoreEntry {
  readonly field: string;
  /** Any string, such as JSON. */
  readonly value: string;
  /** The id of the instance that holds the entry; undefined for a lasting entry. */
  readonly holder: string | undefined;
}

/**
 * The events that a follower of a collection receives, in this order: a snapshot, then each change, until `stale`. After `stale`
 * changes may be missed, and the next event is a snapshot again.
 */
export type StoreEvent =
  | { readonly type: 'snapshot'; readonly entries: readonly StoreEntry[] }
  | { readonly type: 'set'; readonly entry: StoreEntry }
  | { readonly type: 'removed'; readonly field: string; readonly holder: string | undefined }
  | { readonly type: 'stale' };

/**
 * Entries in named collections. Each entry has one of two lifetimes:
 *
 * - A **held** entry belongs to this instance and ends with its lease (see Instances). Its field and its holder identify
 *   it: two instances can hold the same field, and neither can change or remove the other's entry.
 * - A **lasting** entry belongs to no instance and ends after its own lifetime. Its field identifies it. It never changes and
 *   can't be removed, so any instance can write a copy of it again, at any time and in any order.
 *
 * **Atomicity.** A write changes one entry, numbers the change within its collection and announces it to the followers, all
 * in one step. `read` sees a collection as of one moment. There are no transactions over several entries, and no compare and
 * set: the two lifetimes make conflicts impossible instead.
 *
 * **Order.** Followers of one collection receive its changes in one order, which is the same on each instance. The writes of one
 * instance happen in the order of its calls. There is no order between collections.
 *
 * **Lifetimes** use the clock of the broker, so the clocks of instances do not matter. A renewal of the lease costs one command for
 * any number of entries: an entry whose holder has no lease counts as removed. An instance that closes removes its entries
 * immediately. Entries of an instance that died end with its lease, at most 15 s later, and followers are notified within another 5 s.
 * If an instance gets its lease again after that, its entries count again, and followers are notified.
 *
 * **Announcements can be lost.** A follower detects that by the number of the next change, or by a check every 5 s, and continues with
 * a snapshot. So a follower is at most 10 s behind while the broker can be reached, and receives `stale` when it can't.
 *
 * **While the broker is unreachable** writes return `pending` and apply to the followers of this instance immediately. `read` and `get` reject
 * immediately. Followers receive `stale` and keep their entries, because no instance can know which other instances died. No call
 * waits for the broker.
 *
 * **After the broker lost data** (a restart without persistence, a failover that lost the last writes, FLUSHALL), each
 * instance writes its held entries again, and the lasting entries that it added or follows, with the rest of their lifetime. So a
 * lasting entry survives if one instance that has it survives. This is complete within 10 s of the first successful renewal. Then
 * followers receive a snapshot.
 *
 * **Bounds.** Names and fields have 1 to 255 characters, values up to 4 KB, lifetimes up to 31 days. A collection has up to
 * 100 000 entries and 16 MB of values. An instance holds up to 100 000 entries in all.
 */
export interface Store {
  /** Holds an entry, or replaces the value of the entry that this instance holds under the field. Never rejects. */
  hold(collection: string, field: string, value: string): Promise<StoreOutcome>;
  /** Removes an entry that this instance holds. Does nothing if it holds none. Never rejects. */
  release(collection: string, field: string): Promise<StoreOutcome>;
  /**
   * Adds a lasting entry. If the field exists, its value stays, and the later end of the two lifetimes counts, so adding is
   * idempotent. Choose a unique field, such as a random id. Never rejects.
   */
  add(collection: string, field: string, value: string, forMs: number): Promise<StoreOutcome>;
  /** All living entries, in one round trip. Rejects while the broker is unreachable. */
  read(collection: string): Promise<readonly StoreEntry[]>;
  /** The living entries of up to 1 000 fields, in one round trip. Rejects while the broker is unreachable. */
  get(collection: string, fields: readonly string[]): Promise<readonly StoreEntry[]>;
  /**
   * Keeps a copy up to date. The copy includes the entries of this instance. If a collection is followed before the backplane opens,
   * its first snapshot has arrived when `open` resolves, so it applies to the first client. Returns a function that unsubscribes the
   * follower. If the follower throws, the error is reported, and the follower still receives later events.
   */
  follow(collection: string, follower: (event: StoreEvent) => void): () => void;
}
