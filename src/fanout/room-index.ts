import { hasMethods } from '../common/checks.js';
import type { Audience, Recipient } from '../ports/fanout.js';

/** Smaller ones, such as the room of each socket's own id, are looked up one by one: a list would cost more than it saves. */
const SMALLEST_LISTED = 3;

export interface RoomsOfAdapter {
  readonly rooms: ReadonlyMap<string, ReadonlySet<string>>;
  readonly sids: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A socket, as far as programs can listen to what it is sent. Public. */
interface ListenedTo extends Recipient {
  onAnyOutgoing(...args: unknown[]): unknown;
  prependAnyOutgoing(...args: unknown[]): unknown;
  listenersAnyOutgoing(): readonly unknown[];
}
const LISTENING = ['onAnyOutgoing', 'prependAnyOutgoing'] as const;

/** Who is in the rooms that are sent to often: lists that stand until somebody joins or leaves, or begins to listen. */
export class RoomIndex {
  readonly #adapter: RoomsOfAdapter;
  readonly #sockets: ReadonlyMap<string, Recipient>;
  readonly #senderOf: (socket: Recipient) => unknown;
  readonly #byRoom = new Map<string, Audience>();
  #everybody: Audience | undefined;

  constructor(
    adapter: RoomsOfAdapter,
    sockets: ReadonlyMap<string, Recipient>,
    senderOf: (socket: Recipient) => unknown,
  ) {
    this.#adapter = adapter;
    this.#sockets = sockets;
    this.#senderOf = senderOf;
  }

  /** Everybody in a room, or in the namespace; undefined where a list isn't worth it, or would not be whole. */
  of(room: string | undefined): Audience | undefined {
    const { rooms, sids } = this.#adapter;
    const ids = room === undefined ? sids : rooms.get(room);
    if (ids === undefined || ids.size < SMALLEST_LISTED) return undefined;
    const known = room === undefined ? this.#everybody : this.#byRoom.get(room);
    // Whoever changes rooms past the adapter's methods is noticed by the number, if by nothing else.
    if (known !== undefined && known.sockets.length === ids.size && (known.listens || known.asOf === listened))
      return known;
    return this.#list(room, ids.keys());
  }

  /** Somebody joins or leaves these rooms, or enters or leaves the namespace. */
  changed(rooms: Iterable<string>): void {
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
      return (Object.getPrototypeOf(this) as ListenedTo)[method].apply(this, args);
    },
  ]),
);

/** Whether somebody listens to what the socket is sent. Where nobody does, it is noticed from here on when somebody begins to. */
function mayListen(socket: Recipient): boolean {
  if (!hasMethods(socket, [...LISTENING, 'listenersAnyOutgoing'])) return true;
  if ((socket as ListenedTo).listenersAnyOutgoing().length > 0) return true;
  for (const method of LISTENING) {
    const own = Object.hasOwn(socket, method);
    // A program has put something of its own there.
    if (own && (socket as ListenedTo)[method] !== NOTED[method]) return true;
    if (!own) Object.assign(socket, { [method]: NOTED[method] });
  }
  return false;
}
