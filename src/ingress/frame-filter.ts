import { DROPPED } from './dropped.js';

/** The longest head of a frame: two bytes, eight of length, four of mask (RFC 6455, section 5.2). */
const LONGEST_HEAD = 14;
/** Bytes of a dropped message that are inspected: a packet's type, and the number of its attachments. */
const PEEKED = 16;
/** Bytes of a chunk that may be held for the sake of a few of them. */
const LARGE_CHUNK = 2_048;
const CONTINUATION = 0;
const TEXT = 1;
const LARGEST_DATA_OPCODE = 2;
/** Bytes that a control frame may have (RFC 6455, section 5.5). The receiver rejects larger ones, and unknown opcodes. */
const LARGEST_CONTROL = 125;

const NOTHING = Buffer.alloc(0);

/** Masked with zeros, because frames of clients must be masked. */
const MARK = Buffer.from(`4${DROPPED}`);
const MARK_FRAME = Buffer.concat([Buffer.from([0x81, 0x80 | MARK.length, 0, 0, 0, 0]), MARK]);

/** A position within a chunk. */
interface Cursor {
  at: number;
  /** Where the bytes that were not passed yet begin. */
  from: number;
  /** Where the last whole frame begins. */
  last: number;
}

interface Head {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  readonly isMasked: boolean;
  readonly headBytes: number;
  readonly payloadBytes: number;
}

export interface FrameFilterOptions {
  /** Bytes that a message may have. */
  readonly mostBytes: number;
  /** Takes complete frames. Returns false if the source must wait. */
  readonly pass: (bytes: Buffer) => boolean;
  /** A message was dropped, and a mark passes in its place. `start`: its first characters; undefined where it was binary. */
  readonly dropped: (start: string | undefined) => void;
}

/**
 * Drops WebSocket messages that are too large, without holding their bytes. `ws` could only close the connection, and a client
 * that sends a large event too early would reconnect and send it again. Incomplete frames are held in one buffer here, so that a
 * frame that comes byte by byte takes no more memory than its length.
 *
 * Fragmented and compressed messages pass, because their receiver has the same limit and the next frames depend on them.
 * Fragments are copied, because the receiver holds them, and would hold the whole chunk of each.
 */
export class FrameFilter {
  readonly #options: FrameFilterOptions;
  /** The incomplete frame, or nothing. `#heldBytes`: how much of it is there. */
  #held = NOTHING;
  #heldBytes = 0;
  /** Bytes of a dropped message that are still to come. */
  #skipped = 0;
  /** Bytes of a frame that passes without being held. */
  #streamed = 0;
  #isLifted = false;
  #goesOn = true;

  constructor(options: FrameFilterOptions) {
    this.#options = options;
  }

  /** True once it passes everything and holds nothing. */
  get isDone(): boolean {
    return this.#isLifted && this.#skipped === 0;
  }

  /** From now on passes everything, except the rest of a message that is being dropped. */
  lift(): void {
    this.#isLifted = true;
    const held = this.#takeHeld();
    if (held.length > 0) this.#pass(held);
  }

  /** Returns false if the receiver asks to wait. */
  write(chunk: Buffer): boolean {
    this.#goesOn = true;
    const cursor: Cursor = { at: 0, from: 0, last: 0 };
    while (cursor.at < chunk.length) this.#advance(chunk, cursor);
    this.#passRest(chunk, cursor);
    return this.#goesOn;
  }

  /** Moves the cursor over the next bytes that can be decided on. */
  #advance(chunk: Buffer, cursor: Cursor): void {
    const left = chunk.length - cursor.at;
    if (this.#skipped > 0) {
      cursor.at += this.#skip(left);
      cursor.from = cursor.at;
    } else if (this.#isLifted) {
      cursor.at = chunk.length;
    } else if (this.#streamed > 0) {
      const bytes = Math.min(this.#streamed, left);
      this.#streamed -= bytes;
      cursor.at += bytes;
    } else if (this.#held !== NOTHING) {
      cursor.at += this.#hold(chunk, cursor.at);
      cursor.from = cursor.at;
    } else this.#advanceFrame(chunk, cursor);
  }

  /** At the start of a frame: moves over the whole frame if it passes unchanged. Otherwise stays, and the frame is held from here. */
  #advanceFrame(chunk: Buffer, cursor: Cursor): void {
    const { at } = cursor;
    const head = headOf(chunk, at, chunk.length);
    const end = head === undefined ? Number.POSITIVE_INFINITY : at + head.headBytes + head.payloadBytes;
    if (head === undefined || end > chunk.length || this.#isTooLarge(head)) {
      // Passes the earlier frames first: one of them may authenticate the peer, which lifts this filter.
      this.#passSlice(chunk, cursor.from, at);
      cursor.from = at;
      if (!this.#isLifted) this.#held = Buffer.allocUnsafeSlow(LONGEST_HEAD + PEEKED);
      return;
    }
    if (isFragment(head)) {
      this.#passSlice(chunk, cursor.from, at);
      cursor.from = end;
      this.#pass(copyOf(chunk, at, end));
    }
    cursor.last = at;
    cursor.at = end;
  }

