import { RoomgateError } from '../protocol/errors.js';
import { isInternalRoom } from '../protocol/events.js';
import { LONGEST_TIMER_MS, wrongArgument } from './checks.js';
import { isName, LONGEST_NAME, otherName } from './refusals.js';

// Checks that several methods share, so that the same mistake has the same words.

/** @throws RoomgateError `invalid_argument` if an object has a field that the method does not know. */
export function checkFields(method: string, given: object, known: readonly string[]): void {
  const other = otherName(given, known);
  if (other === undefined) return;
  const text = other.endsWith('?') ? other : `${other}. Expected: ${known.join(', ')}.`;
  throw new RoomgateError('invalid_argument', `${method}(): ${text}`);
}

/** The name of a user, a session or a socket. @throws RoomgateError `invalid_argument`. */
export function needName(method: string, argument: string, value: unknown, fix?: string): string {
  if (isName(value)) return value;
  throw wrongArgument(method, argument, nameOf(LONGEST_NAME), value, fix);
}

/** The name of a room that clients can be in. @throws RoomgateError `invalid_argument`. */
export function needRoom(method: string, argument: string, value: unknown, longest = LONGEST_NAME): string {
  if (typeof value === 'string' && value !== '' && value.length <= longest && !isInternalRoom(value)) return value;
  throw wrongArgument(method, argument, `${nameOf(longest)} that is not reserved for the library`, value);
}

/** Milliseconds. @throws RoomgateError `invalid_argument`. */
export function needDuration(method: string, argument: string, value: unknown, most = LONGEST_TIMER_MS): number {
  if (typeof value === 'number' && value >= 1 && value <= most) return value;
  throw wrongArgument(method, argument, `a number of milliseconds from 1 to ${most}`, value);
}

function nameOf(longest: number): string {
  return `a non-empty string of at most ${longest} characters`;
}
