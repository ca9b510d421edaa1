import type { Packet } from 'socket.io-parser';
import { estimateBytes } from '../common/estimate-bytes.js';
import type { ILimits } from '../protocol/limits.js';

/**
 * The events of one client that came before the program's handlers were there, in their order. They are kept from the moment
 * that the client is let in until `clientConnectedFn` has settled.
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

  /** False where that would be more than one client may make this instance hold. */
  add(packet: Packet): boolean {
    this.#packets.push(packet);
    this.#bytes += estimateBytes(packet.data);
    return this.#packets.length <= this.#limits.heldEvents && this.#bytes <= this.#limits.heldBytes;
  }

  /** How long the first one may wait; set once. */
  expire(act: () => void, afterMs: number): void {
    this.#timer ??= setTimeout(act, afterMs).unref();
  }

  /** Hands everything out, the oldest first; nothing is kept after that. */
  take(): readonly Packet[] {
    const packets = this.#packets;
    this.#packets = [];
    clearTimeout(this.#timer);
    return packets;
  }
}
