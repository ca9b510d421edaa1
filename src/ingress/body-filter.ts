/** Between the packets of a payload (Engine.IO protocol, version 4). */
const SEPARATOR = 0x1e;
/** Bytes of a dropped packet that are looked at. */
const PEEKED = 16;
const SMALLEST_BUFFER = 256;

export interface IBodyFilterOptions {
  /** Bytes that a packet may have, and all packets of a body together. */
  readonly mostBytes: number;
  readonly mostBytesInAll: number;
  /** Whether there is no limit any more. */
  readonly isLifted: () => boolean;
  /** A packet was dropped; its first characters. */
  readonly dropped: (start: string) => void;
}

/**
 * Takes packets that are too large out of the body of a POST, without holding their bytes. The packets behind them pass. An
 * incomplete packet is held in one buffer, so that a body that comes byte by byte takes no more memory than its length.
 */
export class BodyFilter {
  readonly #options: IBodyFilterOptions;
  #held = Buffer.alloc(0);
  #heldBytes = 0;
  /** The first characters of the packet that is being dropped. */
  #start: string | undefined;
  #passedBytes = 0;
  #hasPassed = false;

  constructor(options: IBodyFilterOptions) {
    this.#options = options;
  }

  /** Whether any packet passed so far. */
  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** The packets that end in this chunk and pass. */
  write(chunk: Uint8Array): Buffer {
    const passed: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(SEPARATOR); at >= 0; at = chunk.indexOf(SEPARATOR, from)) {
      this.#hold(chunk.subarray(from, at));
      this.#finish(passed);
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    return Buffer.concat(passed);
  }

  /** The last packet, where it passes. */
  end(): Buffer {
    const passed: Buffer[] = [];
    this.#finish(passed);
    return Buffer.concat(passed);
  }

  #hold(bytes: Uint8Array): void {
    if (this.#start !== undefined) {
      this.#start += latin1(bytes.subarray(0, PEEKED - this.#start.length));
      return;
    }
    const heldBytes = this.#heldBytes + bytes.length;
    const { mostBytes, mostBytesInAll, isLifted } = this.#options;
    const isTooLarge = heldBytes > mostBytes || this.#passedBytes + heldBytes > mostBytesInAll;
    if (isTooLarge && !isLifted()) {
      const start = Buffer.concat([this.#held.subarray(0, this.#heldBytes), bytes.subarray(0, PEEKED)]);
      this.#start = latin1(start.subarray(0, PEEKED));
      this.#release();
      return;
    }
    if (heldBytes > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(SMALLEST_BUFFER, heldBytes, this.#held.length * 2));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = heldBytes;
  }

  #finish(passed: Buffer[]): void {
    const start = this.#start;
    this.#start = undefined;
    if (start !== undefined) {
      this.#options.dropped(start);
      return;
    }
    if (this.#hasPassed) passed.push(Buffer.of(SEPARATOR));
    passed.push(this.#held.subarray(0, this.#heldBytes));
    this.#passedBytes += this.#heldBytes + 1;
    this.#hasPassed = true;
    this.#release();
  }

  #release(): void {
    this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
