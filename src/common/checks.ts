import { RoomgateError } from '../protocol/errors.js';
import { describe, fixFor } from './describe.js';
import type { ILogger } from './types.js';

/** The longest delay of a timer: with a longer one every runtime fires immediately. */
export const LONGEST_TIMER_MS = 2_147_483_647;
const LOGGER_METHODS = ['debug', 'info', 'warn', 'error'] as const;

/** The error for an option of the class or function `of`. Names the option, the expected and the given value, and the fix. */
export function wrongOption(
  of: string,
  option: string,
  wanted: string,
  given: unknown,
  description = describe(given),
  fix = fixFor(given),
): RoomgateError {
  const text = `${of}: option "${option}": expected ${wanted}, received ${description}.`;
  return new RoomgateError('invalid_option', `${text} ${fix}`.trimEnd());
}

/** The same for an argument of a method. */
export function wrongArgument(
  method: string,
  argument: string,
  wanted: string,
  given: unknown,
  fix = fixFor(given),
): RoomgateError {
  const text = `${method}(): ${argument}: expected ${wanted}, received ${describe(given)}.`;
  return new RoomgateError('invalid_argument', `${text} ${fix}`.trimEnd());
}

/** Checks that a method was called with its one object; `example` shows that. @throws RoomgateError `invalid_argument`. */
export function checkOneObject(
  method: string,
  given: unknown,
  example: string,
): asserts given is Readonly<Record<string, unknown>> {
  if (isRecord(given)) return;
  const text = `${method}(): expected one object, received ${describe(given)}. Write ${method}(${example}).`;
  throw new RoomgateError('invalid_argument', text);
}

/** Checks that a class was constructed with its one object of options. @throws RoomgateError `invalid_option`. */
export function checkOptionsObject(
  of: string,
  given: unknown,
  example: string,
): asserts given is Readonly<Record<string, unknown>> {
  if (isRecord(given) && !hasMethods(given, ['on', 'close'])) return;
  const text = `expected one object with the options, received ${describe(given)}. Write new ${of}(${example}).`;
  throw new RoomgateError('invalid_option', `${of}: ${text}`);
}

/** True for objects and functions. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null;
}

/** True for objects that are neither lists nor functions. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of an unknown value; an empty object if it has none. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

export function hasMethods<M extends string>(
  value: unknown,
  methods: readonly M[],
): value is Readonly<Record<M, (...args: unknown[]) => unknown>> {
  return isObject(value) && methods.every((method) => typeof value[method] === 'function');
}

/** Milliseconds that a timer can take, or the default. @throws RoomgateError */
export function milliseconds(of: string, option: string, value: unknown, fallback: number, least: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= least && value <= LONGEST_TIMER_MS) return value;
  throw wrongOption(of, option, `a number of milliseconds from ${least} to ${LONGEST_TIMER_MS}`, value);
}

/** A boolean, or the default. @throws RoomgateError */
export function trueOrFalse(of: string, option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw wrongOption(of, option, 'true or false', value);
  return value;
}

/** @throws RoomgateError unless it is left out or a function. */
export function checkCallback(of: string, option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw wrongOption(of, option, 'a function', value);
}

/** @throws RoomgateError unless it is left out, `false`, or has the four methods of a logger. */
export function checkLogger(of: string, logger: unknown): asserts logger is ILogger | false | undefined {
  if (logger === undefined || logger === false || hasMethods(logger, LOGGER_METHODS)) return;
  throw wrongOption(of, 'logger', 'false or an object with debug, info, warn and error', logger);
}
