/** Milliseconds between two clients that are told to reconnect: 200 of them a second. A new connection costs about 1 ms of CPU. */
const SPACING_MS = 5;
/** The longest time that a client is kept away. Clients of Roomgate wait no longer, whatever they are told. */
const LONGEST_MS = 60_000;

/**
 * Tells clients when to reconnect, each at its own time, so that their number per second does not depend on how many they are. Clients
 * add a random time of their own.
 */
export class ReturnSchedule {
  #last = Number.NEGATIVE_INFINITY;

  /** Milliseconds until the next free time, which is at least `leastMs` from now. */
  next(now: number, leastMs: number): number {
    const time = Math.max(now + leastMs, this.#last + SPACING_MS);
    // Too many clients to give each its own time.
    if (time - now > LONGEST_MS) return Math.round(LONGEST_MS * (0.5 + Math.random() / 2));
    this.#last = time;
    return Math.round(time - now);
  }
}
