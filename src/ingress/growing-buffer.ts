const SMALLEST = 256;

/** Collects chunks of bytes in one buffer. */
export class GrowingBuffer {
  #bytes = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(SMALLEST, length, Math.ceil(this.#bytes.length * 1.5)));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  /** The bytes from `start` to the end. */
  from(start: number): Buffer {
    return this.#bytes.subarray(start, this.#length);
  }

  /** Removes the bytes from `start` to the end. */
  cut(start: number): void {
    this.#length = start;
  }

  /** Returns all bytes, and holds none. */
  take(): Buffer {
    const taken = this.from(0);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }
}
