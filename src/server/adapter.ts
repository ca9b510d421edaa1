import type { Server } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import { Audiences } from './audiences.js';
import type { IBroadcast, IBroadcastOptions, IFanout, IRecipient, TAdapterFactory, TReporter } from './ports.js';

type TNamespaceOfAdapter = ConstructorParameters<typeof Adapter>[0];
type TAdapterConstructor = new (namespace: TNamespaceOfAdapter) => Adapter;

/**
 * Who can be reached in a namespace. A socket that is not a member is not in the adapter: no broadcast finds it, be it
 * local, raw, from another instance or from a plain emitter, and none has to ask.
 *
 *   connect ──► held ──admit()──► member ──dismiss()──► held ──► gone
 *                 └───────────────── disconnect ─────────────────┘
 *
 * Rooms that the program gives to a socket that is held are kept, and stand once it is admitted.
 */
export class Membership {
  static readonly #byAdapter = new WeakMap<Adapter, Membership>();

  readonly #adapter: Adapter;
  readonly #held = new Map<string, Set<string>>();
  readonly #addAll: Adapter['addAll'];
  readonly #delAll: Adapter['delAll'];

  /** The membership of a guarded adapter. */
  static of(adapter: Adapter): Membership | undefined {
    return Membership.#byAdapter.get(adapter);
  }

  /** Guards an adapter by replacing, on this one object, the four methods through which sockets enter and leave it. */
  constructor(adapter: Adapter) {
    const { addAll, del, delAll, socketRooms } = adapter;
    this.#adapter = adapter;
    this.#addAll = addAll.bind(adapter);
    this.#delAll = delAll.bind(adapter);
    Membership.#byAdapter.set(adapter, this);

    adapter.addAll = (id, rooms) => (this.isMember(id) ? this.#addAll(id, rooms) : this.#hold(id, rooms));
    adapter.del = (id, room) => {
      this.#held.get(id)?.delete(room);
      return del.call(adapter, id, room);
    };
    adapter.delAll = (id) => {
      this.#held.delete(id);
      this.#delAll(id);
    };
    adapter.socketRooms = (id) => this.#held.get(id) ?? socketRooms.call(adapter, id);
  }

  isMember(id: string): boolean {
    return this.#adapter.sids.has(id);
  }

  /** From here on the socket is reached by what is sent to it, to its rooms and to all. Harmless once it is gone. */
  admit(id: string, rooms: readonly string[]): Promise<void> | void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    return this.#addAll(id, new Set([id, ...held, ...rooms]));
  }

  /** From here on nothing that is sent to rooms reaches the socket; what it was in can still be asked until it is gone. */
  dismiss(id: string): void {
    const rooms = this.#adapter.sids.get(id);
    if (rooms === undefined) return;
    const kept = new Set(rooms);
    this.#delAll(id);
    this.#held.set(id, kept);
  }

  #hold(id: string, rooms: Set<string>): void {
    const held = this.#held.get(id);
    if (held === undefined) this.#held.set(id, new Set(rooms));
    else for (const room of rooms) held.add(room);
  }
}

/** The adapter that Socket.IO shall use: `make`'s, or the one in memory, with the namespace `/` guarded. */
export function guardedAdapter(
  make: TAdapterFactory | undefined,
  report: TReporter,
  fanout?: IFanout,
): TAdapterConstructor {
  return guarding(make ?? ((namespace) => new Adapter(namespace)), report, fanout);
}

/** From here on, whatever adapter the program gives to the server is guarded too. */
export function guardLaterAdapters(io: Server, report: TReporter, fanout?: IFanout): void {
  const plain = io.adapter.bind(io) as (...make: TAdapterConstructor[]) => unknown;
  // Socket.IO tells reading from writing by the number of arguments.
  const guarded = (make?: TAdapterConstructor): unknown =>
    make === undefined ? plain() : plain(guarding((namespace) => new make(namespace), report, fanout));
  io.adapter = guarded as Server['adapter'];
}

function guarding(make: TAdapterFactory, report: TReporter, fanout: IFanout | undefined): TAdapterConstructor {
  // Socket.IO calls it with `new`, which an arrow function would not take.
  function Guarded(namespace: TNamespaceOfAdapter): Adapter {
    const adapter = make(namespace);
    // Inside of what decides on membership, so that it misses no change of it.
    if (typeof (adapter as unknown as IAdapterInside).apply === 'function') new Broadcasts(adapter, fanout, report);
    if (namespace.name === '/') new Membership(adapter);
    return adapter;
  }
  return Guarded as unknown as TAdapterConstructor;
}

/** What is private to Socket.IO's adapter, each of which is used only where it is found. */
interface IAdapterInside {
  /** Encodes a message to many, and notes the WebSocket frame among the options that go to the engine with it. */
  _encode?(packet: IPacket, options: IBroadcastOptions): unknown[];
  apply?: TApply;
}
/** Calls `act` with each socket of a broadcast, one after another. */
type TApply = (target: ITarget, act: (socket: IReachedSocket) => void) => void;

