import { isRecord } from '../common/checks.js';
import { deeperThan } from '../common/depth.js';
import { describe } from '../common/describe.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import type { KnownRefusal } from '../common/refusals.js';
import type { KnownIdentity } from '../ports/identity.js';
import type { AuthenticateFn, IHandshake } from '../ports/options.js';
import type { Reporter } from '../ports/reports.js';
import type { ILimits } from '../protocol/limits.js';
import type { AuthenticationBudget } from './authentication-budget.js';
import type { CallOutcome } from './authentication-outage.js';
import { saysCredentialIsBad } from './credential-errors.js';
import { readAnswer } from './identity.js';
import type { GateReport } from './reports.js';

/** `identity` is undefined for `true`. `unavailable`: the check failed, so the client is told to reconnect. */
export type AuthenticationVerdict =
  | { readonly accepted: true; readonly identity?: undefined }
  /** `askedAt`: when the program was asked, by `performance.now()`. */
  | { readonly accepted: true; readonly identity: KnownIdentity; readonly askedAt: number }
  | { readonly accepted: false; readonly code: 'refused' | 'unavailable' | 'expired' }
  | { readonly accepted: false; readonly code: 'by_program'; readonly refusal: KnownRefusal };

const ACCEPTED: AuthenticationVerdict = { accepted: true };
const REFUSED: AuthenticationVerdict = { accepted: false, code: 'refused' };
const EXPIRED: AuthenticationVerdict = { accepted: false, code: 'expired' };
const UNAVAILABLE: AuthenticationVerdict = { accepted: false, code: 'unavailable' };

/** A client that asks to be authenticated. */
export interface Candidate {
  readonly client: string;
  readonly handshake: IHandshake;
  /** Whether its `auth` was too large, and was left out of the handshake. */
  readonly isAuthStripped: boolean;
}

export interface AuthenticationRules {
  readonly authenticateFn: AuthenticateFn;
  readonly limits: Pick<ILimits, 'payloadDepth'>;
  readonly budget: AuthenticationBudget;
  readonly report: Reporter<GateReport>;
}

/**
 * Decides on a client that sent `authenticate`. A fault of the program is reported here, because a verdict on a client that is gone is
 * dropped. Few promises on purpose: each costs time at every connection. Never rejects.
 */
export function decideAuthentication(
  { client, handshake, isAuthStripped }: Candidate,
  rules: AuthenticationRules,
): Promise<AuthenticationVerdict> | AuthenticationVerdict {
  if (isAuthStripped) return REFUSED;
  // The program would get this `auth`, and so would other instances that call `fetchSockets()`.
  if (deeperThan(handshake.auth, rules.limits.payloadDepth)) {
    rules.report({ type: 'event_dropped', client, reason: 'too_deep' });
    return REFUSED;
  }
  return ask(client, handshake, rules);
}

/**
 * Calls `authenticateFn`, or says `unavailable` without a call. Only `true` and an identity accept the client. After an error the client
 * may reconnect, unless the error is about a bad credential.
 */
async function ask(
  client: string,
  handshake: IHandshake,
  { authenticateFn, budget, report }: AuthenticationRules,
): Promise<AuthenticationVerdict> {
  const taken = budget.take(client, handshake.address);
  const call = isPromiseLike(taken) ? await taken : taken;
  if (call === undefined) return UNAVAILABLE;
  const askedAt = performance.now();
  let verdict: AuthenticationVerdict;
  try {
    verdict = verdictOf(await authenticateFn(handshake), client, askedAt, report);
  } catch (error) {
    const isRefusal = saysCredentialIsBad(error);
    report({ type: isRefusal ? 'credential_rejected' : 'authenticate_fn_failed', client, error });
    verdict = isRefusal ? REFUSED : UNAVAILABLE;
  }
  budget.settle(call, outcomeOf(verdict));
  return verdict;
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
