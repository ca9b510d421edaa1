import { isRecord } from '../common/checks.js';
import { deeperThan } from '../common/depth.js';
import { describe } from '../common/describe.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import type { KnownRefusal } from '../common/refusals.js';
import type { KnownIdentity } from '../ports/identity.js';
import type { AuthenticateFn, IHandshake } from '../ports/options.js';
import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import type { ILimits } from '../protocol/limits.js';
import type { AttemptOutcome } from './attempt-lane.js';
import type { AuthenticationBudget } from './authentication-budget.js';
import type { CallOutcome } from './authentication-outage.js';
import { saysCredentialIsBad } from './credential-errors.js';
import type { FailedAuthentications } from './failed-authentications.js';
import { readAnswer } from './identity.js';
import type { GateReport } from './reports.js';

/** `identity` is undefined for `true`. `unavailable`: the check failed, so the client is told to reconnect. */
export type AuthenticationVerdict =
  | { readonly accepted: true; readonly identity?: undefined }
  /** `askedAt`: when the program was asked, by `performance.now()`. */
  | { readonly accepted: true; readonly identity: KnownIdentity; readonly askedAt: number }
  | { readonly accepted: false; readonly code: 'refused' | 'unavailable' | 'expired' }
  | { readonly accepted: false; readonly code: 'by_program'; readonly refusal: KnownRefusal }
  /** Too many attempts failed before, so the program was not asked. The client may come back after this many milliseconds. */
  | { readonly accepted: false; readonly code: 'rate_limited'; readonly after: number };

const ACCEPTED: AuthenticationVerdict = { accepted: true };
const REFUSED: AuthenticationVerdict = { accepted: false, code: 'refused' };
const EXPIRED: AuthenticationVerdict = { accepted: false, code: 'expired' };
const UNAVAILABLE: AuthenticationVerdict = { accepted: false, code: 'unavailable' };

/** A client that asks to be authenticated. */
export interface Candidate {
  readonly client: string;
  readonly wire: Wire;
  readonly handshake: IHandshake;
  /** Whether its `auth` was too large, and was left out of the handshake. */
  readonly isAuthStripped: boolean;
  /** Whether it may wait for its turn after many failed attempts. Otherwise it is told to come back. */
  readonly mayWait: boolean;
}

export interface AuthenticationRules {
  readonly authenticateFn: AuthenticateFn;
  readonly limits: Pick<ILimits, 'payloadDepth'>;
  readonly budget: AuthenticationBudget;
  /** The known address of a client. */
  readonly addressOf: (wire: Wire) => string | undefined;
  /** Undefined: any number of attempts may fail. */
  readonly failures: FailedAuthentications | undefined;
  readonly report: Reporter<GateReport>;
}

/**
 * Decides on a client that sent `authenticate`. A fault of the program is reported here, because a verdict on a client that is gone is
 * dropped. Few promises on purpose: each costs time at every connection. Never rejects.
 */
export function decideAuthentication(
  candidate: Candidate,
  rules: AuthenticationRules,
): Promise<AuthenticationVerdict> | AuthenticationVerdict {
  const { client, handshake, isAuthStripped } = candidate;
  if (isAuthStripped) return REFUSED;
  // The program would get this `auth`, and so would other instances that call `fetchSockets()`.
  if (deeperThan(handshake.auth, rules.limits.payloadDepth)) {
    rules.report({ type: 'event_dropped', client, reason: 'too_deep' });
    return REFUSED;
  }
  return ask(candidate, rules);
}

/**
 * Calls `authenticateFn`, or says `rate_limited` or `unavailable` without a call. Only `true` and an identity accept the client. After an
 * error the client may reconnect, unless the error is about a bad credential.
 */
async function ask(
  { client, wire, handshake, mayWait }: Candidate,
  { authenticateFn, budget, addressOf, failures, report }: AuthenticationRules,
): Promise<AuthenticationVerdict> {
  const beginning = failures?.begin({ client, wire, auth: handshake.auth, mayWait });
  const attempt = isPromiseLike(beginning) ? await beginning : beginning;
  if (attempt !== undefined && 'after' in attempt)
    return { accepted: false, code: 'rate_limited', after: attempt.after };
  // Not the connection: a call that never settles would keep it in memory.
  const taken = budget.take(client, addressOf(wire) ?? handshake.address);
  const call = isPromiseLike(taken) ? await taken : taken;
  const askedAt = performance.now();
  let verdict = UNAVAILABLE;
  try {
    if (call !== undefined) verdict = verdictOf(await authenticateFn(handshake), client, askedAt, report);
  } catch (error) {
    const isRefusal = saysCredentialIsBad(error);
    report({ type: isRefusal ? 'credential_rejected' : 'authenticate_fn_failed', client, error });
    verdict = isRefusal ? REFUSED : UNAVAILABLE;
  }
  if (call !== undefined) budget.settle(call, outcomeOf(verdict));
  if (attempt !== undefined) failures?.settle(attempt, attemptOutcomeOf(verdict));
  return verdict;
}

/** An identity that has expired was proven. A refusal that may change by itself is not about the credential. */
function attemptOutcomeOf(verdict: AuthenticationVerdict): AttemptOutcome {
  if (verdict.accepted) return 'accepted';
  if (verdict.code === 'by_program') return verdict.refusal.retry ? 'none' : 'refused';
  return verdict.code === 'refused' ? 'refused' : 'none';
}

function outcomeOf(verdict: AuthenticationVerdict): CallOutcome {
  if (verdict.accepted) return 'accepted';
  return verdict.code === 'unavailable' ? 'failed' : 'refused';
}

function verdictOf(
  answer: unknown,
  client: string,
  askedAt: number,
  report: Reporter<GateReport>,
): AuthenticationVerdict {
  if (answer === true) return ACCEPTED;
  if (answer === false) return REFUSED;
  const now = Date.now();
  const read = readAnswer(answer, now - (performance.now() - askedAt));
  if ('identity' in read) {
    const { identity } = read;
    const hasExpired = identity.expiresAt !== undefined && identity.expiresAt <= now;
    return hasExpired ? EXPIRED : { accepted: true, identity, askedAt };
  }
  if ('refusal' in read) return { accepted: false, code: 'by_program', refusal: read.refusal };
  const problem = isRecord(answer) ? { problem: read.wrong } : {};
  report({ type: 'authenticate_fn_result_invalid', client, received: describe(answer), ...problem });
  return REFUSED;
}
