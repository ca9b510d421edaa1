// Taken as they are now: tests of programs put a clock of their own in their place.
import { setImmediate, setTimeout } from 'node:timers';

/**
 * Bun 1.2 lets an immediate wait, for a second, that another one asked for while nothing else happens; 1.4 does not. Up to
 * there a timer looks after it: whoever comes second finds nothing to do.
 */
const WAITS = isOlder(process.versions.bun, 1, 4);

/**
 * Calls when all has happened that the event loop had at hand, since events that came in together are answered together; or
 * after so many whole milliseconds, of which timers know no parts.
 */
export function endOfTick(flush: () => void, restMs: number): void {
  if (restMs >= 1) {
    setTimeout(flush, Math.ceil(restMs));
    return;
  }
  setImmediate(flush);
  if (WAITS) setTimeout(flush, 0);
}

function isOlder(version: string | undefined, major: number, minor: number): boolean {
  if (version === undefined) return false;
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
