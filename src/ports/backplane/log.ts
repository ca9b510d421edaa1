/*
 * An empty seat: the contract of ordered messages with positions, for history and recovery. Nothing implements it yet. Its
 * twins, in memory and on Redis, come with the first feature that needs it, and with one contract suite for both.
 */

/**
 * A place in the log of one key. Offsets of one epoch are 1, 2, 3 and so on without holes; 0 is the place before the first
 * entry. Offsets of different epochs can't be compared. An epoch is a random text.
 */
export interface LogPosition {
  readonly epoch: string;
  readonly offset: number;
}

export interface LogEntry {
  readonly position: LogPosition;
  readonly data: Uint8Array;
}

/** The limits of a key. Those of the latest append apply to all of its entries. */
export interface LogLimits {
  /** Up to 10 000. */
  readonly entries: number;
  /** Of one entry, from its append. Up to 7 days. */
  readonly lifetimeMs: number;
}

/**
 * `stored`: every follower will get it at this position. `away`: the broker can't be reached, and certainly nothing was
 * stored. `uncertain`: the connection was lost before the answer; the entry may be stored. A second append with the same `id`
 * finds out.
 */
export type AppendOutcome =
  | { readonly type: 'stored'; readonly position: LogPosition }
  | { readonly type: 'away' }
  | { readonly type: 'uncertain' };

/**
 * Either every entry after a position, or the reason why not all of them exist: a result is never partial.
 * `position`: of the last entry of the log, from which reading can go on in both cases.
 *
 * `epoch`: the position is of another epoch, or ahead of the log. `trimmed`: some entries were removed by the limits.
 * `too_many`: there are more than `most`, or more than 1 MB.
 */
export type ReadOutcome =
  | { readonly type: 'entries'; readonly entries: readonly LogEntry[]; readonly position: LogPosition }
  | { readonly type: 'gap'; readonly reason: 'epoch' | 'trimmed' | 'too_many'; readonly position: LogPosition };

/**
 * The events that a follower receives. Entries come once each, in the order of their positions, without holes.
 *
 * `gap`: some entries up to `position` are missing, and the next entry is the one after it. A new epoch begins with a gap.
 * `stale`: the broker is away, and there may be entries that the follower did not get. `current`: the broker is back, and the
 * follower got what was missing since `stale`, as entries or as a gap.
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
 * all in one step. Two appends never get one offset, and no offset is left out.
 *
 * **Order.** All instances see the entries of a key in the order of their offsets. Appends of one instance to one key are
 * stored in the order of its calls. There is no order between keys, nor between the log and broadcasts outside of it.
 *
 * **Epochs.** A key gets an epoch at its first `append` or `position`. It keeps the epoch and the last offset for 30 days after
 * the last of those, which is longer than any entry lives: a log whose entries all expired goes on counting. A new epoch
 * begins where acknowledged entries may be lost: the broker lost its memory, another node was promoted, or the broker was
 * restarted. It is better to report a gap that is none than to hide one.
 *
 * **Announcements can be lost.** A follower notices that by the next offset, or by a check of the position every 5 s, and
 * reads what is missing. So it is at most 10 s behind while the broker can be reached, and gets `stale` when it can't.
 *
 * **While the broker is away** `append` returns `away` at once and queues nothing, `position` and `read` reject at once, and
 * followers are told `stale`. Local delivery never waits for the broker. So a feature that delivers a message which was not
 * stored has to tell its receivers that their position has a gap.
 *
 * **Bounds.** Keys have 1 to 255 characters. An entry has up to 1 MB, a key up to 16 MB of entries: above that the oldest go
 * first, whatever the limits say. An instance follows up to 100 000 keys. A follower that is being caught up holds up to
 * 1 000 new entries or 1 MB, and gets a gap above that.
 */
export interface Log {
  /**
   * Stores a message for all followers, those of this instance included. `id`: of at most 255 characters; a second append with
   * the id of an entry that is still kept stores nothing and returns the position of the first. Never rejects.
   */
  append(key: string, data: Uint8Array, limits: LogLimits, id?: string): Promise<AppendOutcome>;
  /**
   * Of the last entry; offset 0 where there is none. A client without any message recovers from here too. Rejects while the
   * broker is away.
   */
  position(key: string): Promise<LogPosition>;
  /** Entries after a position, at most `most` of them, and never more than 1 000. Rejects while the broker is away. */
  read(key: string, after: LogPosition, most: number): Promise<ReadOutcome>;
  /**
   * Passes each entry after a position, or after now, to the follower: first the stored ones, then new ones. None is missed or
   * repeated in between. Returns a function that ends it. An error that the follower throws is reported, and it still gets
   * later events.
   */
  follow(key: string, after: LogPosition | undefined, follower: (event: LogEvent) => void): () => void;
}
