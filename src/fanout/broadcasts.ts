import type { Adapter } from 'socket.io-adapter';
import type { Broadcast, Fanout, KeyOf, PacketOptions, Recipient } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import { baseOf, broadcastsAsKnown, ownerOf } from '../socketio/adapter-probe.js';
import { PacketType } from '../socketio/packages.js';
import type { FanoutReport } from './reports.js';
import { RoomIndex } from './room-index.js';

export interface BroadcastParts {
  readonly report: Reporter<FanoutReport>;
  /** Without it everything goes Socket.IO's own way. */
  readonly fanout?: Fanout;
  /** Without it no message replaces another. */
  readonly keyOf?: KeyOf | undefined;
}

/** What is private to Socket.IO's adapter, each of which is used only where it is found. */
interface AdapterInside {
  /** Encodes a message to many, and notes the WebSocket frame among the options that go to the engine with it. */
  _encode?(packet: AnyPacket, options: PacketOptions): unknown[];
  apply?: Apply;
}
/** Calls `act` with each socket of a broadcast, one after another. */
type Apply = (target: Target, act: (socket: ReachedSocket) => void) => void;

interface AnyPacket {
  /** There is one where it is to be acknowledged. */
  readonly id?: number;
  readonly type?: PacketType;
  readonly data?: unknown;
  readonly nsp?: string;
}
interface Target {
  readonly rooms: ReadonlySet<string>;
  readonly except?: ReadonlySet<string>;
}
interface ReachedSocket extends Recipient {
  /** Private: tells the listeners of `onAnyOutgoing`. */
  notifyOutgoingListeners?(packet: AnyPacket): void;
}

/**
 * What a namespace sends to its sockets. Socket.IO's adapter encodes a message with one method of its own and then goes
 * through the recipients with another; all adapters, Redis' included, come down to these two.
 *
 * A listener of the program that throws over a message to one socket (`onAnyOutgoing`, `disconnect`) doesn't keep it from
 * the sockets behind.
 */
export class Broadcasts {
  static readonly #byAdapter = new WeakMap<Adapter, Broadcasts>();

  readonly #adapter: Adapter;
  readonly #parts: BroadcastParts;
  /** Undefined where this adapter has its own idea of who is reached. */
  readonly #roomIndex: RoomIndex | undefined;
  readonly #apply: Apply;
  /** What was encoded, until its recipients are gone through. */
  #next: (Broadcast & { readonly packet: AnyPacket }) | undefined;

  /** What an adapter that is guarded sends. */
  static of(adapter: Adapter): Broadcasts | undefined {
    return Broadcasts.#byAdapter.get(adapter);
  }

  /** `adapter`: one that `hasRecipients`. */
  constructor(adapter: Adapter, parts: BroadcastParts) {
    const { fanout } = parts;
    const inside = adapter as unknown as AdapterInside;
    Broadcasts.#byAdapter.set(adapter, this);
    this.#adapter = adapter;
    this.#parts = parts;
    this.#apply = (inside.apply as Apply).bind(adapter);
    if (fanout !== undefined) {
      if (broadcastsAsKnown(adapter)) {
        if (hasPlainRooms(adapter)) this.#roomIndex = this.#watchRooms(adapter, fanout);
        this.#takeOver(inside, fanout, adapter.nsp.name);
      } else tellOnce(parts.report);
    }
    inside.apply = (target, act) => {
      const broadcast = this.#next;
      this.#next = undefined;
      if (broadcast === undefined) this.#each(target, act);
      else this.#send(broadcast, target);
    };
  }