interface IPacket {
  /** There is one where it is to be acknowledged. */
  readonly id?: number;
}
interface ITarget {
  readonly rooms: ReadonlySet<string>;
  readonly except?: ReadonlySet<string>;
}
interface IReachedSocket extends IRecipient {
  /** Private: tells the listeners of `onAnyOutgoing`. */
  notifyOutgoingListeners?(packet: IPacket): void;
}

/**
 * What a namespace sends to its sockets. Socket.IO's adapter encodes a message with one method of its own and then goes
 * through the recipients with another; all adapters, Redis' included, come down to these two.
 *
 * A listener of the program that throws over a message to one socket (`onAnyOutgoing`, `disconnect`) doesn't keep it from
 * the sockets behind.
 */
class Broadcasts {
  readonly #fanout: IFanout | undefined;
  readonly #report: TReporter;
  /** Undefined where this adapter has its own idea of who is reached. */
  readonly #audiences: Audiences | undefined;
  readonly #apply: TApply;
  /** What was encoded, until its recipients are gone through. */
  #next: (IBroadcast & { readonly packet: IPacket }) | undefined;

  constructor(adapter: Adapter, fanout: IFanout | undefined, report: TReporter) {
    const inside = adapter as unknown as IAdapterInside;
    this.#fanout = fanout;
    this.#report = report;
    this.#apply = (inside.apply as TApply).bind(adapter);
    if (fanout !== undefined && hasPlainRooms(adapter)) this.#audiences = this.#watchRooms(adapter);
    if (fanout !== undefined && typeof inside._encode === 'function') this.#takeOver(inside, fanout);
    inside.apply = (target, act) => {
      const broadcast = this.#next;
      this.#next = undefined;
      if (broadcast === undefined) this.#each(target, act);
      else this.#send(broadcast, target);
    };
  }

  #watchRooms(adapter: Adapter): Audiences {
    const audiences = new Audiences(adapter, adapter.nsp.sockets as unknown as ReadonlyMap<string, IRecipient>);
    const { addAll, del, delAll } = adapter;
    adapter.addAll = (id, rooms) => {
      audiences.changed(rooms);
      return addAll.call(adapter, id, rooms);
    };
    adapter.del = (id, room) => {
      audiences.changed([room]);
      return del.call(adapter, id, room);
    };
    adapter.delAll = (id) => {
      audiences.changed(adapter.sids.get(id) ?? []);
      delAll.call(adapter, id);
    };
    return audiences;
  }

  /** A message that is to be acknowledged goes Socket.IO's own way. */
  #takeOver(inside: IAdapterInside, fanout: IFanout): void {
    const encode = (inside._encode as NonNullable<IAdapterInside['_encode']>).bind(inside);
    inside._encode = (packet, options) => {
      const encoded = encode(packet, options);
      const isPlain = packet.id !== undefined;
      this.#next = isPlain ? undefined : { packet, encoded, options, prepared: fanout.prepare(encoded, options) };
      return encoded;
    };
  }

  #send(broadcast: IBroadcast & { readonly packet: IPacket }, target: ITarget): void {
    const { rooms, except } = target;
    const isWhole = rooms.size <= 1 && (except === undefined || except.size === 0);
    const [room] = rooms;
    const list = isWhole ? this.#audiences?.of(room) : undefined;
    if (list === undefined) this.#apply(target, (socket) => this.#deliver(socket, broadcast));
    else for (const socket of list) this.#deliver(socket, broadcast);
  }

  #deliver(socket: IReachedSocket, broadcast: IBroadcast & { readonly packet: IPacket }): void {
    try {
      socket.notifyOutgoingListeners?.(broadcast.packet);
      this.#fanout?.deliver(socket, broadcast);
    } catch (error) {
      this.#failed(socket, error);
    }
  }

  #each(target: ITarget, act: (socket: IReachedSocket) => void): void {
    this.#apply(target, (socket) => {
      try {
        act(socket);
      } catch (error) {
        this.#failed(socket, error);
      }
    });
  }

  #failed({ id }: IReachedSocket, error: unknown): void {
    this.#report({ type: 'handler_failed', where: 'a listener of a socket', client: id, error });
  }
}

/** Whether it is Socket.IO's own adapter that says who is in a room, and not one derived from it. */
function hasPlainRooms(adapter: Adapter): boolean {
  const owner = ownerOf(adapter, 'apply');
  return owner !== undefined && owner === ownerOf(adapter, 'computeExceptSids') && !Object.hasOwn(adapter, 'apply');
}

function ownerOf(object: object, method: string): object | undefined {
  let owner: object | null = object;
  while (owner !== null && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner);
  return owner ?? undefined;
}
