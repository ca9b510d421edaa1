import type { IRecipient } from './ports.js';

/** Smaller rooms are looked up one by one, which costs about as little as keeping a list would. */
const SMALLEST_LISTED = 32;

export interface IRoomsOfAdapter {
  readonly rooms: ReadonlyMap<string, ReadonlySet<string>>;
  readonly sids: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Who is in the rooms that are sent to often: lists that stand until somebody joins or leaves. */
export class Audiences {
  readonly #adapter: IRoomsOfAdapter;
  readonly #sockets: ReadonlyMap<string, IRecipient>;
  readonly #byRoom = new Map<string, readonly IRecipient[]>();
  #everybody: readonly IRecipient[] | undefined;

  constructor(adapter: IRoomsOfAdapter, sockets: ReadonlyMap<string, IRecipient>) {
    this.#adapter = adapter;
    this.#sockets = sockets;
  }

  /** Everybody in a room, or in the namespace; undefined where a list isn't worth it, or would not be whole. */
  of(room: string | undefined): readonly IRecipient[] | undefined {
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

  #list(room: string | undefined, ids: Iterable<string>): readonly IRecipient[] | undefined {
    const list: IRecipient[] = [];
    for (const id of ids) {
      const socket = this.#sockets.get(id);
      // It joined before it is connected, and will be there without joining again.
      if (socket === undefined) return undefined;
      list.push(socket);
    }
    if (room === undefined) this.#everybody = list;
    else this.#byRoom.set(room, list);
    return list;
  }
}
