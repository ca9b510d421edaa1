import type { RedisMessageBody } from './client.js';

export interface QueuedMessage {
  readonly channel: string;
  readonly message: RedisMessageBody;
}

interface Entry extends QueuedMessage {
  readonly at: number;
  readonly bytes: number;
}

/** Most queued messages: some seconds of a busy instance. The oldest are dropped first, because newer ones are more useful. */
const LONGEST = 10_000;
const LARGEST_BYTES = 16 * 1_024 * 1_024;
/** Messages that are older than this, in ms, are dropped, because they are outdated. */
const OLDEST_MS = 30_000;

/** Messages that could not be published yet, in order and within limits. */
export class MessageQueue {
  #entries: Entry[] = [];
  /** Index of the oldest entry. Entries before it are dropped already, without copying the list each time. */
  #head = 0;
  #bytes = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** Returns how many older messages were dropped for this one. */
  push(channel: string, message: RedisMessageBody): number {
    const bytes = Buffer.byteLength(message) + Buffer.byteLength(channel);
    this.#entries.push({ channel, message, at: performance.now(), bytes });
    this.#bytes += bytes;
    let dropped = 0;
    while (this.size > LONGEST || this.#bytes > LARGEST_BYTES) {
      this.#shift();
      dropped += 1;
    }
    return dropped;
  }

  /** Empties the queue. Returns the messages that are young enough, and the number of the others. */
  drain(): { messages: QueuedMessage[]; dropped: number } {
    const all = this.#entries.slice(this.#head);
    const messages = all.filter(({ at }) => performance.now() - at <= OLDEST_MS);
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
    return { messages, dropped: all.length - messages.length };
  }

  #shift(): void {
    this.#bytes -= this.#entries[this.#head]?.bytes ?? 0;
    this.#head += 1;
    if (this.#head < LONGEST) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
