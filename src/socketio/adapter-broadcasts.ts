import type { Adapter, BroadcastOptions } from 'socket.io-adapter';
import type { PacketOptions, Recipient } from '../ports/fanout.js';
import {
  type AdapterInternals,
  type BroadcastPacket,
  type BroadcastTarget,
  baseOf,
  broadcastsAsKnown,
  ownerOf,
} from './adapter-probe.js';
import type { Sweep } from './frame-queue.js';

/** Sends the broadcasts of an adapter in place of Socket.IO. Neither method may throw. */
export interface BroadcastHandler<Message extends object> {
  /** Called once for each broadcast without an acknowledgement, right after it was encoded. */
  prepare(packet: BroadcastPacket, encoded: readonly unknown[], options: PacketOptions): Message;
  /** Sends to all recipients of this instance. */
  send(message: Message, target: BroadcastTarget): void;
}

type Act = (socket: Recipient) => void;
type PlainBroadcast = (this: Adapter, packet: BroadcastPacket, target: BroadcastOptions) => Promise<void> | void;

/** An adapter whose broadcasts this module sends. */
const TAKEN = Symbol('taken over');
interface MayBeTaken {
  [TAKEN]?: { within(plain: PlainBroadcast, packet: BroadcastPacket, target: BroadcastOptions): Promise<void> | void };
}

/**
 * The broadcasts of one adapter. Socket.IO's adapter encodes a packet with one private method, `_encode`, and then walks
 * the recipients with another, `apply`. Neither call always belongs to a broadcast: an adapter may encode a packet that
 * it never sends, and it walks recipients for `fetchSockets()` too. So a packet is sent only if all three calls agree:
 * `broadcast` was called with the same packet that was encoded, and with the same target that `apply` was called with.
 */
export class AdapterBroadcasts<Message extends object> {
  /** True if Socket.IO's own adapter finds the recipients, and not a class derived from it. */
  readonly hasPlainRooms: boolean;
  readonly #adapter: Adapter;
  readonly #inside: AdapterInternals;
  readonly #apply: AdapterInternals['apply'];
  readonly #failed: (socket: Recipient, error: unknown) => void;
  readonly #sweep: Sweep;
  #encode: AdapterInternals['_encode'] | undefined;
  #handler: BroadcastHandler<Message> | undefined;
  /** The arguments of the call of `broadcast` that is running. */
  #packet: BroadcastPacket | undefined;
  #target: BroadcastTarget | undefined;
  /** That packet, prepared, until `apply` takes it. */
  #message: Message | undefined;

  /** Undefined if the adapter has no `apply`: then Socket.IO sends every broadcast. */
  static over<Message extends object>(
    adapter: Adapter,
    failed: (socket: Recipient, error: unknown) => void,
    sweep: Sweep = () => {},
  ): AdapterBroadcasts<Message> | undefined {
    const inside = adapter as unknown as AdapterInternals;
    if (typeof inside.apply === 'function') return new AdapterBroadcasts(adapter, inside, failed, sweep);
    sweepBefore(adapter, sweep);
    return undefined;
  }

  /**
   * From now on an error at one recipient, for example of a listener of the program, goes to `failed`, and later recipients
   * still get the packet. `sweep` ends the clients whose access has expired.
   */
  private constructor(
    adapter: Adapter,
    inside: AdapterInternals,
    failed: (socket: Recipient, error: unknown) => void,
    sweep: Sweep,
  ) {
    this.#sweep = sweep;
    this.#adapter = adapter;
    this.#inside = inside;
    this.#apply = inside.apply;
    this.#failed = failed;
    this.hasPlainRooms = ownerOf(adapter, 'apply') === baseOf(adapter);
    inside.apply = (target, act) => {
      const message = target === this.#target ? this.#message : undefined;
      if (message !== undefined) this.#message = undefined;
      // Before the recipients are found. It may run code of the program, which may broadcast.
      this.#sweep();
      if (message === undefined) this.#applyToEach(target, act);
      else this.#handler?.send(message, target);
    };
  }

