import { RateLimit } from './rate-limit.js';

/** A client that reconnects sends its whole queue at once, which holds up to 100. */
const MESSAGES = { burst: 100, perSecond: 5 };
const TYPING = { burst: 10, perSecond: 5 };
/** A page that reconnects asks for each of its conversations at once. */
const HISTORY = { burst: 100, perSecond: 5 };
/** Whispers that open a new conversation. */
const CONVERSATIONS = { burst: 10, perSecond: 0.2 };
/** The most recipients of whispers that are remembered for each sender. */
const MOST_RECIPIENTS = 100;
/** Idle senders are removed each time that so many more are known. */
const CLEAN_EVERY = 1_000;

class Sender {
  readonly messages = new RateLimit(MESSAGES);
  readonly typing = new RateLimit(TYPING);
  readonly history = new RateLimit(HISTORY);
  readonly #conversations = new RateLimit(CONVERSATIONS);
  readonly #recipients = new Set<string>();

  get isIdle(): boolean {
    return [this.messages, this.typing, this.history, this.#conversations].every(({ isFull }) => isFull);
  }

  /** Whether this sender may whisper to that person now. */
  mayWhisperTo(name: string): boolean {
    if (!this.#recipients.delete(name) && !this.#conversations.take()) return false;
    this.#recipients.add(name);
    const [oldest] = this.#recipients;
    if (this.#recipients.size > MOST_RECIPIENTS && oldest !== undefined) this.#recipients.delete(oldest);
    return true;
  }
}

/** The quotas of each person. They count by name, so more windows or a new connection do not give more. */
export class Senders {
  readonly #senders = new Map<string, Sender>();
  #cleanAt = CLEAN_EVERY;

  of(name: string): Sender {
    const known = this.#senders.get(name);
    if (known !== undefined) return known;
    if (this.#senders.size >= this.#cleanAt) this.#clean();
    const sender = new Sender();
    this.#senders.set(name, sender);
    return sender;
  }

  #clean(): void {
    for (const [name, sender] of this.#senders) if (sender.isIdle) this.#senders.delete(name);
    this.#cleanAt = this.#senders.size + CLEAN_EVERY;
  }
}
