import type { Adapter } from 'socket.io-adapter';
import type { AdapterOwner, Door, RoomSubscriber } from '../socketio/adapter-owner.js';

/**
 * Decides which sockets of a namespace can be reached. A socket that is not a member is not in the adapter, so no broadcast
 * finds it: no local one, no raw one, none of another instance and none of a plain emitter. None of them needs a check.
 *
 *   connect ──► held ──admit()──► member ──dismiss()──► held ──► gone
 *                 └───────────────── disconnect ─────────────────┘
 *
 * Rooms to which the program adds a held socket are kept. The socket joins them once it is admitted.
 */
export class Membership implements Door, RoomSubscriber {
  static readonly #byAdapter = new WeakMap<Adapter, Membership>();

  readonly #owner: AdapterOwner;
  readonly #held = new Map<string, Set<string>>();
  readonly #withheld: Door['withheld'];

  /** The membership of a guarded adapter. */
  static of(adapter: Adapter): Membership | undefined {
    return Membership.#byAdapter.get(adapter);
  }

  /** Must be the door of this owner, and subscribed to it. */
  constructor(owner: AdapterOwner, withheld: Door['withheld'] = () => undefined) {
    this.#owner = owner;
    this.#withheld = withheld;
    Membership.#byAdapter.set(owner.adapter, this);
  }

  isMember(id: string): boolean {
    return this.#owner.adapter.sids.has(id);
  }

  /** From now on messages to the socket, to its rooms and to all clients reach it. Harmless once it is gone. */
  admit(id: string, rooms: readonly string[]): Promise<void> | void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    return this.#owner.enter(id, new Set([id, ...held, ...rooms]));
  }

  /** From now on no message to a room reaches the socket. `socket.rooms` still has its rooms until it is gone. */
  dismiss(id: string): void {
    const rooms = this.#owner.adapter.sids.get(id);
    if (rooms === undefined) return;
    const kept = new Set(rooms);
    void this.#owner.leaveAll(id);
    this.#held.set(id, kept);
  }

  admits(id: string, rooms: ReadonlySet<string>): boolean {
    if (this.isMember(id)) return true;
    const held = this.#held.get(id);
    if (held === undefined) this.#held.set(id, new Set(rooms));
    else for (const room of rooms) held.add(room);
    return false;
  }

  withheld(id: string): ReadonlySet<string> | undefined {
    return this.#withheld(id);
  }

  roomsOutside(id: string): Set<string> | undefined {
    return this.#held.get(id);
  }

  left(id: string, room: string): void {
    this.#held.get(id)?.delete(room);
  }

  leftAll(id: string): void {
    this.#held.delete(id);
  }
}
