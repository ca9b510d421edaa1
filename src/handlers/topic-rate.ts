/** The option `limit` of a handler. */
export interface RateLimit {
  readonly messages: number;
  /** Milliseconds. */
  readonly per: number;
}

interface Bucket {
  left: number;
  at: number;
}

/** The fewest buckets at which full ones are removed. */
const FEWEST_SWEPT = 1_000;

/** How many events of one topic each user may send: a token bucket for each user that has sent one lately. */
export class TopicRate {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, Bucket>();
  #sweepAt = FEWEST_SWEPT;

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** How many users have a bucket. */
  get users(): number {
    return this.#buckets.size;
  }

  /** Counts an event of a user. Returns 0, or the milliseconds after which the user may send again. */
  count(user: string, now = performance.now()): number {
    const { messages, per } = this.#limit;
    const bucket = this.#bucketOf(user, now);
    bucket.left = Math.min(messages, bucket.left + ((now - bucket.at) * messages) / per);
    bucket.at = now;
    if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * per) / messages);
    bucket.left -= 1;
    return 0;
  }

  #bucketOf(user: string, now: number): Bucket {
    const known = this.#buckets.get(user);
    if (known !== undefined) return known;
    if (this.#buckets.size >= this.#sweepAt) this.#sweep(now);
    const bucket = { left: this.#limit.messages, at: now };
    this.#buckets.set(user, bucket);
    return bucket;
  }

  /** Removes the buckets that are full by now, so that memory follows the users of the last `per` milliseconds. */
  #sweep(now: number): void {
    for (const [user, { at }] of this.#buckets) if (now - at >= this.#limit.per) this.#buckets.delete(user);
    this.#sweepAt = Math.max(FEWEST_SWEPT, 2 * this.#buckets.size);
  }
}
