/*
 * An empty seat: the contract of shared state with a lifetime, for presence and revocations. Nothing implements it yet. Its
 * twins, in memory and on Redis, come with the first feature that needs it, and with one contract suite for both.
 */

/**
 * `stored`: the broker has it. `pending`: the broker is away; the Store writes it once the broker is back, if this process
 * still runs and the entry still lives. If a bound stops it then, it is dropped and reported. `full`: a bound is reached, and
 * nothing was changed anywhere.
 */
export type StoreOutcome = 'stored' | 'pending' | 'full';

export interface StoreEntry {
  readonly field: string;
  /** JSON text, or any other text. */
  readonly value: string;
  /** The id of the instance that holds it; undefined for a lasting entry. */
  readonly holder: string | undefined;
}

/**
 * The events that a follower of a collection receives, in this order: a snapshot, then each change, until `stale`. From then
 * on changes may be missed, and the next event is a snapshot again.
 */
export type StoreEvent =
  | { readonly type: 'snapshot'; readonly entries: readonly StoreEntry[] }
  | { readonly type: 'set'; readonly entry: StoreEntry }
  | { readonly type: 'removed'; readonly field: string; readonly holder: string | undefined }
  | { readonly type: 'stale' };

/**
 * Entries in named collections. Each entry has one of two lifetimes:
 *
 * - A **held** entry belongs to this instance and ends with its lease (see Instances). It is known by its field and its
 *   holder: two instances can hold the same field, and neither can change or remove the other's entry.
 * - A **lasting** entry belongs to no instance and ends by its own lifetime. It is known by its field. It never changes and
 *   can't be removed, so any instance can write a copy of it back, at any time and in any order.
 *
 * **Atomicity.** A write changes one entry, numbers the change within its collection and announces it to the followers, all
 * in one step. `read` sees a collection as of one moment. There are no transactions over several entries, and no compare and
 * set: the two lifetimes make conflicts impossible instead.
 *
 * **Order.** Followers of one collection are told its changes in one order, the same on each instance. The writes of one
 * instance happen in the order of its calls. There is no order between collections.
 *
 * **Lifetimes** run by the clock of the broker, so the clocks of instances don't matter. A renewal of the lease costs one
 * command, however many entries are held: an entry whose holder has no lease is treated as gone. An instance that is closed
 * removes its entries at once. Those of an instance that died end with its lease, at most 15 s later, and followers are told
 * within another 5 s. If an instance gets its lease back after that, its entries count again, and followers are told.
 *
 * **Announcements can be lost.** A follower notices that by the number of the next change, or by a check every 5 s, and
 * continues with a snapshot. So a follower is at most 10 s behind while the broker can be reached, and knows when it can't.
 *
 * **While the broker is away** writes return `pending` and apply to this instance's own followers at once. `read` and `get`
 * reject at once. Followers are told `stale` and keep their entries, because no instance can tell which others died. Nothing
 * waits for the broker.
 *
 * **After the broker lost data** (a restart without persistence, a failover that lost the last writes, FLUSHALL), each
 * instance writes its held entries again, and each instance writes the lasting entries that it added or follows, with the
 * rest of their lifetime. So a lasting entry survives if one instance that knows it does. This is complete within 10 s of
 * the first successful renewal, and followers get a snapshot after it.
 *
 * **Bounds.** Names and fields have 1 to 255 characters, values up to 4 KB, lifetimes up to 31 days. A collection has up to
 * 100 000 entries and 16 MB of values. An instance holds up to 100 000 entries in all.
 */
export interface Store {
  /** Holds an entry, or replaces the value of the entry that this instance holds under the field. Never rejects. */
  hold(collection: string, field: string, value: string): Promise<StoreOutcome>;
  /** Ends an entry that this instance holds. Harmless where it holds none. Never rejects. */
  release(collection: string, field: string): Promise<StoreOutcome>;
  /**
   * Adds a lasting entry. If the field exists, its value stays, and the later end of the two lifetimes counts: adding twice is
   * adding once. Choose a field that no other value can get, such as a random id. Never rejects.
   */
  add(collection: string, field: string, value: string, forMs: number): Promise<StoreOutcome>;
  /** All living entries, in one round trip. Rejects while the broker is away. */
  read(collection: string): Promise<readonly StoreEntry[]>;
  /** The living entries of these fields, up to 1 000 of them, in one round trip. Rejects while the broker is away. */
  get(collection: string, fields: readonly string[]): Promise<readonly StoreEntry[]>;
  /**
   * Keeps a copy up to date. The copy includes the entries of this instance. A collection that is followed before the
   * backplane opens has its first snapshot when `open` resolves, so the first client is already judged by it. Returns a
   * function that ends it. An error that the follower throws is reported, and it still gets later events.
   */
  follow(collection: string, follower: (event: StoreEvent) => void): () => void;
}
