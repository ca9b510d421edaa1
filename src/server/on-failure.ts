import { isRecord, wrongOption } from '../common/checks.js';
import { checkNames } from '../common/known-options.js';
import { RoomgateError } from '../protocol/errors.js';

/** The option `onFailure` with all defaults. */
export interface OnFailure {
  readonly connected: 'disconnect' | 'keep';
}

/** @throws RoomgateError `invalid_option` */
export function checkOnFailure(of: string, value: unknown): OnFailure {
  if (value === undefined) return { connected: 'disconnect' };
  if (!isRecord(value)) throw wrongOption(of, 'onFailure', 'an object such as { connected: "keep" }', value);
  const [unknown] = checkNames(of, value, ['connected'], 'onFailure');
  if (unknown !== undefined) {
    throw new RoomgateError(
      'invalid_option',
      `${of}: option "${unknown}" does not exist. "onFailure" takes "connected".`,
    );
  }
  const { connected = 'disconnect' } = value;
  if (connected === 'disconnect' || connected === 'keep') return { connected };
  throw wrongOption(of, 'onFailure.connected', '"disconnect" or "keep"', connected);
}
