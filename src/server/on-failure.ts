import { isRecord, wrongOption } from '../common/checks.js';
import { checkNames } from '../common/known-options.js';
import { RoomgateError } from '../protocol/errors.js';

/** The option `onFailure` with all defaults. */
export interface OnFailure {
  readonly connected: 'disconnect' | 'keep';
  readonly guard: 'leave' | 'keep';
  readonly handler: 'report' | 'throw';
}

/** @throws RoomgateError `invalid_option` */
export function checkOnFailure(of: string, value: unknown): OnFailure {
  if (value === undefined) return { connected: 'disconnect', guard: 'leave', handler: 'report' };
  if (!isRecord(value)) throw wrongOption(of, 'onFailure', 'an object such as { connected: "keep" }', value);
  const [unknown] = checkNames(of, value, ['connected', 'guard', 'handler'], 'onFailure');
  if (unknown !== undefined) {
    throw new RoomgateError(
      'invalid_option',
      `${of}: option "${unknown}" does not exist. "onFailure" takes "connected", "guard" and "handler".`,
    );
  }
  return {
    connected: oneOf(of, 'connected', value.connected, ['disconnect', 'keep']),
    guard: oneOf(of, 'guard', value.guard, ['leave', 'keep']),
    handler: oneOf(of, 'handler', value.handler, ['report', 'throw']),
  };
}

/** One of two words; the first one is the default. */
function oneOf<const A extends string, const B extends string>(
  of: string,
  name: string,
  value: unknown,
  [standard, other]: readonly [A, B],
): A | B {
  if (value === undefined || value === standard) return standard;
  if (value === other) return other;
  throw wrongOption(of, `onFailure.${name}`, `"${standard}" or "${other}"`, value);
}
