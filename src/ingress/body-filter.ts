import { DROPPED } from './dropped.js';
import { GrowingBuffer } from './growing-buffer.js';

/** Between the packets of a payload (Engine.IO protocol, version 4). */
const SEPARATOR = 0x1e;
/** Bytes of a dropped packet that are inspected. */
const PEEKED = 16;
/** Dropped packets that always leave a mark, because others depend on them: binary ones, those with attachments, and CONNECT. */
const MATTERS = /^(?:b|4[056])/;

export interface BodyFilterOptions {
  /** Bytes that a packet may have, and all packets of a body together. */
  readonly mostBytes: number;
  readonly mostBytesInAll: number;
  /** Whether the limit was lifted. */
  readonly isLifted: () => boolean;
  /** A packet was dropped; its first characters. */
  readonly dropped: (start: string) => void;
}

/**
 * Removes packets that are too large from the body of a POST, without holding their bytes, and leaves a mark in their place. The
 * rest is held in one buffer, so that a body that comes byte by byte takes no more memory than its length.
 */
export class BodyFilter {
  readonly #options: BodyFilterOptions;
  readonly #passed = new GrowingBuffer();
  /** Where the incomplete packet begins in `#passed`, after its separator. `#separator`: where the separator begins. */
  #begin: number | undefined;
  #separator = 0;
  /** The first characters of the packet that is being dropped. */
  #start: string | undefined;
  /** Whether a packet has passed, possibly an empty one. */
  #hasPassed = false;

  constructor(options: BodyFilterOptions) {
    this.#options = options;
  }

  /** Returns false if the body as a whole is too large: it has too many packets even for their marks. */
  write(chunk: Uint8Array): boolean {
    let from = 0;
    for (let at = chunk.indexOf(SEPARATOR); at >= 0; at = chunk.indexOf(SEPARATOR, from)) {
      this.#hold(chunk.subarray(from, at));
      this.#finish();
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    return this.#passed.length <= 2 * this.#options.mostBytesInAll || this.#options.isLifted();
  }

  /** The filtered body. */
  end(): Buffer {
    this.#finish();
    return this.#passed.take();
  }

  #hold(bytes: Uint8Array): void {
    if (this.#start !== undefined) {
      this.#start += latin1(bytes.subarray(0, PEEKED - this.#start.length));
      return;
    }
    const begin = this.#open();
    const { mostBytes, mostBytesInAll, isLifted } = this.#options;
    const inAll = this.#passed.length + bytes.length;
    const isTooLarge = inAll - begin > mostBytes || inAll > mostBytesInAll;
    if (!isTooLarge || isLifted()) {
      this.#passed.add(bytes);
      return;
    }
    const held = latin1(this.#passed.from(begin).subarray(0, PEEKED));
    this.#start = held + latin1(bytes.subarray(0, PEEKED - held.length));
    this.#passed.cut(begin);
  }

  /** Writes the separator before the next packet, once. Returns where the packet begins. */
  #open(): number {
    if (this.#begin !== undefined) return this.#begin;
    this.#separator = this.#passed.length;
    if (this.#hasPassed) this.#passed.add(Buffer.of(SEPARATOR));
    this.#begin = this.#passed.length;
    return this.#begin;
  }

  #finish(): void {
    this.#open();
    const start = this.#start;
    this.#start = undefined;
    this.#begin = undefined;
    if (start === undefined) this.#hasPassed = true;
    // A body can have any number of small events, so at some size not even their marks are kept.
    else if (this.#separator > this.#options.mostBytesInAll && !MATTERS.test(start)) this.#passed.cut(this.#separator);
    else {
      this.#hasPassed = true;
      this.#passed.add(Buffer.from(`4${DROPPED}`));
      this.#options.dropped(start);
    }
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
