import type { Packet } from 'socket.io-parser';
import { estimateBytes } from '../common/estimate-bytes.js';
import type { ILimits } from '../protocol/limits.js';

/**
 * The events of one client that arrived before the program registered its handlers, in their order. They are held from the
 * client's authentication until the promise of `clientConnectedFn` has settled, or that took too long. All other events of that
 * time are counted.
 */
export class EarlyEvents {
  readonly #limits: ILimits;
  #packets: Packet[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isHolding = true;
  #handled = 0;

  constructor(limits: ILimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#packets.length;
  }

  /** Whether events without a handler are held. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** How many events were delivered or dropped. The held ones came after these. */
  get handled(): number {
    return this.#handled;
  }

  countHandled(): void {
    this.#handled += 1;
  }

  /** Returns false if the packet would exceed the limits of one client. */
  add(packet: Packet): boolean {
    this.#packets.push(packet);
    this.#bytes += estimateBytes(packet.data);
    return this.#packets.length <= this.#limits.heldEvents && this.#bytes <= this.#limits.heldBytes;
  }

  /** Limits how long the first event waits; set once. */
  expire(act: () => void, afterMs: number): void {
    this.#timer ??= setTimeout(act, afterMs).unref();
  }

  /** Returns all events, the oldest first, for delivery. From now on none are held. */
  take(): readonly Packet[] {
    const packets = this.#packets;
    this.#packets = [];
    this.#isHolding = false;
    this.#handled += packets.length;
    clearTimeout(this.#timer);
    return packets;
  }
}
