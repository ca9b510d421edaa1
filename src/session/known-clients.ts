import { clientsOfRoom, sessionRoom, userRoom } from '../protocol/internal-rooms.js';
import type { Session } from './session.js';

/** The id of the only socket, or all ids. A set for each user would take more memory than the rest of its identity. */
type Ids = string | Set<string>;

/** The events of an adapter about rooms: a room has its first socket, or has lost its last one. */
export type RoomEvent = 'create-room' | 'delete-room';

/** The clients of this instance by their user and session. */
export class KnownClients {
  readonly #users = new Map<string, Ids>();
  readonly #sessions = new Map<string, Ids>();
  /** Called for the rooms that stand for users and sessions. Some adapters of other brokers subscribe to each room. */
  onRoom: ((event: RoomEvent, room: string) => void) | undefined;

  /** The ids of the clients that a room of users or sessions stands for; undefined if there are none. It may change later. */
  find(room: string): Set<string> | undefined {
    if (this.#users.size === 0) return undefined;
    const clients = clientsOfRoom(room);
    if (clients === undefined) return undefined;
    const ids = (clients.kind === 'user' ? this.#users : this.#sessions).get(clients.name);
    return typeof ids === 'string' ? new Set([ids]) : ids;
  }

  /** How many clients a user has. */
  count(user: string): number {
    const ids = this.#users.get(user);
    if (ids === undefined) return 0;
    return typeof ids === 'string' ? 1 : ids.size;
  }

  add({ id, identity }: Session): void {
    if (identity === undefined) return;
    const { user, session } = identity;
    if (add(this.#users, user, id)) this.onRoom?.('create-room', userRoom(user));
    if (session !== undefined && add(this.#sessions, session, id)) this.onRoom?.('create-room', sessionRoom(session));
  }

  /** Harmless if it was not added. */
  remove({ id, identity }: Session): void {
    if (identity === undefined) return;
    const { user, session } = identity;
    if (remove(this.#users, user, id)) this.onRoom?.('delete-room', userRoom(user));
    if (session !== undefined && remove(this.#sessions, session, id))
      this.onRoom?.('delete-room', sessionRoom(session));
  }
}

/** Returns true for the first id. */
function add(index: Map<string, Ids>, name: string, id: string): boolean {
  const ids = index.get(name);
  if (ids === undefined || ids === id) index.set(name, id);
  else if (typeof ids === 'string') index.set(name, new Set([ids, id]));
  else ids.add(id);
  return ids === undefined;
}

/** Returns true for the last id. */
function remove(index: Map<string, Ids>, name: string, id: string): boolean {
  const ids = index.get(name);
  const isLast = ids === id || (ids instanceof Set && ids.delete(id) && ids.size === 0);
  if (isLast) index.delete(name);
  return isLast;
}
