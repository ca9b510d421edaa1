import { hasMethods, LONGEST_TIMER_MS, wrongArgument } from '../common/checks.js';

/** Checks the argument `timeout` of a method that waits. @throws RoomgateError `invalid_argument` */
export function checkTimeout(method: string, timeout: unknown): asserts timeout is number | undefined {
  if (timeout === undefined) return;
  if (typeof timeout === 'number' && timeout >= 0 && timeout <= LONGEST_TIMER_MS) return;
  throw wrongArgument(method, 'timeout', `a number of milliseconds from 0 to ${LONGEST_TIMER_MS}`, timeout);
}

/**
 * Checks the argument `signal`. Signals of polyfills are accepted too, because React Native uses one.
 * @throws RoomgateError `invalid_argument`
 */
export function checkSignal(method: string, signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined) return;
  if (hasMethods(signal, ['addEventListener', 'removeEventListener']) && 'aborted' in signal) return;
  throw wrongArgument(method, 'signal', 'an AbortSignal', signal);
}

/** The reason of the signal, or an error of the same kind: signals of older runtimes and polyfills have none. */
export function reasonOf(method: string, signal: AbortSignal): unknown {
  if (signal.reason !== undefined) return signal.reason;
  return Object.assign(new Error(`${method}() was aborted.`), { name: 'AbortError' });
}
