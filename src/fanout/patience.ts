import { setImmediate } from 'node:timers';

/** How long a peer may be behind: what is sent in one go is more than any connection takes at once. */
export const PATIENCE_MS = 100;
/**
 * As much of it as one tick of the event loop can use up. Nothing goes out while a tick lasts, however long that is: it says
 * nothing about the peer.
 */
const PATIENCE_OF_A_TICK_MS = 50;

/** How long more has waited for a peer than may. */
export interface Lateness {
  /** In milliseconds; undefined where no more waits than may. */
  lateMs: number | undefined;
  /** When that was seen last, and in which tick of the event loop. */
  seenAt: number;
  seenIn: number;
}

/** Tells ticks of the event loop apart while something is late. */
export class Patience {
  // Taken as it is now: tests of programs put a clock of their own in its place.
  readonly #later = setImmediate;
  #tick = 0;
  #isLooking = false;

  /** Notes that more waits than may. True once that has lasted too long. */
  isOver(lateness: Lateness): boolean {
    const tick = this.#currentTick();
    const now = performance.now();
    if (lateness.lateMs === undefined) lateness.lateMs = 0;
    else if (lateness.seenIn === tick) return false;
    else lateness.lateMs += Math.min(now - lateness.seenAt, PATIENCE_OF_A_TICK_MS);
    lateness.seenAt = now;
    lateness.seenIn = tick;
    return lateness.lateMs >= PATIENCE_MS;
  }

  #currentTick(): number {
    if (!this.#isLooking) {
      this.#isLooking = true;
      this.#later(() => {
        this.#isLooking = false;
        this.#tick++;
      });
    }
    return this.#tick;
  }
}
