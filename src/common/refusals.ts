import { INTERNAL_PREFIX } from '../protocol/events.js';
import { describe } from './describe.js';
import { nearest } from './known-options.js';
import { shown } from './log-text.js';

/** The most characters of a `user`, a `session` and a code. */
export const LONGEST_NAME = 255;
/** A refusal without what says which room it is about. */
const OF_REFUSAL = ['refused', 'message', 'retry'];

/** A refusal of the program, checked. */
export interface KnownRefusal {
  readonly code: string;
  readonly message: string | undefined;
  readonly retry: boolean;
}

/** Checks a refusal of a client or a room. `own`: the codes of the library, which a program may not use. `known`: all its names. */
export function readRefusal(
  answer: Readonly<Record<string, unknown>>,
  own: object,
  known: readonly string[] = OF_REFUSAL,
): { readonly refusal: KnownRefusal } | { readonly wrong: string } {
  const other = otherName(answer, known);
  if (other !== undefined) return { wrong: other };
  const { refused: code, message, retry } = answer;
  if (!isName(code)) return { wrong: `"refused": ${NAME}, received ${describe(code)}` };
  if (Object.hasOwn(own, code) || code.startsWith(INTERNAL_PREFIX)) {
    return { wrong: `"refused": "${shown(code)}" is a code of the library; choose another one` };
  }
  if (message !== undefined && typeof message !== 'string') {
    return { wrong: `"message": expected a string, received ${describe(message)}` };
  }
  if (retry !== undefined && typeof retry !== 'boolean') {
    return { wrong: `"retry": expected true or false, received ${describe(retry)}` };
  }
  return { refusal: { code, message, retry: retry === true } };
}

/** A misspelled `expiresAt` or `until` would be an access that never ends. `otherwise`: the fix for a name that is like no known one. */
export function otherName(answer: object, known: readonly string[], otherwise?: string): string | undefined {
  const other = Object.keys(answer).find((name) => !known.includes(name));
  if (other === undefined) return undefined;
  const meant = nearest(other, known);
  const fix = meant === undefined ? otherwise : `did you mean "${meant}"?`;
  return `"${shown(other)}" does not exist${fix === undefined ? '' : `; ${fix}`}`;
}

export const NAME = `expected a non-empty string of at most ${LONGEST_NAME} characters`;

export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME;
}
