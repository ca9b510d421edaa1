/** The limits of one client's messages. */
export interface MessageRateLimits {
  /** Messages per second that a client may send for long. */
  readonly messagesPerSecond: number;
  /** Messages that it may send at once before that counts. */
  readonly messageBurst: number;
}

/** A client that was not delayed for this long is within its rate again. */
const PAUSE_MS = 2_000;

/**
 * How fast one client sends: a token bucket. Nothing is dropped; the reader of the client's messages waits for tokens. The caller
 * brings the time, by `performance.now()`, because it needs it for other things too.
 */
export class MessageRate {
  readonly #limits: MessageRateLimits;
  #tokens: number;
  #at: number;
  #delayedSince = 0;
  #delayedAt = Number.NEGATIVE_INFINITY;

  constructor(limits: MessageRateLimits, now: number) {
    this.#limits = limits;
    this.#tokens = limits.messageBurst;
    this.#at = now;
  }

  /** How many messages may be handled now. */
  available(now: number): number {
    this.#refill(now);
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Counts messages that are handled. Those beyond the available ones delay the next ones, by at most a burst. */
  spend(messages: number): void {
    this.#tokens = Math.max(-this.#limits.messageBurst, this.#tokens - messages);
  }

  /** Messages of this client have to wait. */
  delay(now: number): void {
    if (now - this.#delayedAt > PAUSE_MS) this.#delayedSince = now;
    this.#delayedAt = now;
  }

  /** Milliseconds until `wanted` messages, at most a burst, may be handled. */
  msUntil(wanted: number, now: number): number {
    this.#refill(now);
    const missing = Math.min(wanted, this.#limits.messageBurst) - this.#tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#limits.messagesPerSecond) * 1_000);
  }

  /** Milliseconds for which the client has been delayed without a pause; 0 if it is not delayed. */
  delayedMs(now: number): number {
    return now - this.#delayedAt > PAUSE_MS ? 0 : now - this.#delayedSince;
  }

  #refill(now: number): void {
    const { messagesPerSecond, messageBurst } = this.#limits;
    // Also `Infinity`, of which a zero time would make NaN.
    if (now > this.#at) {
      this.#tokens = Math.min(messageBurst, this.#tokens + ((now - this.#at) / 1_000) * messagesPerSecond);
    }
    this.#at = now;
  }
}
