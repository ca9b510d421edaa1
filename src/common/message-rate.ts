/** The limits of one client's messages. */
export interface MessageRateLimits {
  /** Messages per second that a client may send for long. Finite. */
  readonly messagesPerSecond: number;
  /** Messages that it may send at once before that counts. */
  readonly messageBurst: number;
}

/** A client that was not delayed for this long is within its rate again. */
const PAUSE_MS = 2_000;

/**
 * How fast one client sends: a token bucket. Nothing is dropped; the reader of the client's messages waits for tokens. The caller
 * brings the time, by `performance.now()`, because it needs it for other things too. One number says how full the bucket is, so that
 * an idle client needs no object: when it will be full, if nothing more is sent.
 */
export class MessageRate {
  readonly #limits: MessageRateLimits;
  #fullAt: number;
  #delayedSince = 0;
  #delayedAt = Number.NEGATIVE_INFINITY;

  constructor(limits: MessageRateLimits, fullAt = Number.NEGATIVE_INFINITY) {
    this.#limits = limits;
    this.#fullAt = fullAt;
  }

  get fullAt(): number {
    return this.#fullAt;
  }

  /** How many messages may be handled now. */
  available(now: number): number {
    return Math.max(0, Math.floor(tokensAt(this.#fullAt, now, this.#limits)));
  }

  /** Counts messages that are handled. Those beyond the available ones delay the next ones, by at most a burst. */
  spend(messages: number, now: number): void {
    const { messagesPerSecond, messageBurst } = this.#limits;
    const latest = now + (2 * messageBurst * 1_000) / messagesPerSecond;
    this.#fullAt = Math.min(latest, fullAfter(messages, this.#fullAt, now, this.#limits));
  }

  /** Counts what the same client has sent before, by another transport: the `fullAt` of that. */
  continue(fullAt: number, now: number): void {
    this.#fullAt = fullAfterBoth(this.#fullAt, fullAt, now);
  }

  /** Messages of this client have to wait. */
  delay(now: number): void {
    if (now - this.#delayedAt > PAUSE_MS) this.#delayedSince = now;
    this.#delayedAt = now;
  }

  /** Milliseconds until `wanted` messages, at most a burst, may be handled. */
  msUntil(wanted: number, now: number): number {
    const { messagesPerSecond, messageBurst } = this.#limits;
    const missing = Math.min(wanted, messageBurst) - tokensAt(this.#fullAt, now, this.#limits);
    return missing <= 0 ? 0 : Math.ceil((missing / messagesPerSecond) * 1_000 - ROUNDING);
  }

  /** Since when the client has been delayed without a pause; undefined if it is not delayed. */
  delayedSince(now: number): number | undefined {
    return now - this.#delayedAt > PAUSE_MS ? undefined : this.#delayedSince;
  }

  /** Milliseconds for which it has been delayed; 0 if it is not. */
  delayedMs(now: number): number {
    return now - (this.delayedSince(now) ?? now);
  }
}

/** Hides the errors of floating-point numbers. */
const ROUNDING = 1e-6;

/** The tokens of a bucket that will be full at `fullAt`; negative if more were spent. */
export function tokensAt(fullAt: number, now: number, { messagesPerSecond, messageBurst }: MessageRateLimits): number {
  return fullAt <= now ? messageBurst : messageBurst - ((fullAt - now) / 1_000) * messagesPerSecond + ROUNDING;
}

/** When a bucket will be full from which so many tokens are taken now. */
export function fullAfter(messages: number, fullAt: number, now: number, limits: MessageRateLimits): number {
  return Math.max(fullAt, now) + (messages * 1_000) / limits.messagesPerSecond;
}

/** When a bucket will be full from which is taken what was taken from two. */
export function fullAfterBoth(one: number, other: number, now: number): number {
  return Math.max(one, now) + Math.max(0, other - now);
}
