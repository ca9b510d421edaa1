import { hasMethods } from '../common/checks.js';
import type { Audience, Recipient } from '../ports/fanout.js';
import { isInternalRoom } from '../protocol/events.js';
import type { AdapterOwner, RoomSubscriber } from '../socketio/adapter-owner.js';

/** Smaller rooms, such as the private room of each socket, have no list: it would cost more than it saves. */
const SMALLEST_LISTED = 3;

/** The methods of a socket for outgoing listeners. All are public. */
interface ListenedTo extends Recipient {
  onAnyOutgoing(...args: unknown[]): unknown;
  prependAnyOutgoing(...args: unknown[]): unknown;
  listenersAnyOutgoing(): readonly unknown[];
}
const LISTENING = ['onAnyOutgoing', 'prependAnyOutgoing'] as const;

/** Lists of the sockets in rooms. A list is valid until a socket joins or leaves, or an outgoing listener is added. */
export class RoomIndex implements RoomSubscriber {
  readonly #owner: AdapterOwner;
  readonly #sockets: ReadonlyMap<string, Recipient>;
  readonly #senderOf: (socket: Recipient) => unknown;
  readonly #byRoom = new Map<string, Audience>();
  #everybody: Audience | undefined;

  /** Must be subscribed to this owner. */
  constructor(owner: AdapterOwner, sockets: ReadonlyMap<string, Recipient>, senderOf: (socket: Recipient) => unknown) {
    this.#owner = owner;
    this.#sockets = sockets;
    this.#senderOf = senderOf;
  }

  /** All sockets in a room, or in the namespace; undefined if a list is not worth it, or would be incomplete. */
  of(room: string | undefined): Audience | undefined {
    // A pending change can take effect at any time, without an event.
    if (this.#owner.isChanging) return undefined;
    const { rooms, sids } = this.#owner.adapter;
    const ids = room === undefined ? sids : rooms.get(room);
    if (ids === undefined || ids.size < SMALLEST_LISTED) return undefined;
    // Changes of the rooms of users and sessions cause no event here.
    if (room !== undefined && isInternalRoom(room)) return undefined;
    const known = room === undefined ? this.#everybody : this.#byRoom.get(room);
    // If code bypasses the adapter's methods, only the size of the room shows it.
    if (known !== undefined && known.sockets.length === ids.size && (known.listens || known.asOf === listened))
      return known;
    return this.#list(room, ids.keys());
  }

  entered(_: string, rooms: ReadonlySet<string>): void {
    this.#forget(rooms);
  }

  left(_: string, room: string): void {
    this.#everybody = undefined;
    this.#byRoom.delete(room);
  }

  leftAll(_: string, rooms: ReadonlySet<string>): void {
    this.#forget(rooms);
  }

  #forget(rooms: ReadonlySet<string>): void {
    this.#everybody = undefined;
    for (const room of rooms) this.#byRoom.delete(room);
  }

  #list(room: string | undefined, ids: Iterable<string>): Audience | undefined {
    const sockets: Recipient[] = [];
    for (const id of ids) {
      const socket = this.#sockets.get(id);
      // The socket joined before it was connected. Its connect causes no event here, so the list must not be cached.
      if (socket === undefined) return undefined;
      sockets.push(socket);
    }
    const listens = sockets.map(mayListen).includes(true);
    const audience: Audience = { sockets, senders: sockets.map(this.#senderOf), listens, asOf: listened };
    if (room === undefined) this.#everybody = audience;
    else this.#byRoom.set(room, audience);
    return audience;
  }
}

/** How many outgoing listeners were added to listed sockets. */
let listened = 0;

// One function of each for all sockets, called with the socket as `this`.
const NOTED = Object.fromEntries(
  LISTENING.map((method) => [
    method,
    function (this: ListenedTo, ...args: unknown[]): unknown {
      listened++;
      const prototype: ListenedTo = Object.getPrototypeOf(this);
      return prototype[method].apply(this, args);
    },
  ]),
);

/** Whether a socket may have outgoing listeners. If it has none, listeners that are added later are noticed from now on. */
function mayListen(socket: Recipient): boolean {
  if (!canBeListenedTo(socket) || socket.listenersAnyOutgoing().length > 0) return true;
  for (const method of LISTENING) {
    const own = Object.hasOwn(socket, method);
    // A program has replaced the method.
    if (own && socket[method] !== NOTED[method]) return true;
    if (!own) Object.assign(socket, { [method]: NOTED[method] });
  }
  return false;
}

function canBeListenedTo(socket: Recipient): socket is ListenedTo {
  return hasMethods(socket, [...LISTENING, 'listenersAnyOutgoing']);
}
