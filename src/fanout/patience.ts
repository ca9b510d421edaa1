import { setImmediate } from 'node:timers';

/** How long a peer may exceed its budget: one burst can be more than any connection takes at once. */
export const PATIENCE_MS = 100;
/**
 * The most of that time that one tick of the event loop can use. Nothing is sent during a tick, so a long tick does not mean
 * that the peer is slow.
 */
const PATIENCE_OF_A_TICK_MS = 50;

/** How long a peer has exceeded its budget. */
export interface Lateness {
  /** Milliseconds; undefined while the peer is within its budget. */
  lateMs: number | undefined;
  /** The time of the last check. `seenIn`: the tick of the event loop of that check. */
  seenAt: number;
  seenIn: number;
}

/** Measures how long peers exceed their budgets, in ticks of the event loop. */
export class Patience {
  // Kept from the import, so that the fake clocks of programs' tests do not replace it.
  readonly #later = setImmediate;
  #tick = 0;
  #isLooking = false;

  /** Notes that a peer exceeds its budget now. Returns true once that has lasted too long. */
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
