import type { Packet } from 'socket.io-parser';
import { estimateBytes } from '../common/estimate-bytes.js';
import type { ILimits } from '../protocol/limits.js';

/**
 * The events of one client that arrived before the program registered its handlers, in their order. They are held from the
 * authentication of the client until the promise of `clientConnectedFn` has settled.
 */
export class EarlyEvents {
  readonly #limits: ILimits;
  #packets: Packet[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: ILimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#packets.length;
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

  /** Removes and returns all events, the oldest first. */
  take(): readonly Packet[] {
    const packets = this.#packets;
    this.#packets = [];
    clearTimeout(this.#timer);
    return packets;
  }
}
