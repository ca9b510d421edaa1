import { isRecord, wrongOption } from '../common/checks.js';
import { checkNames } from '../common/known-options.js';
import { RoomgateError } from '../protocol/errors.js';

/** The option `onFailure` with all defaults. */
export interface OnFailure {
  readonly connected: 'disconnect' | 'keep';
  readonly guard: 'leave' | 'keep';
}

/** @throws RoomgateError `invalid_option` */
export function checkOnFailure(of: string, value: unknown): OnFailure {
  if (value === undefined) return { connected: 'disconnect', guard: 'leave' };
  if (!isRecord(value)) throw wrongOption(of, 'onFailure', 'an object such as { connected: "keep" }', value);
  const [unknown] = checkNames(of, value, ['connected', 'guard'], 'onFailure');
  if (unknown !== undefined) {
    throw new RoomgateError(
      'invalid_option',
      `${of}: option "${unknown}" does not exist. "onFailure" takes "connected" and "guard".`,
    );
  }
  return {
    connected: oneOf(of, 'connected', value.connected, 'disconnect'),
    guard: oneOf(of, 'guard', value.guard, 'leave'),
  };
}

/** `keep`, or the default. */
function oneOf<const D extends string>(of: string, name: string, value: unknown, standard: D): D | 'keep' {
  if (value === undefined || value === standard) return standard;
  if (value === 'keep') return value;
  throw wrongOption(of, `onFailure.${name}`, `"${standard}" or "keep"`, value);
}
