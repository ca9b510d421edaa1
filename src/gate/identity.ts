import { isRecord } from '../common/checks.js';
import { describe } from '../common/describe.js';
import { isName, type KnownRefusal, NAME, otherName, readRefusal } from '../common/refusals.js';
import { readWhen } from '../common/when.js';
import type { KnownIdentity } from '../ports/identity.js';
import { UNAUTHENTICATED_ERRORS } from '../protocol/errors.js';

const OF_IDENTITY = ['user', 'session', 'issuedAt', 'expiresAt', 'claims'];
const CLAIMS = 'put what only your program reads into "claims"';

/** The checked result of `authenticateFn`. `wrong`: what is wrong with it, for a log line. */
export type Answer =
  | { readonly identity: KnownIdentity }
  | { readonly refusal: KnownRefusal }
  | { readonly wrong: string };

/** Checks an object that `authenticateFn` returned. `askedAt`: when it was called, the default of `issuedAt`. */
export function readAnswer(answer: unknown, askedAt: number): Answer {
  if (!isRecord(answer)) return { wrong: `received ${describe(answer)}` };
  return 'refused' in answer ? readRefusal(answer, UNAUTHENTICATED_ERRORS) : readIdentity(answer, askedAt);
}

function readIdentity(answer: Readonly<Record<string, unknown>>, askedAt: number): Answer {
  const other = otherName(answer, OF_IDENTITY, CLAIMS);
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
