/** How long the work of one turn of the event loop may take, in milliseconds, with what it causes before the next turn. */
const TURN_MS = 5;

/** How often work that sleeps is looked at, in milliseconds. */
const WAKE_EVERY_MS = 10;

/** Work that is done in slices. */
export interface SlicedWork {
  /**
   * Does one slice. Returns the milliseconds to wait for the next one: 0 if it can follow as soon as the others had theirs, `DONE` if
   * there is nothing left. If it throws, it is done.
   */
  slice(): number;
}

/** The result of the last slice. */
export const DONE = -1;

/**
 * Shares the event loop between pieces of work: each gets one slice in turn, for a few milliseconds. Then the event loop continues, so
 * that sockets of others are read and timers run. Between two slices, everything runs that the first one has caused: ticks and
 * promises, such as handlers. So their time counts too.
 */
export class Turns {
  readonly #turnMs: number;
  readonly #sleeping = new Map<SlicedWork, number>();
  #waiting: SlicedWork[] = [];
  /** Those that have had their slice in this round. */
  #next: SlicedWork[] = [];
  readonly #known = new Set<SlicedWork>();
  #isScheduled = false;
  #turnEndsAt = 0;
  #alarm: NodeJS.Timeout | undefined;

  constructor(turnMs = TURN_MS) {
    this.#turnMs = turnMs;
  }

  /** Begins with this work in the next turn. Does nothing if it was added and is not done. `afterMs`: waits for so long first. */
  add(work: SlicedWork, afterMs = 0): void {
    if (this.#known.has(work)) return;
    this.#known.add(work);
    if (afterMs > 0) this.#sleep(work, afterMs);
    else this.#queue(work);
  }

  /** Whether this work has slices left. */
  has(work: SlicedWork): boolean {
    return this.#known.has(work);
  }

  /** Ends it before it is done. */
  remove(work: SlicedWork): void {
    this.#known.delete(work);
    this.#sleeping.delete(work);
  }

  /** Ends all work. */
  clear(): void {
    this.#known.clear();
    this.#sleeping.clear();
    this.#waiting = [];
    this.#next = [];
    clearInterval(this.#alarm);
    this.#alarm = undefined;
  }

  #queue(work: SlicedWork): void {
    this.#next.push(work);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#turnEndsAt = performance.now() + this.#turnMs;
    this.#step();
  };

  /** One slice, then what it caused, then the next one. */
  readonly #step = (): void => {
    const work = this.#take();
    if (work === undefined) {
      this.#isScheduled = false;
      return;
    }
    // Socket.IO calls handlers in the next tick. A microtask runs after all ticks, and the tick that it adds after all microtasks.
    // Before the slice, so that the others go on if it throws.
    queueMicrotask(this.#afterMicrotasks);
    this.#act(work);
  };

  #act(work: SlicedWork): void {
    let wait = DONE;
    try {
      wait = work.slice();
    } finally {
      // Unless its own slice has removed it.
      if (this.#known.has(work)) this.#settle(work, wait);
    }
  }

  #settle(work: SlicedWork, wait: number): void {
    if (wait === DONE) this.#known.delete(work);
    else if (wait > 0) this.#sleep(work, wait);
    else this.#next.push(work);
  }

  readonly #afterMicrotasks = (): void => {
    process.nextTick(this.#goOn);
  };

  readonly #goOn = (): void => {
    if (performance.now() < this.#turnEndsAt) this.#step();
    else setImmediate(this.#begin);
  };

  #take(): SlicedWork | undefined {
    for (;;) {
      const work = this.#waiting.pop();
      if (work === undefined) {
        if (this.#next.length === 0) return undefined;
        // `pop` is fast, so the round is reversed.
        this.#waiting = this.#next.reverse();
        this.#next = [];
      } else if (this.#known.has(work) && !this.#sleeping.has(work)) return work;
    }
  }

  #sleep(work: SlicedWork, ms: number): void {
    this.#sleeping.set(work, performance.now() + ms);
    this.#alarm ??= setInterval(this.#wake, WAKE_EVERY_MS);
  }

  readonly #wake = (): void => {
    const now = performance.now();
    for (const [work, at] of this.#sleeping) {
      if (at > now) continue;
      this.#sleeping.delete(work);
      this.#queue(work);
    }
    if (this.#sleeping.size > 0) return;
    clearInterval(this.#alarm);
    this.#alarm = undefined;
  };
}
