import type { Adapter } from 'socket.io-adapter';

/**
 * Gets each change of the rooms of an adapter. Each method is called synchronously, after the adapter's own method has
 * returned or thrown, so that the subscriber sees the adapter as it is now. If the adapter's method returns a promise, the
 * change may still be pending: see `isChanging`.
 *
 * A subscriber must not throw. Its errors go to `failed` of the owner; the caller of the adapter and later subscribers are
 * not affected.
 */
export interface RoomSubscriber {
  /** The socket is in these rooms. It may have been in some of them before. */
  entered?(id: string, rooms: ReadonlySet<string>): void;
  /** The socket is not in this room. It may not have been in it before, and may not be in the adapter at all. */
  left?(id: string, room: string): void;
  /** The socket is not in the adapter: no broadcast reaches it. `rooms`: the rooms that it was in, possibly none. */
  leftAll?(id: string, rooms: ReadonlySet<string>): void;
}

/** Decides which sockets enter an adapter. An adapter has one door at most. */
export interface Door {
  /** False keeps the socket out: neither the adapter nor its subscribers get the change. */
  admits(id: string, rooms: ReadonlySet<string>): boolean;
  /** Rooms that this socket may not enter now; undefined for almost every socket. */
  withheld(id: string): ReadonlySet<string> | undefined;
  /** The rooms of a socket that is outside; undefined for a socket that is not outside. */
  roomsOutside(id: string): Set<string> | undefined;
}

/**
 * The only place that replaces the methods of an adapter by which sockets enter and leave rooms: on this one object, once.
 * All of these methods are public. Every other part subscribes.
 */
export class AdapterOwner {
  static readonly #byAdapter = new WeakMap<Adapter, AdapterOwner>();

  readonly adapter: Adapter;
  readonly #failed: (id: string, error: unknown) => void;
  readonly #addAll: Adapter['addAll'];
  readonly #delAll: Adapter['delAll'];
  readonly #subscribers: RoomSubscriber[] = [];
  #door: Door | undefined;
  #pending = 0;

  /** The owner of an adapter, if it has one. */
  static of(adapter: Adapter): AdapterOwner | undefined {
    return AdapterOwner.#byAdapter.get(adapter);
  }

  /**
   * Only for an adapter that has no owner yet. `failed` gets the errors of subscribers, with the id of the socket whose rooms
   * changed.
   */
  constructor(adapter: Adapter, failed: (id: string, error: unknown) => void) {
    const { addAll, del, delAll, socketRooms } = adapter;
    this.adapter = adapter;
    this.#failed = failed;
    this.#addAll = addAll;
    this.#delAll = delAll;
    AdapterOwner.#byAdapter.set(adapter, this);

    adapter.addAll = (id, given) => {
      const withheld = this.#door?.withheld(id);
      const rooms = withheld === undefined ? given : new Set([...given].filter((room) => !withheld.has(room)));
      if (this.#door?.admits(id, rooms) !== false) return this.enter(id, rooms);
    };
    adapter.del = (id, room) => {
      try {
        return this.#track(del.call(adapter, id, room));
      } finally {
        this.#tell(id, (subscriber) => subscriber.left?.(id, room));
      }
    };
    adapter.delAll = (id) => this.leaveAll(id);
    adapter.socketRooms = (id) => this.#door?.roomsOutside(id) ?? socketRooms.call(adapter, id);
  }

  /** Whether a change that the adapter has begun is still pending. Until then its rooms may change without an event. */
  get isChanging(): boolean {
    return this.#pending > 0;
  }

  /** Subscribers are called in the order in which they subscribed. */
  subscribe(subscriber: RoomSubscriber): void {
    this.#subscribers.push(subscriber);
  }

  /** This door decides which sockets enter from now on. */
  setDoor(door: Door): void {
    this.#door = door;
  }

  /** Adds a socket without asking the door. */
  enter(id: string, rooms: Set<string>): Promise<void> | void {
    try {
      return this.#track(this.#addAll.call(this.adapter, id, rooms));
    } finally {
      this.#tell(id, (subscriber) => subscriber.entered?.(id, rooms));
    }
  }

  /** Removes a socket from all its rooms, and so from the adapter. */
  leaveAll(id: string): Promise<void> | void {
    const rooms = new Set(this.adapter.sids.get(id));
    try {
      return this.#track(this.#delAll.call(this.adapter, id));
    } finally {
      this.#tell(id, (subscriber) => subscriber.leftAll?.(id, rooms));
    }
  }

  /** Counts a change as pending until its promise settles. Returns the adapter's result. */
  #track(result: Promise<void> | void): Promise<void> | void {
    if (result === undefined) return;
    this.#pending++;
    return Promise.resolve(result).finally(() => {
      this.#pending--;
    });
  }

  #tell(id: string, event: (subscriber: RoomSubscriber) => void): void {
    for (const subscriber of this.#subscribers) {
      try {
        event(subscriber);
      } catch (error) {
        this.#failed(id, error);
      }
    }
  }
}
