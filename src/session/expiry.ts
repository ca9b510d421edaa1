import { Heap } from './expiry-heap.js';

/** Milliseconds. Without traffic, a clock that was moved is noticed this late at most. */
const LONGEST_SLEEP_MS = 50;

/** Milliseconds by which an item ends early, because what follows a check takes time too, such as a write to its socket. */
const MARGIN_MS = 2;

/** Whether an item that ends at this moment, in milliseconds since 1970, has ended. */
export function isPast(endsAt: number): boolean {
  return endsAt - MARGIN_MS <= Date.now();
}

/** An item with its end by both clocks, and its places in both heaps. */
interface Entry<T> {
  readonly item: T;
  /** By the wall clock, in milliseconds since 1970. */
  readonly wall: number;
  /** By the monotonic clock. */
  readonly monotonic: number;
  atWall: number;
  atMonotonic: number;
}

/**
 * Items that end at a time, such as clients whose access expires. An item has ended once the wall clock or the monotonic clock says
 * so: a wall clock that is set back prolongs nothing, and one that is set forward, or a machine that slept, ends what is over. Timers
 * may be late, so `sweep()` is called wherever an item is used.
 */
export class Expiries<T> {
  readonly #ended: (item: T) => void;
  readonly #entries = new Map<T, Entry<T>>();
  readonly #byWall = new Heap<Entry<T>>(
    ({ wall }) => wall,
    ({ atWall }) => atWall,
    (entry, at) => {
      entry.atWall = at;
    },
  );
  readonly #byMonotonic = new Heap<Entry<T>>(
    ({ monotonic }) => monotonic,
    ({ atMonotonic }) => atMonotonic,
    (entry, at) => {
      entry.atMonotonic = at;
    },
  );
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, by the monotonic clock. */
  #wakesAt = 0;

  /** `ended` is called once for each item that has ended, when it is not held anymore. It must not throw. */
  constructor(ended: (item: T) => void) {
    this.#ended = ended;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Sets the end of an item, in milliseconds since 1970, in place of an earlier one. */
  add(item: T, endsAt: number): void {
    const before = this.#entries.get(item);
    this.#remove(item);
    const wall = endsAt - MARGIN_MS;
    // If the clock was set back since then, an end that is no later must not prolong what is left.
    const most = before !== undefined && wall <= before.wall ? before.monotonic : Number.POSITIVE_INFINITY;
    const monotonic = Math.min(most, performance.now() + (wall - Date.now()));
    const entry: Entry<T> = { item, wall, monotonic, atWall: 0, atMonotonic: 0 };
    this.#entries.set(item, entry);
    this.#byWall.add(entry);
    this.#byMonotonic.add(entry);
    this.#wake();
  }

  /** From now on the item does not end by itself. Harmless for an item that is not held. */
  remove(item: T): void {
    this.#remove(item);
    if (this.#entries.size === 0) this.#sleep();
  }

  clear(): void {
    this.#entries.clear();
    this.#byWall.clear();
    this.#byMonotonic.clear();
    this.#sleep();
  }

  /** Whether an item has ended by now, and was not passed to `ended` yet. */
  isOver(item: T): boolean {
    const entry = this.#entries.get(item);
    return entry !== undefined && (entry.wall <= Date.now() || entry.monotonic <= performance.now());
  }

  /** Ends every item whose time is over. Costs one comparison if no item is held. */
  sweep(): void {
    if (this.#entries.size > 0) this.#sweep();
  }

  #sweep(): void {
    for (;;) {
      const entry = this.#over();
      if (entry === undefined) return;
      // Removed first, because `ended` may cause another sweep.
      this.remove(entry.item);
      this.#ended(entry.item);
    }
  }

  /** The clocks are read for each item, because `ended` may take long. */
  #over(): Entry<T> | undefined {
    const { first: byWall } = this.#byWall;
    if (byWall !== undefined && byWall.wall <= Date.now()) return byWall;
    const { first: byMonotonic } = this.#byMonotonic;
    return byMonotonic !== undefined && byMonotonic.monotonic <= performance.now() ? byMonotonic : undefined;
  }

  #remove(item: T): void {
    const entry = this.#entries.get(item);
    if (entry === undefined) return;
    this.#entries.delete(item);
    this.#byWall.remove(entry);
    this.#byMonotonic.remove(entry);
  }

  /** Wakes at the next end, or earlier. */
  #wake(): void {
    const now = performance.now();
    const { first: byWall } = this.#byWall;
    const { first: byMonotonic } = this.#byMonotonic;
    if (byWall === undefined || byMonotonic === undefined) return;
    const next = Math.min(byMonotonic.monotonic - now, byWall.wall - Date.now(), LONGEST_SLEEP_MS);
    const sleepMs = Math.max(1, Math.ceil(next));
    if (this.#timer !== undefined && this.#wakesAt <= now + sleepMs) return;
    this.#sleep();
    this.#wakesAt = now + sleepMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sweep();
      this.#wake();
    }, sleepMs).unref();
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
