import { isRecord } from '../common/checks.js';
import { haveSameClaims } from '../common/claims.js';
import type { KnownRefusal } from '../common/refusals.js';
import type { KnownIdentity } from '../ports/identity.js';
import type { Session } from '../session/session.js';
import { type AuthenticationRules, type AuthenticationVerdict, decideAuthentication } from './authentication.js';

/** Milliseconds from the begin of one renewal to that of the next one of the same client. */
const LEAST_INTERVAL_MS = 1_000;

/** `askedAt`: when the program was asked, by `performance.now()`. `later`: the client keeps its access and should renew after this many milliseconds. `end`: its access ends now. */
export type RenewalVerdict =
  | { readonly does: 'nothing' }
  | { readonly does: 'later'; readonly after: number }
  | { readonly does: 'renew'; readonly identity: KnownIdentity; readonly askedAt: number; readonly isChanged: boolean }
  | { readonly does: 'end'; readonly code: 'refused' | 'expired' | 'user_changed' }
  | { readonly does: 'end'; readonly code: 'by_program'; readonly refusal: KnownRefusal };

const NOTHING: RenewalVerdict = { does: 'nothing' };
const END = { does: 'end' } as const;

export interface RenewalRules extends AuthenticationRules {
  /** A call that has not settled after this many milliseconds is not waited for. */
  readonly timeoutMs: number;
}

/** The latest renewal of a client. */
interface Attempt {
  readonly startedAt: number;
  isPending: boolean;
  /** Whether the client was told that a further one came too soon. */
  isTold: boolean;
}

/** Decides on clients that send `authenticate` with new credentials on a live connection, because their access expires. */
export class Renewals {
  readonly #rules: RenewalRules;
  readonly #latest = new WeakMap<Session, Attempt>();

  constructor(rules: RenewalRules) {
    this.#rules = rules;
  }

  /** `auth`: the new credentials, in place of those of the handshake, which stay as they are. */
  decide(session: Session, auth: unknown): Promise<RenewalVerdict> | RenewalVerdict {
    const { identity } = session;
    if (identity?.expiresAt === undefined || !isRecord(auth)) return NOTHING;
    const now = performance.now();
    const latest = this.#latest.get(session);
    if (latest?.isPending === true && now - latest.startedAt < this.#rules.timeoutMs) return NOTHING;
    const waitMs = latest === undefined ? 0 : Math.ceil(latest.startedAt + LEAST_INTERVAL_MS - now);
    return waitMs > 0 ? tooSoon(latest, waitMs) : this.#ask(session, auth, now);
  }

  async #ask(session: Session, auth: Readonly<Record<string, unknown>>, startedAt: number): Promise<RenewalVerdict> {
    const attempt: Attempt = { startedAt, isPending: true, isTold: false };
    this.#latest.set(session, attempt);
    const { id: client, socket } = session;
    const handshake = { ...socket.handshake, auth };
    const candidate = { client, wire: socket.conn, handshake, isAuthStripped: false, mayWait: false };
    const verdict = await decideAuthentication(candidate, this.#rules);
    attempt.isPending = false;
    // Another renewal has begun, because this one took too long.
    if (this.#latest.get(session) !== attempt) return NOTHING;
    // What was revoked meanwhile is only known for as long as a decision may take.
    const isLate = performance.now() - startedAt >= this.#rules.timeoutMs;
    if (verdict.accepted && isLate) return { does: 'later', after: this.#rules.budget.comeBackAfter() };
    return verdictOf(session, verdict, this.#rules);
  }
}

/** Answered once for each renewal, so that a client can't cause any number of messages. */
function tooSoon(latest: Attempt | undefined, after: number): RenewalVerdict {
  if (latest === undefined || latest.isTold) return NOTHING;
  latest.isTold = true;
  return { does: 'later', after };
}

function verdictOf(
  { identity: known }: Session,
  verdict: AuthenticationVerdict,
  { budget }: RenewalRules,
): RenewalVerdict {
  if (!verdict.accepted) {
    const { code } = verdict;
    if (code === 'unavailable') return { does: 'later', after: budget.comeBackAfter() };
    if (code === 'rate_limited') return { does: 'later', after: verdict.after };
    return code === 'by_program' ? { ...END, code, refusal: verdict.refusal } : { ...END, code };
  }
  if (verdict.identity === undefined) return { does: 'end', code: 'user_changed' };
  const { identity, askedAt } = verdict;
  if (identity.user !== known?.user || identity.session !== known.session) return { does: 'end', code: 'user_changed' };
  return { does: 'renew', identity, askedAt, isChanged: !haveSameClaims(known.claims, identity.claims) };
}
