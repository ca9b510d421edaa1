/*
 * Reserved: the contract of ordered messages with positions, for history and recovery. It has no implementation yet. The first
 * feature that needs it adds one in memory and one on Redis, with one contract suite for both.
 */

/**
 * A position in the log of one key. The offsets of one epoch are 1, 2, 3 and so on, without gaps; 0 is the position before the first
 * entry. Offsets of different epochs can't be compared. An epoch is a random string.
 */
export interface LogPosition {
  readonly epoch: string;
  readonly offset: number;
}

export interface LogEntry {
  readonly position: LogPosition;
  readonly data: Uint8Array;
}

/** The limits of a key. The limits of the latest append apply to all entries of the key. */
export interface LogLimits {
  /** Most entries of the key, up to 10 000. */
  readonly entries: number;
  /** The lifetime of an entry from its append, up to 7 days. */
  readonly lifetimeMs: number;
}

/**
 * `stored`: every follower receives the entry at this position. `away`: the broker can't be reached, and nothing was stored.
 * `uncertain`: the connection was lost before the answer, so the entry may be stored. A second append with the same `id` gives the
 * answer.
 */
export type AppendOutcome =
  | { readonly type: 'stored'; readonly position: LogPosition }
  | { readonly type: 'away' }
  | { readonly type: 'uncertain' };

/**
 * Either every entry after a position, or the reason why not all of them exist: a result is never partial.
 * `position`: the position of the last entry of the log. Reading can continue from it in both cases.
 *
 * `epoch`: the position belongs to another epoch, or is ahead of the log. `trimmed`: the limits removed some entries.
 * `too_many`: there are more than `most`, or more than 1 MB.
 */
export type ReadOutcome =
  | { readonly type: 'entries'; readonly entries: readonly LogEntry[]; readonly position: LogPosition }
  | { readonly type: 'gap'; readonly reason: 'epoch' | 'trimmed' | 'too_many'; readonly position: LogPosition };

/**
 * The events that a follower receives. Each entry arrives once, in the order of the positions, without gaps.
 *
 * `gap`: some entries up to `position` are missing, and the next entry is the one after it. A new epoch begins with a gap.
 * `stale`: the broker is unreachable, and the follower may miss entries. `current`: the broker is back, and the follower has received
 * everything since `stale`, as entries or as a gap.
 */
export type LogEvent =
  | { readonly type: 'entry'; readonly entry: LogEntry }
  | { readonly type: 'gap'; readonly position: LogPosition }
  | { readonly type: 'stale' }
  | { readonly type: 'current'; readonly position: LogPosition };

/**
 * A log of messages for each key, such as a room.
 *
 * **Atomicity.** An append assigns the offset, stores the entry, applies the limits and announces the entry to all followers,
 * all in one step. Two appends never get the same offset, and no offset is skipped.
 *
 * **Order.** All instances see the entries of a key in the order of their offsets. Appends of one instance to one key are
 * stored in the order of its calls. There is no order between keys, nor between the log and broadcasts outside of it.
 *
 * **Epochs.** A key gets an epoch at its first `append` or `position`. It keeps the epoch and the last offset for 30 days after the
 * last of these calls. That is longer than any entry lives, so a log whose entries all expired continues its offsets. A new epoch
 * begins if acknowledged entries may be lost: the broker lost its memory, another node was promoted, or the broker was restarted. A
 * false gap is better than a hidden one.
 *
 * **Announcements can be lost.** A follower detects that by the next offset, or by a check of the position every 5 s, and reads the
 * missing entries. So it is at most 10 s behind while the broker can be reached, and gets `stale` when it can't.
 *
 * **While the broker is unreachable** `append` returns `away` immediately and queues nothing, `position` and `read` reject immediately, and
 * followers receive `stale`. Local delivery never waits for the broker. So a feature that delivers a message without storing it must
 * tell its receivers that their position has a gap.
 *
 * **Bounds.** Keys have 1 to 255 characters. An entry has up to 1 MB. A key has up to 16 MB of entries; above that the oldest entries
 * are removed, even if the limits allow them. An instance follows up to 100 000 keys. While a follower catches up, up to 1 000 new
 * entries or 1 MB are held for it. Above that it receives a gap.
 */
export interface Log {
  /**
   * Stores a message for all followers, including those of this instance. `id` has at most 255 characters. A second append with the id
   * of a stored entry stores nothing and returns the position of that entry. Never rejects.
   */
  append(key: string, data: Uint8Array, limits: LogLimits, id?: string): Promise<AppendOutcome>;
  /**
   * The position of the last entry, with offset 0 if there is none. A client without any message recovers from here too. Rejects while
   * the broker is unreachable.
   */
  position(key: string): Promise<LogPosition>;
  /** Entries after a position, at most `most` of them, and never more than 1 000. Rejects while the broker is unreachable. */
  read(key: string, after: LogPosition, most: number): Promise<ReadOutcome>;
  /**
   * Passes each entry after a position, or after now, to the follower: first the stored entries, then new ones. No entry is missed or
   * repeated. Returns a function that unsubscribes the follower. An error that the follower throws is reported, and it still gets
   * later events.
   */
  follow(key: string, after: LogPosition | undefined, follower: (event: LogEvent) => void): () => void;
}
