// Imported by name, so that the fake clocks of programs' tests do not replace them.
import { setImmediate, setTimeout } from 'node:timers';
import { isBunSince } from '../common/bun-version.js';

/**
 * In Bun 1.2 an immediate that another immediate scheduled can be delayed by a second if nothing else happens. Bun 1.4 has no such
 * delay. For older versions a timer calls as well, and the later one of the two finds nothing to do.
 */
const WAITS = process.versions.bun !== undefined && !isBunSince(1, 4);

/**
 * Calls `flush` at the end of this tick of the event loop, so that the answers to events that arrived together share a write.
 * With a rest of 1 ms or more it calls after that time instead, rounded up, because timers count whole milliseconds.
 */
export function endOfTick(flush: () => void, restMs: number): void {
  if (restMs >= 1) {
    setTimeout(flush, Math.ceil(restMs));
    return;
  }
  setImmediate(flush);
  if (WAITS) setTimeout(flush, 0);
}
