import { isCode, isOwnCode, RoomgateError } from '../protocol/errors.js';
import { wrongArgument } from './checks.js';
import { shown } from './log-text.js';

/** What a code of a program looks like. */
export const CODE_FORM = 'up to 64 lower-case letters, digits and "_", the first one a letter';

/** The codes with which a handler of a program may answer. @throws RoomgateError `invalid_argument`. */
export function programCodes(method: string, argument: string, errors: unknown): string[] {
  if (!Array.isArray(errors)) throw wrongArgument(method, argument, 'an array of codes', errors);
  return errors.map((code: unknown) => {
    if (!isCode(code)) {
      const given = typeof code === 'string' ? `"${shown(code)}" is not one.` : '';
      throw wrongArgument(method, argument, `codes of ${CODE_FORM}`, code, given);
    }
    if (!isOwnCode(code)) return code;
    const text = `${method}(): ${argument}: "${code}" is a code of the library. Choose another one.`;
    throw new RoomgateError('invalid_argument', text);
  });
}
