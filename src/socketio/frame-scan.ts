/** Frames that may pass together. */
export const MOST_FRAMES = 16;

/** Bytes that may pass together, if they are whole frames. */
const MOST_BYTES = 64 * 1_024;

/** A message of this many bytes passes alone, because parsing it takes long. */
const LARGE_BYTES = 16 * 1_024;

const LONGEST_HEAD = 14;
const FIRST_CONTROL_OPCODE = 8;
const TWO_TO_THE_32 = 2 ** 32;

/**
 * Finds the ends of the frames of a WebSocket (RFC 6455, section 5.2) in chunks of bytes, and says how many bytes may pass together.
 * It copies nothing but a head that is split over two chunks.
 */
export class FrameScan {
  /** Messages that the last `scan()` has completed. */
  messages = 0;
  /** Whether the last `scan()` stopped although there were more bytes. */
  hasStopped = false;
  #frames = 0;
  #isInFrame = false;
  /** Bytes of the present frame that are still to come. */
  #left = 0;
  #isControl = false;
  #isFinal = false;
  /** Bytes of the present message, with all of its fragments. */
  #messageBytes = 0;
  /** The first bytes of a head whose rest is in the next chunk. */
  #head: Buffer | undefined;
  #headBytes = 0;

  /** Whether the next byte begins a message. */
  get isBetweenMessages(): boolean {
    return !this.#isInFrame && this.#head === undefined && this.#messageBytes === 0;
  }

  /**
   * Returns the end of the bytes that may pass now, from `from`: at most 16 frames, and at most `most` messages. A large message
   * passes only if `isAlone` is true, and nothing passes with it.
   */
  scan(bytes: Buffer, from: number, most: number, isAlone: boolean): number {
    this.messages = 0;
    this.#frames = 0;
    this.hasStopped = false;
    let at = from;
    while (at < bytes.length) {
      if (!this.#isInFrame) {
        if (this.#isFull(most, at - from)) return this.#stop(at, bytes);
        at = this.#readHead(bytes, at);
        if (!this.#isInFrame) return at;
      }
      if (this.#left > bytes.length - at) {
        this.#left -= bytes.length - at;
        return bytes.length;
      }
      const isLarge = this.#isLarge;
      if (this.#mustWait(most, isLarge && !(isAlone && this.#frames === 0))) return this.#stop(at, bytes);
      at += this.#left;
      this.#endFrame();
      if (isLarge) return this.#stop(at, bytes);
    }
    return at;
  }

  #isFull(most: number, bytes: number): boolean {
    return this.#frames === MOST_FRAMES || this.messages >= most || bytes >= MOST_BYTES;
  }

  /** Whether the end of the present frame would complete a message that may not pass now. */
  #mustWait(most: number, isTooLarge: boolean): boolean {
    return !this.#isControl && this.#isFinal && (isTooLarge || this.messages >= most);
  }

  get #isLarge(): boolean {
    return !this.#isControl && this.#isFinal && this.#messageBytes >= LARGE_BYTES;
  }

  #stop(at: number, { length }: Buffer): number {
    this.hasStopped = at < length;
    return at;
  }

  #endFrame(): void {
    this.#isInFrame = false;
    this.#left = 0;
    this.#frames += 1;
    if (this.#isControl || !this.#isFinal) return;
    this.messages += 1;
    this.#messageBytes = 0;
  }

  /** Returns where the payload begins, or the end of the bytes if the head is incomplete. */
  #readHead(bytes: Buffer, at: number): number {
    if (this.#head !== undefined) return this.#continueHead(bytes, at, this.#head);
    const length = headLength(bytes, at, bytes.length);
    if (at + length <= bytes.length) {
      this.#beginFrame(bytes, at);
      return at + length;
    }
    this.#head = Buffer.allocUnsafeSlow(LONGEST_HEAD);
    this.#headBytes = bytes.copy(this.#head, 0, at);
    return bytes.length;
  }

  #continueHead(bytes: Buffer, at: number, head: Buffer): number {
    let read = at;
    while (read < bytes.length) {
      head.writeUInt8(bytes.readUInt8(read), this.#headBytes);
      read += 1;
      this.#headBytes += 1;
      if (this.#headBytes < headLength(head, 0, this.#headBytes)) continue;
      this.#head = undefined;
      this.#beginFrame(head, 0);
      return read;
    }
    return read;
  }

  /** `at`: of a complete head. */
  #beginFrame(bytes: Buffer, at: number): void {
    const first = bytes.readUInt8(at);
    const code = bytes.readUInt8(at + 1) & 0x7f;
    this.#isInFrame = true;
    this.#isFinal = (first & 0x80) !== 0;
    this.#isControl = (first & 0x0f) >= FIRST_CONTROL_OPCODE;
    this.#left = payloadLength(bytes, at + 2, code);
    if (!this.#isControl) this.#messageBytes += this.#left;
  }
}

/** The length of a head, or more than there is if it can't be known yet. */
function headLength(bytes: Buffer, at: number, end: number): number {
  if (end - at < 2) return 2;
  const second = bytes.readUInt8(at + 1);
  const code = second & 0x7f;
  return 2 + (code === 126 ? 2 : code === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4);
}

function payloadLength(bytes: Buffer, at: number, code: number): number {
  if (code < 126) return code;
  if (code === 126) return bytes.readUInt16BE(at);
  return bytes.readUInt32BE(at) * TWO_TO_THE_32 + bytes.readUInt32BE(at + 4);
}

/** Whether the bytes are one whole frame that is not large: of a message, or a control frame. */
export function isOneFrame(bytes: Buffer): boolean {
  const { length } = bytes;
  if (length < 2 || length > LARGE_BYTES) return false;
  const first = bytes.readUInt8(0);
  const code = bytes.readUInt8(1) & 0x7f;
  // The first frame of a message, and its last one.
  if ((first & 0x80) === 0 || (first & 0x0f) === 0 || code === 127) return false;
  const head = headLength(bytes, 0, length);
  return head <= length && head + payloadLength(bytes, 2, code) === length;
}

/** Whether such a frame is a message. */
export function isMessage(frame: Buffer): boolean {
  return (frame.readUInt8(0) & 0x0f) < FIRST_CONTROL_OPCODE;
}
