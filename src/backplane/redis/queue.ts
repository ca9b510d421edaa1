import type { RedisMessageBody } from './client.js';

export interface QueuedMessage {
  readonly channel: string;
  readonly message: RedisMessageBody;
}

interface Entry extends QueuedMessage {
  readonly at: number;
  readonly bytes: number;
}

/** Some seconds of a busy instance; older ones go first, as newer ones are worth more. */
const LONGEST = 10_000;
const LARGEST_BYTES = 16 * 1_024 * 1_024;
/** A message that comes later than this, in ms, surprises more than it helps. */
const OLDEST_MS = 30_000;

/** What could not be published yet, in order and within bounds. */
export class MessageQueue {
  #entries: Entry[] = [];
  /** Of the entries, those before it are gone already: dropping one must not cost a copy of all. */
  #head = 0;
  #bytes = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** How many older ones were dropped for it. */
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

  /** Empties it: what is still worth sending, and how many are too old for it. */
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