  #watchRooms(adapter: Adapter, fanout: Fanout): RoomIndex {
    const sockets = adapter.nsp.sockets as unknown as ReadonlyMap<string, Recipient>;
    const roomIndex = new RoomIndex(adapter, sockets, (socket) => fanout.senderOf(socket));
    const { addAll, del, delAll } = adapter;
    adapter.addAll = (id, rooms) => {
      roomIndex.changed(rooms);
      return addAll.call(adapter, id, rooms);
    };
    adapter.del = (id, room) => {
      roomIndex.changed([room]);
      return del.call(adapter, id, room);
    };
    adapter.delAll = (id) => {
      roomIndex.changed(adapter.sids.get(id) ?? []);
      delAll.call(adapter, id);
    };
    return roomIndex;
  }

  /** A message that is to be acknowledged goes Socket.IO's own way. */
  #takeOver(inside: AdapterInside, fanout: Fanout, namespace: string): void {
    const encode = (inside._encode as NonNullable<AdapterInside['_encode']>).bind(inside);
    inside._encode = (packet, options) => {
      const encoded = encode(packet, options);
      this.#next = undefined;
      if (packet.id !== undefined) return encoded;
      const prepared = fanout.prepare(encoded, options);
      const name = Array.isArray(packet.data) ? this.#parts.keyOf?.(packet.data) : undefined;
      // A connection serves several namespaces, whose topics have nothing to do with each other.
      const key = name === undefined ? undefined : `${namespace}\n${name}`;
      this.#next = { packet, encoded, options, prepared, key };
      return encoded;
    };
  }

  /**
   * Sends an event to just these sockets, encoded once, whatever rooms they are in, and not through Redis. False where nothing
   * was sent, since the adapter is not known.
   */
  tell(sockets: Iterable<Recipient>, event: readonly unknown[]): boolean {
    const { _encode: encode } = this.#adapter as unknown as AdapterInside;
    encode?.({ type: PacketType.EVENT, data: event, nsp: this.#adapter.nsp.name }, {});
    const broadcast = this.#next;
    this.#next = undefined;
    if (broadcast === undefined) return false;
    for (const socket of sockets) this.#deliver(socket, broadcast);
    return true;
  }

  #send(broadcast: Broadcast & { readonly packet: AnyPacket }, target: Target): void {
    const { rooms, except } = target;
    const isWhole = rooms.size <= 1 && (except === undefined || except.size === 0);
    const [room] = rooms;
    const audience = isWhole ? this.#roomIndex?.of(room) : undefined;
    const one = (socket: Recipient, sender?: unknown): void => this.#deliver(socket, broadcast, sender);
    if (audience === undefined) this.#apply(target, (socket) => one(socket));
    else if (!audience.listens) this.#parts.fanout?.deliverAll(audience, broadcast, one);
    else for (const [at, socket] of audience.sockets.entries()) one(socket, audience.senders[at]);
  }

  #deliver(socket: ReachedSocket, broadcast: Broadcast & { readonly packet: AnyPacket }, sender?: unknown): void {
    try {
      socket.notifyOutgoingListeners?.(broadcast.packet);
      this.#parts.fanout?.deliver(socket, broadcast, sender);
    } catch (error) {
      this.#failed(socket, error);
    }
  }

  #each(target: Target, act: (socket: ReachedSocket) => void): void {
    this.#apply(target, (socket) => {
      try {
        act(socket);
      } catch (error) {
        this.#failed(socket, error);
      }
    });
  }

  #failed({ id }: ReachedSocket, error: unknown): void {
    this.#parts.report({ type: 'handler_failed', where: 'a listener of a socket', client: id, error });
  }
}

/** One report, however many namespaces there are. */
const told = new WeakSet<Reporter<FanoutReport>>();
function tellOnce(report: Reporter<FanoutReport>): void {
  if (told.has(report)) return;
  told.add(report);
  report({ type: 'fanout_fallback', missing: 'the way in which the adapter of socket.io broadcasts' });
}

/** Whether it is Socket.IO's own adapter that says who is in a room, and not one derived from it. */
function hasPlainRooms(adapter: Adapter): boolean {
  return ownerOf(adapter, 'apply') === baseOf(adapter);
}

/** Whether it goes through the recipients of a message with the method that is looked for. */
export function hasRecipients(adapter: Adapter): boolean {
  return typeof (adapter as unknown as AdapterInside).apply === 'function';
}
