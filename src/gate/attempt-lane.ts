/** Milliseconds from one failed attempt to the next attempt, for attempts that may wait. */
const SPACING_MS = 500;
/** The same for attempts that are refused meanwhile: from the first limited attempt to the longest time, doubling. */
const SHORTEST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 60_000;
/** Failures are forgotten this long after the last one. */
const MEMORY_MS = 15 * 60_000;
/** The part of `authenticateTimeout` that the last attempt of a queue may wait. The rest is for its call. */
const PART_TO_WAIT = 0.8;
/** An attempt that finds the queue full is refused for this time, at least. Spread, because they may be many. */
const RETURN_MS = 1_000;
const RETURN_WITHIN_MS = 2_000;

/** What the attempts of a lane have in common. */
export type LaneKind = 'key_and_address' | 'key' | 'address';

/** `accepted`, `refused`, or `none`: nothing was learned about the credential. */
export type AttemptOutcome = 'accepted' | 'refused' | 'none';

/** `true`: the attempt has its place. A number: it is refused, and may come back after this many milliseconds. */
export type Entered = true | number;

export interface LaneOptions {
  readonly kind: LaneKind;
  /** Failures, with no success between them, after which the lane is limited. */
  readonly most: number;
  /** `authenticateTimeout`: an attempt that has not settled after this time no longer counts as running. */
  readonly timeoutMs: number;
  /** The lane has become limited. */
  readonly limited: () => void;
}

/** By `performance.now()`. */
export interface LimitedTimes {
  readonly since: number;
  readonly until: number;
}

interface Waiting {
  readonly client: string;
  readonly resume: (entered: Entered) => void;
}

/**
 * The attempts to authenticate with one key, from one address, or both.
 *
 * Up to `most` failures change nothing. After them the lane is limited: one attempt runs at a time, and the next one begins a while after
 * the last failure. Attempts wait for that in a queue that is short enough for the last of them to be asked about in time. Only attempts
 * with one key from one address are refused meanwhile, and for longer after each failure.
 *
 * A success ends that, except for a key: it is not the attacker who succeeds, and attempts that succeed have no pause between them.
 */
export class AttemptLane {
  readonly #options: LaneOptions;
  readonly #mostWaiting: number;
  readonly #queue: Waiting[] = [];
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #limitedSince = 0;
  #running = 0;
  #startedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#mostWaiting = Math.max(1, Math.floor((options.timeoutMs * PART_TO_WAIT) / SPACING_MS));
  }

  get kind(): LaneKind {
    return this.#options.kind;
  }

  /** With no success between them. */
  get failures(): number {
    return this.#failures;
  }

  get isLimited(): boolean {
    return this.#failures >= this.#options.most;
  }

  /** Since when and until when it is limited, by `performance.now()`; undefined if it is not. */
  get limitedTimes(): LimitedTimes | undefined {
    const now = performance.now();
    this.#forget(now);
    if (!this.isLimited) return undefined;
    const until = this.kind === 'key_and_address' ? this.#opensAt : this.#failedAt + MEMORY_MS;
    return until > now ? { since: this.#limitedSince, until } : undefined;
  }

  /** Whether no attempt runs or waits. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#queue.length === 0;
  }

  /** Whether forgetting the lane changes nothing. */
  get isEmpty(): boolean {
    return this.#failures === 0 && this.isIdle;
  }

  /** Takes the place of an attempt. No promise unless it has to wait. */
  enter(client: string, mayWait: boolean): Entered | Promise<Entered> {
    const now = performance.now();
    this.#forget(now);
    if (this.#queue.length === 0 && this.#hasPlace(now)) return this.#start(now);
    if (!mayWait || !this.#takesWaiting(this.#queue.length)) return this.#returnMs(now);
    return new Promise((resume) => {
      this.#queue.push({ client, resume });
      this.#serve(now);
    });
  }

  /** An attempt that had its place has settled. */
  settle(outcome: AttemptOutcome): void {
    this.#running = Math.max(0, this.#running - 1);
    this.learn(outcome);
  }

  /** The outcome of an attempt that needed no place. */
  learn(outcome: AttemptOutcome): void {
    const now = performance.now();
    this.#forget(now);
    if (outcome === 'accepted' && !(this.isLimited && this.kind === 'key')) this.#failures = 0;
    else if (outcome === 'refused') this.#fail(now, 1);
    this.#serve(now);
  }

  /** Other instances have seen enough failures. */
  limit(): void {
    if (!this.isLimited) this.#fail(performance.now(), this.#options.most - this.#failures);
  }

  /** The client is gone, and no longer waits. */
  giveUp(client: string): void {
    const index = this.#queue.findIndex((each) => each.client === client);
    const [waiting] = index < 0 ? [] : this.#queue.splice(index, 1);
    waiting?.resume(RETURN_MS);
  }

  /** Refuses all that wait. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { resume } of this.#queue.splice(0)) resume(RETURN_MS);
  }

  #forget(now: number): void {
    if (now - this.#failedAt > MEMORY_MS) this.#failures = 0;
  }

  #fail(now: number, failures: number): void {
    const wasLimited = this.isLimited;
    this.#failures += failures;
    this.#failedAt = now;
    if (wasLimited || !this.isLimited) return;
    this.#limitedSince = now;
    this.#options.limited();
    const after = this.#returnMs(now);
    while (this.#queue.length > 0 && !this.#takesWaiting(this.#queue.length - 1)) this.#queue.pop()?.resume(after);
  }

  /** Running attempts may all fail, so they count as failures until they have settled. Honest clients of one address are too many for that. */
  #hasPlace(now: number): boolean {
    const { most, timeoutMs, kind } = this.#options;
    if (now - this.#startedAt > timeoutMs) this.#running = 0;
    if (this.isLimited) return this.#running === 0 && now >= this.#opensAt;
    return kind === 'address' || this.#running < most - this.#failures;
  }

  /** When the next attempt may begin, by `performance.now()`. */
  get #opensAt(): number {
    const { kind, most } = this.#options;
    if (kind !== 'key_and_address') return this.#failedAt + SPACING_MS;
    return this.#failedAt + Math.min(LONGEST_BACK_OFF_MS, SHORTEST_BACK_OFF_MS * 2 ** (this.#failures - most));
  }

  /** Whether one more may wait behind so many. */
  #takesWaiting(waiting: number): boolean {
    if (!this.isLimited) return true;
    return this.kind !== 'key_and_address' && waiting < this.#mostWaiting;
  }

  #returnMs(now: number): number {
    if (this.kind === 'key_and_address') return Math.ceil(Math.max(RETURN_MS, this.#opensAt - now));
    return Math.round(RETURN_MS + Math.random() * RETURN_WITHIN_MS);
  }

  #start(now: number): true {
    this.#running += 1;
    this.#startedAt = now;
    return true;
  }

  #serve(now: number): void {
    while (this.#queue.length > 0 && this.#hasPlace(now)) this.#queue.shift()?.resume(this.#start(now));
    clearTimeout(this.#timer);
    if (this.#queue.length === 0) return;
    // An attempt that never settles must not keep the others waiting.
    const next = this.#running > 0 ? this.#startedAt + this.#options.timeoutMs : this.#opensAt;
    const waitMs = Math.max(1, Math.ceil(next - now) + 1);
    this.#timer = setTimeout(() => this.#serve(performance.now()), waitMs).unref();
  }
}
