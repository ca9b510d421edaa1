import { isRecord } from '../common/checks.js';
import { describe } from '../common/describe.js';
import { nearest } from '../common/known-options.js';
import { shown } from '../common/log-text.js';
import { readWhen } from '../common/when.js';
import type { KnownIdentity } from '../ports/identity.js';
import { UNAUTHENTICATED_ERRORS } from '../protocol/errors.js';
import { INTERNAL_PREFIX } from '../protocol/events.js';

/** The most characters of a `user`, a `session` and a code. */
const LONGEST_NAME = 255;
const OF_IDENTITY = ['user', 'session', 'issuedAt', 'expiresAt', 'claims'];
const OF_REFUSAL = ['refused', 'message', 'retry'];

/** A refusal of the program, checked. */
export interface KnownRefusal {
  readonly code: string;
  readonly message: string | undefined;
  readonly retry: boolean;
}

/** The checked result of `authenticateFn`. `wrong`: what is wrong with it, for a log line. */
export type Answer =
  | { readonly identity: KnownIdentity }
  | { readonly refusal: KnownRefusal }
  | { readonly wrong: string };

/** Checks an object that `authenticateFn` returned. `askedAt`: when it was called, the default of `issuedAt`. */
export function readAnswer(answer: unknown, askedAt: number): Answer {
  if (!isRecord(answer)) return { wrong: `received ${describe(answer)}` };
  return 'refused' in answer ? readRefusal(answer) : readIdentity(answer, askedAt);
}

/** Checks a refusal of a client or a room. `own`: the codes of the library, which a program may not use. */
export function readRefusal(
  answer: Readonly<Record<string, unknown>>,
  own: object = UNAUTHENTICATED_ERRORS,
): { readonly refusal: KnownRefusal } | { readonly wrong: string } {
  const other = otherName(answer, OF_REFUSAL);
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

function readIdentity(answer: Readonly<Record<string, unknown>>, askedAt: number): Answer {
  const other = otherName(answer, OF_IDENTITY);
  if (other !== undefined) return { wrong: other };
  const { user, session, issuedAt, expiresAt, claims } = answer;
  if (!isName(user)) return { wrong: `"user": ${NAME}, received ${describe(user)}` };
  if (session !== undefined && !isName(session)) return { wrong: `"session": ${NAME}, received ${describe(session)}` };
  const issued = issuedAt === undefined ? askedAt : readWhen(issuedAt);
  if (typeof issued === 'string') return { wrong: `"issuedAt": ${issued}` };
  const ends = expiresAt === undefined ? undefined : readWhen(expiresAt);
  if (typeof ends === 'string') return { wrong: `"expiresAt": ${ends}` };
  // All fields at once, which takes less memory of each client than fields that are added. The claims have the type of the option.
  const identity: KnownIdentity = { user, session, issuedAt: issued, expiresAt: ends, claims: claims as unknown };
  return { identity: Object.freeze(identity) };
}

/** What to say about a name that does not exist: a misspelled `expiresAt` would be an access that never ends. */
export function otherName(answer: object, known: readonly string[]): string | undefined {
  const other = Object.keys(answer).find((name) => !known.includes(name));
  if (other === undefined) return undefined;
  const meant = nearest(other, known);
  const fix = meant === undefined ? `use one of ${known.join(', ')}` : `did you mean "${meant}"?`;
  return `"${shown(other)}" does not exist; ${fix}`;
}

const NAME = `expected a non-empty string of at most ${LONGEST_NAME} characters`;
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME;
}
