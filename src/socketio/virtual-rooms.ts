import type { Adapter } from 'socket.io-adapter';

/** Finds the ids of the sockets in a room that the adapter does not have; undefined if there is no such room. */
export type FindVirtualRoom = (room: string) => Set<string> | undefined;

/** Rooms of an adapter, and rooms that exist only where one is looked up by its name. */
class Rooms extends Map<string, Set<string>> {
  readonly #find: FindVirtualRoom;

  constructor(find: FindVirtualRoom) {
    super();
    this.#find = find;
  }

  override get(room: string): Set<string> | undefined {
    return super.get(room) ?? this.#find(room);
  }

  override has(room: string): boolean {
    return super.has(room) || this.#find(room) !== undefined;
  }
}

/**
 * From now on messages to a virtual room reach its sockets: the ones of this instance, and those of other instances and emitters.
 * `rooms` of an adapter is public. It must be empty.
 */
export function addVirtualRooms(adapter: Adapter, find: FindVirtualRoom): void {
  Object.assign(adapter, { rooms: new Rooms(find) });
}