  #passRest(chunk: Buffer, { at, from, last }: Cursor): void {
    // The receiver keeps the mask of its last frame, and so the whole chunk.
    if (chunk.length > LARGE_CHUNK && !this.#isLifted && last >= from && at > last) {
      this.#passSlice(chunk, from, last);
      this.#pass(copyOf(chunk, last, at));
    } else this.#passSlice(chunk, from, at);
  }

  #passSlice(chunk: Buffer, from: number, to: number): void {
    if (to > from) this.#pass(chunk.subarray(from, to));
  }

  #pass(bytes: Buffer): void {
    if (!this.#options.pass(bytes)) this.#goesOn = false;
  }

  /** Copies from the chunk the bytes that the held frame needs next. Returns how many. */
  #hold(chunk: Buffer, at: number): number {
    const held = this.#held;
    const head = headOf(held, 0, this.#heldBytes);
    const wanted = head === undefined ? nextOf(held, this.#heldBytes) : this.#wantedOf(head);
    const bytes = Math.min(wanted - this.#heldBytes, chunk.length - at);
    chunk.copy(held, this.#heldBytes, at, at + bytes);
    this.#heldBytes += bytes;
    if (this.#heldBytes === wanted) this.#judgeHeld();
    return bytes;
  }

  #wantedOf(head: Head): number {
    return head.headBytes + (this.#isDropped(head) ? PEEKED : head.payloadBytes);
  }

  /** Decides once the wanted bytes are there: the head, the whole frame, or the start of one that is dropped. */
  #judgeHeld(): void {
    const held = this.#held;
    const head = headOf(held, 0, this.#heldBytes);
    if (head === undefined) return;
    const whole = head.headBytes + head.payloadBytes;
    if (this.#isDropped(head)) {
      if (this.#heldBytes < head.headBytes + PEEKED) return;
      this.#skipped = whole - this.#heldBytes;
      const start = head.opcode === TEXT ? startOf(held, head) : undefined;
      this.#takeHeld();
      this.#options.dropped(start);
      this.#pass(MARK_FRAME);
    } else if (this.#isTooLarge(head)) {
      this.#streamed = whole - this.#heldBytes;
      this.#pass(this.#takeHeld());
    } else if (this.#heldBytes === whole) {
      this.#pass(this.#takeHeld());
    } else if (held.length < whole) {
      const larger = Buffer.allocUnsafeSlow(whole);
      held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
  }

  /** Returns the held bytes, and holds none. */
  #takeHeld(): Buffer {
    const taken = this.#held.subarray(0, this.#heldBytes);
    this.#held = NOTHING;
    this.#heldBytes = 0;
    return taken;
  }

  #skip(available: number): number {
    const bytes = Math.min(this.#skipped, available);
    this.#skipped -= bytes;
    return bytes;
  }

  #isTooLarge({ opcode, payloadBytes }: Head): boolean {
    return payloadBytes > (opcode <= LARGEST_DATA_OPCODE ? this.#options.mostBytes : LARGEST_CONTROL);
  }

  #isDropped(head: Head): boolean {
    const isWhole = head.opcode !== CONTINUATION && head.opcode <= LARGEST_DATA_OPCODE && head.isFinal;
    return this.#isTooLarge(head) && isWhole && !head.isCompressed;
  }
}

/** A copy in memory of its own, because Node.js allocates small buffers in a shared pool. */
function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(to - from);
  bytes.copy(copy, 0, from, to);
  return copy;
}

/** Whether a receiver holds a frame until the message is whole. */
function isFragment({ opcode, isFinal }: Head): boolean {
  return opcode === CONTINUATION || (opcode <= LARGEST_DATA_OPCODE && !isFinal);
}

/** The head of a frame; undefined if it is incomplete. */
function headOf(bytes: Buffer, at: number, end: number): Head | undefined {
  if (end - at < 2) return undefined;
  const first = bytes.readUInt8(at);
  const second = bytes.readUInt8(at + 1);
  const isMasked = (second & 0x80) !== 0;
  const code = second & 0x7f;
  const lengthBytes = code === 126 ? 2 : code === 127 ? 8 : 0;
  const headBytes = 2 + lengthBytes + (isMasked ? 4 : 0);
  if (end - at < headBytes) return undefined;
  const payloadBytes =
    lengthBytes === 0 ? code : lengthBytes === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  const opcode = first & 0x0f;
  const isFinal = (first & 0x80) !== 0;
  return { opcode, isFinal, isCompressed: (first & 0x40) !== 0, isMasked, headBytes, payloadBytes };
}

/** How many bytes of a frame are needed to read more of its head. */
function nextOf(bytes: Buffer, heldBytes: number): number {
  if (heldBytes < 2) return 2;
  const second = bytes.readUInt8(1);
  const code = second & 0x7f;
  return 2 + (code === 126 ? 2 : code === 127 ? 8 : 0) + ((second & 0x80) !== 0 ? 4 : 0);
}

function startOf(bytes: Buffer, { headBytes, isMasked }: Head): string {
  const start = Buffer.from(bytes.subarray(headBytes, headBytes + PEEKED));
  if (isMasked) for (const [at, byte] of start.entries()) start[at] = byte ^ bytes.readUInt8(headBytes - 4 + (at % 4));
  return start.toString('latin1');
}
