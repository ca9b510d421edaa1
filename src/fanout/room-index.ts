import { hasMethods } from '../common/checks.js';
import type { Audience, Recipient } from '../ports/fanout.js';
import type { AdapterOwner, RoomSubscriber } from '../socketio/adapter-owner.js';

/** Smaller ones, such as the room of each socket's own id, are looked up one by one: a list would cost more than it saves. */
const SMALLEST_LISTED = 3;

/** A socket, as far as programs can listen to what it is sent. Public. */
interface ListenedTo extends Recipient {
  onAnyOutgoing(...args: unknown[]): unknown;
  prependAnyOutgoing(...args: unknown[]): unknown;
  listenersAnyOutgoing(): readonly unknown[];
}
const LISTENING = ['onAnyOutgoing', 'prependAnyOutgoing'] as const;

/** Who is in the rooms that are sent to often: lists that stand until a socket joins or leaves, or a program begins to listen. */
export class RoomIndex implements RoomSubscriber {
  readonly #owner: AdapterOwner;
  readonly #sockets: ReadonlyMap<string, Recipient>;
  readonly #senderOf: (socket: Recipient) => unknown;
  readonly #byRoom = new Map<string, Audience>();
  #everybody: Audience | undefined;

  /** It has to be subscribed to this owner. */
  constructor(owner: AdapterOwner, sockets: ReadonlyMap<string, Recipient>, senderOf: (socket: Recipient) => unknown) {
    this.#owner = owner;
    this.#sockets = sockets;
    this.#senderOf = senderOf;
  }

  /** Everybody in a room, or in the namespace; undefined where a list isn't worth it, or would not be whole. */
  of(room: string | undefined): Audience | undefined {
    // Until a pending change is made nobody says when it is.
    if (this.#owner.isChanging) return undefined;
    const { rooms, sids } = this.#owner.adapter;
    const ids = room === undefined ? sids : rooms.get(room);
    if (ids === undefined || ids.size < SMALLEST_LISTED) return undefined;
    const known = room === undefined ? this.#everybody : this.#byRoom.get(room);
    // Whoever changes rooms past the adapter's methods is noticed by the number, if by nothing else.
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
      // It joined before it is connected, and will be there without joining again.
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

/** Counts how often a program began to listen to what a socket is sent. */
let listened = 0;

// One of each for all sockets, which are called with the socket as `this`.
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

/** Whether somebody listens to what the socket is sent. Where nobody does, it is noticed from here on when somebody begins to. */
function mayListen(socket: Recipient): boolean {
  if (!canBeListenedTo(socket) || socket.listenersAnyOutgoing().length > 0) return true;
  for (const method of LISTENING) {
    const own = Object.hasOwn(socket, method);
    // A program has put something of its own there.
    if (own && socket[method] !== NOTED[method]) return true;
    if (!own) Object.assign(socket, { [method]: NOTED[method] });
  }
  return false;
}

function canBeListenedTo(socket: Recipient): socket is ListenedTo {
  return hasMethods(socket, [...LISTENING, 'listenersAnyOutgoing']);
}
