import type { Adapter } from 'socket.io-adapter';
import type { Broadcast, Fanout, KeyOf, PacketOptions, Recipient } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import { AdapterBroadcasts, type BroadcastHandler } from '../socketio/adapter-broadcasts.js';
import type { AdapterOwner } from '../socketio/adapter-owner.js';
import type { BroadcastPacket, BroadcastTarget } from '../socketio/adapter-probe.js';
import { PacketType } from '../socketio/packages.js';
import { tellOutgoingListeners } from '../socketio/socket-io.js';
import type { FanoutReport } from './reports.js';
import { RoomIndex } from './room-index.js';

export interface BroadcastParts {
  readonly report: Reporter<FanoutReport>;
  /** Without it every message takes Socket.IO's own path. */
  readonly fanout?: Fanout;
  /** Without it no message replaces another. */
  readonly keyOf?: KeyOf | undefined;
  /** Ends each client whose access has expired. Called before the recipients of a message are found. */
  readonly sweep?: (() => void) | undefined;
}

/** A broadcast, with the packet for outgoing listeners of the program. */
interface Message extends Broadcast {
  readonly packet: BroadcastPacket;
}

/** The broadcasts of a namespace: by the fan-out if there is one and the adapter works as expected, otherwise by Socket.IO. */
export class Broadcasts implements BroadcastHandler<Message> {
  static readonly #byAdapter = new WeakMap<Adapter, Broadcasts>();

  /** Must be subscribed to the owner of the adapter. Undefined if lists of recipients are not cached. */
  readonly roomIndex: RoomIndex | undefined;
  readonly #parts: BroadcastParts;
  readonly #namespace: string;
  readonly #ofAdapter: AdapterBroadcasts<Message> | undefined;

  /** The broadcasts of a guarded adapter. */
  static of(adapter: Adapter): Broadcasts | undefined {
    return Broadcasts.#byAdapter.get(adapter);
  }

  constructor(owner: AdapterOwner, parts: BroadcastParts) {
    const { adapter } = owner;
    const { fanout, report } = parts;
    Broadcasts.#byAdapter.set(adapter, this);
    this.#parts = parts;
    this.#namespace = adapter.nsp.name;
    this.#ofAdapter = AdapterBroadcasts.over(adapter, (socket, error) => this.#failed(socket, error), parts.sweep);
    if (fanout === undefined || this.#ofAdapter === undefined) return;
    if (!this.#ofAdapter.takeOver(this))
      reportOnce(report, 'the expected broadcast methods of the adapter of socket.io');
    else if (this.#ofAdapter.hasPlainRooms) {
      this.roomIndex = new RoomIndex(owner, adapter.nsp.sockets, (socket) => fanout.senderOf(socket));
    }
  }

  /**
   * Sends an event to these sockets only, encoded once, whatever rooms they are in, and not through Redis. Returns false, and
   * sends nothing, if Socket.IO sends the broadcasts of the adapter.
   */
  tell(sockets: Iterable<Recipient>, event: readonly unknown[]): boolean {
    const message = this.#ofAdapter?.prepare({ type: PacketType.EVENT, data: event, nsp: this.#namespace });
    if (message === undefined) return false;
    this.#parts.sweep?.();
    for (const socket of sockets) this.#deliver(socket, message);
    return true;
  }

  prepare(packet: BroadcastPacket, encoded: readonly unknown[], options: PacketOptions): Message {
    const name = Array.isArray(packet.data) ? this.#parts.keyOf?.(packet.data) : undefined;
    // A connection can serve several namespaces, and their topics are independent.
    const key = name === undefined ? undefined : `${this.#namespace}\n${name}`;
    return { packet, encoded, options, prepared: this.#frameOf(encoded, options), key };
  }

  send(message: Message, target: BroadcastTarget): void {
    const { rooms, except } = target;
    const isWhole = rooms.size <= 1 && (except === undefined || except.size === 0);
    const [room] = rooms;
    const audience = isWhole ? this.roomIndex?.of(room) : undefined;
    const one = (socket: Recipient, sender?: unknown): void => this.#deliver(socket, message, sender);
    if (audience === undefined) this.#ofAdapter?.forEachRecipient(target, (socket) => one(socket));
    else if (!audience.listens) this.#parts.fanout?.deliverAll(audience, message, one);
    else for (const [at, socket] of audience.sockets.entries()) one(socket, audience.senders[at]);
  }

  /** Undefined if the message must take Socket.IO's own path. */
  #frameOf(encoded: readonly unknown[], options: PacketOptions): unknown {
    try {
      return this.#parts.fanout?.prepare(encoded, options);
    } catch {
      reportOnce(this.#parts.report, 'the expected encoding of the adapter of socket.io');
      return undefined;
    }
  }

  #deliver(socket: Recipient, message: Message, sender?: unknown): void {
    try {
      tellOutgoingListeners(socket, message.packet);
      // The listeners may have taken long. The queue of a client that ends now is closed.
      this.#parts.sweep?.();
      this.#parts.fanout?.deliver(socket, message, sender);
    } catch (error) {
      this.#failed(socket, error);
    }
  }

  #failed({ id }: Recipient, error: unknown): void {
    this.#parts.report({ type: 'handler_failed', where: 'a listener of a socket', client: id, error });
  }
}

/** The causes that each reporter has reported: one report for each, however many namespaces there are. */
const reported = new WeakMap<Reporter<FanoutReport>, Set<string>>();
function reportOnce(report: Reporter<FanoutReport>, missing: string): void {
  const causes = reported.get(report) ?? new Set();
  if (causes.has(missing)) return;
  reported.set(report, causes.add(missing));
  report({ type: 'fanout_fallback', missing });
}
