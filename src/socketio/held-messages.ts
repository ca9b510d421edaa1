import type { MessageBody } from './bun-types.js';

/** Texts that are packed together. */
const PACKED_TEXTS = 256;
/** The longest text that is packed; its length fits into 16 bits. */
const LONGEST_PACKED = 4_096;

/** Texts of messages in one string, because a short string takes several times its length. */
interface Pack {
  readonly text: string;
  readonly lengths: Uint16Array;
  /** The next one: its place in `lengths`, and in the text. */
  next: number;
  at: number;
}

/** A queue of messages that takes little more memory than their bytes. */
export class HeldMessages {
  /** What is in the queue: messages, and bytes of binary ones and characters of texts. */
  total = 0;
  bytes = 0;
  #queue: (Pack | MessageBody)[] = [];
  #at = 0;
  /** The latest short texts, which come after the queue. */
  #loose: string[] = [];
  #looseAt = 0;

  push(message: MessageBody): void {
    this.total += 1;
    this.bytes += sizeOf(message);
    if (typeof message === 'string' && message.length <= LONGEST_PACKED) {
      this.#loose.push(message);
      if (this.#loose.length === PACKED_TEXTS) this.#pack();
      return;
    }
    this.#pack();
    this.#queue.push(message);
  }

  /** The size of the next message. */
  get nextSize(): number {
    const first = this.#queue[this.#at];
    if (first === undefined) return this.#loose[this.#looseAt]?.length ?? 0;
    return isPack(first) ? (first.lengths[first.next] ?? 0) : sizeOf(first);
  }

  /** Removes the next message; there must be one. */
  shift(): MessageBody {
    const message = this.#take();
    this.total -= 1;
    this.bytes -= sizeOf(message);
    return message;
  }

  #take(): MessageBody {
    const first = this.#queue[this.#at];
    if (first === undefined) return this.#takeLoose();
    if (!isPack(first)) {
      this.#forgetFirst();
      return first;
    }
    const end = first.at + (first.lengths[first.next] ?? 0);
    const text = first.text.slice(first.at, end);
    first.at = end;
    first.next += 1;
    if (first.next === first.lengths.length) this.#forgetFirst();
    return text;
  }

  #takeLoose(): string {
    const text = this.#loose[this.#looseAt] ?? '';
    this.#looseAt += 1;
    if (this.#looseAt === this.#loose.length) {
      this.#loose = [];
      this.#looseAt = 0;
    }
    return text;
  }

  #forgetFirst(): void {
    this.#at += 1;
    // Not one by one, because that would move all the others.
    if (this.#at < PACKED_TEXTS && this.#at < this.#queue.length) return;
    this.#queue.splice(0, this.#at);
    this.#at = 0;
  }

  #pack(): void {
    const texts = this.#looseAt === 0 ? this.#loose : this.#loose.slice(this.#looseAt);
    if (texts.length === 0) return;
    const lengths = Uint16Array.from(texts, ({ length }) => length);
    this.#queue.push({ text: texts.join(''), lengths, next: 0, at: 0 });
    this.#loose = [];
    this.#looseAt = 0;
  }
}

export function sizeOf(message: MessageBody): number {
  return typeof message === 'string' ? message.length : message.byteLength;
}

function isPack(entry: Pack | MessageBody): entry is Pack {
  return typeof entry === 'object' && 'lengths' in entry;
}
