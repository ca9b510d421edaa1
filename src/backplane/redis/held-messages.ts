/** Messages of the Bus must not be lost while they are held. Any other message may be. */
export type MessageKind = 'bus' | 'other';

const MOST_MESSAGES = 10_000;
const MOST_BYTES = 16 * 1_024 * 1_024;

/** Messages that arrived on a connection before the ledger was read, in order and within limits. */
export class HeldMessages {
  #deliveries: (() => void)[] = [];
  #used = { bus: new Used(), other: new Used() };
  #isHolding = false;
  #isIncomplete = false;

  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** Holds messages from now on. Forgets those of an earlier connection. */
  begin(): void {
    this.#deliveries = [];
    this.#used = { bus: new Used(), other: new Used() };
    this.#isHolding = true;
    this.#isIncomplete = false;
  }

  /** Each kind has its own limits, so that broadcasts can't displace messages of the Bus. */
  add(kind: MessageKind, bytes: number, deliver: () => void): void {
    if (this.#used[kind].add(bytes)) this.#deliveries.push(deliver);
    else if (kind === 'bus') this.#isIncomplete = true;
  }

  /** @throws Error if a message of the Bus was dropped. */
  ensureComplete(): void {
    if (this.#isIncomplete) throw new Error('Too many messages of other instances arrived before the ledger was read.');
  }

  /** Delivers what was held. Later messages are not held. */
  release(): void {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    this.#isHolding = false;
    for (const deliver of deliveries) deliver();
  }
}

class Used {
  #messages = 0;
  #bytes = 0;

  /** Returns false if there is no space for the message. */
  add(bytes: number): boolean {
    if (this.#messages >= MOST_MESSAGES || this.#bytes + bytes > MOST_BYTES) return false;
    this.#messages += 1;
    this.#bytes += bytes;
    return true;
  }
}
