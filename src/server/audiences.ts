import type { IRecipient } from './ports.js';

/** Smaller rooms are looked up one by one, which costs about as little as keeping a list would. */
const SMALLEST_LISTED = 32;

export interface IReached {
  readonly socket: IRecipient;
  /** What the fan-out keeps of it. */
  readonly lane: unknown;
}

export interface IRoomsOfAdapter {
  readonly rooms: ReadonlyMap<string, ReadonlySet<string>>;
  readonly sids: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Who is in the rooms that are sent to often: lists that stand until somebody joins or leaves. */
export class Audiences {
  readonly #adapter: IRoomsOfAdapter;
  readonly #sockets: ReadonlyMap<string, IRecipient>;
  readonly #laneOf: (socket: IRecipient) => unknown;
  readonly #byRoom = new Map<string, readonly IReached[]>();
  #everybody: readonly IReached[] | undefined;

  constructor(
    adapter: IRoomsOfAdapter,
    sockets: ReadonlyMap<string, IRecipient>,
    laneOf: (socket: IRecipient) => unknown,
  ) {
    this.#adapter = adapter;
    this.#sockets = sockets;
    this.#laneOf = laneOf;
  }

  /** Everybody in a room, or in the namespace; undefined where a list isn't worth it, or would not be whole. */
  of(room: string | undefined): readonly IReached[] | undefined {
    const { rooms, sids } = this.#adapter;
    const ids = room === undefined ? sids : rooms.get(room);
    if (ids === undefined || ids.size < SMALLEST_LISTED) return undefined;
    const known = room === undefined ? this.#everybody : this.#byRoom.get(room);
    // Whoever changes rooms past the adapter's methods is noticed by the number, if by nothing else.
    return known?.length === ids.size ? known : this.#list(room, ids.keys());
  }

  /** Somebody joins or leaves these rooms, or enters or leaves the namespace. */
  changed(rooms: Iterable<string>): void {
    this.#everybody = undefined;
    for (const room of rooms) this.#byRoom.delete(room);
  }

  #list(room: string | undefined, ids: Iterable<string>): readonly IReached[] | undefined {
    const list: IReached[] = [];
    for (const id of ids) {
      const socket = this.#sockets.get(id);
      // It joined before it is connected, and will be there without joining again.
      if (socket === undefined) return undefined;
      list.push({ socket, lane: this.#laneOf(socket) });
    }
    if (room === undefined) this.#everybody = list;
    else this.#byRoom.set(room, list);
    return list;
  }
}