  /** Makes `handler` send the broadcasts. Returns false if the adapter does not broadcast as the probe expects. */
  takeOver(handler: BroadcastHandler<Message>): boolean {
    const adapter = this.#adapter;
    if (!broadcastsAsKnown(adapter) || !standBefore(baseOf(adapter))) return false;
    const inside = this.#inside;
    const { _encode: encode } = inside;
    const base = baseOf(adapter);
    this.#encode = encode;
    this.#handler = handler;
    inside._encode = (packet, options) => {
      const encoded = encode.call(inside, packet, options);
      if (packet.id !== undefined) return encoded;
      if (packet === this.#packet) this.#message = handler.prepare(packet, encoded, options);
      // Socket.IO restores its own method whenever one of its servers closes: `restoreAdapter()` in its `uws.js`. After that,
      // one packet takes Socket.IO's own path, and later ones are handled here again.
      else standBefore(base);
      return encoded;
    };
    Object.assign(adapter, { [TAKEN]: { within: this.#within } });
    return true;
  }

  /** Encodes an event that is not broadcast; undefined if Socket.IO sends the broadcasts. */
  prepare(packet: BroadcastPacket): Message | undefined {
    const options: PacketOptions = {};
    const encoded = this.#encode?.call(this.#inside, packet, options);
    return encoded === undefined ? undefined : this.#handler?.prepare(packet, encoded, options);
  }

  /** Calls `act` with each recipient, one after another. */
  forEachRecipient(target: BroadcastTarget, act: Act): void {
    this.#apply.call(this.#inside, target, act);
  }

  /** Saves the outer call, because a listener of the program may broadcast during a broadcast. */
  readonly #within = (
    plain: PlainBroadcast,
    packet: BroadcastPacket,
    target: BroadcastOptions,
  ): Promise<void> | void => {
    const outerPacket = this.#packet;
    const outerTarget = this.#target;
    this.#packet = packet;
    this.#target = target;
    this.#message = undefined;
    try {
      return plain.call(this.#adapter, packet, target);
    } finally {
      this.#packet = outerPacket;
      this.#target = outerTarget;
      this.#message = undefined;
    }
  };

  #applyToEach(target: BroadcastTarget, act: Act): void {
    this.#apply.call(this.#inside, target, (socket) => {
      try {
        // An outgoing listener of another recipient may have taken long.
        this.#sweep();
        act(socket);
      } catch (error) {
        this.#failed(socket, error);
      }
    });
  }
}

/** For an adapter that finds recipients in another way: `sweep` runs before its public methods. */
function sweepBefore(adapter: Adapter, sweep: Sweep): void {
  const { broadcast, broadcastWithAck } = adapter;
  adapter.broadcast = (...args) => {
    sweep();
    return broadcast.apply(adapter, args);
  };
  adapter.broadcastWithAck = (...args) => {
    sweep();
    return broadcastWithAck.apply(adapter, args);
  };
}

/** Our wrappers of Socket.IO's method. */
const ours = new WeakSet<object>();

/**
 * Wraps `broadcast` of Socket.IO's adapter class. Derived adapters call it by `super` with the packets of other instances, so
 * replacing it on one object would miss those. Other adapters are not affected. Returns false if the class can't be changed.
 */
function standBefore(base: object | undefined): boolean {
  const property = base && Object.getOwnPropertyDescriptor(base, 'broadcast');
  if (typeof property?.value !== 'function') return false;
  const plain: PlainBroadcast = property.value;
  if (ours.has(plain)) return true;
  const broadcast: PlainBroadcast = function (this: Adapter & MayBeTaken, packet, target) {
    const taken = this[TAKEN];
    return taken === undefined ? plain.call(this, packet, target) : taken.within(plain, packet, target);
  };
  ours.add(broadcast);
  // A program may have frozen the class.
  return Reflect.defineProperty(base as object, 'broadcast', { ...property, value: broadcast });
}
