import type { Pacing } from './pacing.js';

/** Bytes that one turn of the event loop may bring, by the sizes of the last reads. */
const READ_BYTES = 128 * 1_024;
/** Messages that are held of one connection that can't be paused, at least. */
const LEAST_HELD_MESSAGES = 10_000;

/** A connection that is paused, and will be read again. */
export interface PausedReader {
  /** Bytes of the last read. */
  readonly readBytes: number;
  readOn(): void;
}

/** What the messages of all connections of an engine have in common. */
export class MessageTurns {
  readonly pacing: Pacing;
  /** Most messages, and most bytes, that are held of one connection that can't be paused. */
  readonly mostMessages: number;
  readonly mostBytes: number;
  /** Connections that may be read again. */
  readonly #resumed = new Set<PausedReader>();
  #turn = 0;
  #isTurnAsked = false;
  #isResuming = false;

  constructor(pacing: Pacing, mostBytes: number) {
    this.pacing = pacing;
    const { messageBurst } = pacing.limits;
    this.mostMessages = Math.max(LEAST_HELD_MESSAGES, 2 * messageBurst);
    this.mostBytes = mostBytes;
  }

  /** A number that changes with the next turn of the event loop, if somebody has asked for that. */
  get turn(): number {
    return this.#turn;
  }

  /** Notices the end of this turn. */
  askForTurn(): void {
    if (this.#isTurnAsked) return;
    this.#isTurnAsked = true;
    setImmediate(() => {
      this.#isTurnAsked = false;
      this.#turn += 1;
    });
  }

  /**
   * Reads a connection again. Bun reads up to 512 KB of it at once, and delivers all of it in one turn. So those that sent much wait for
   * a turn of their own.
   */
  resume(reader: PausedReader): void {
    this.#resumed.add(reader);
    if (this.#isResuming) return;
    this.#isResuming = true;
    setImmediate(this.#resumeSome);
  }

  /** The connection is gone. */
  forget(reader: PausedReader): void {
    this.#resumed.delete(reader);
  }

  readonly #resumeSome = (): void => {
    let bytes = 0;
    for (const reader of this.#resumed) {
      if (bytes > 0 && bytes + reader.readBytes > READ_BYTES) break;
      bytes += reader.readBytes;
      this.#resumed.delete(reader);
      reader.readOn();
    }
    this.#isResuming = this.#resumed.size > 0;
    if (this.#isResuming) setImmediate(this.#resumeSome);
  };
}
