import type { KnownIdentity } from '../ports/identity.js';
import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import type { ILimits } from '../protocol/limits.js';
import type { Session } from '../session/session.js';
import type { Penalized, Penalties } from './penalties.js';
import type { LimitsReport } from './reports.js';

/** Milliseconds after which a client of a user with too many connections comes back. Spread, because they may be many. */
const COME_BACK_AFTER_MS = 10_000;
const COME_BACK_WITHIN_MS = 10_000;

export interface EntryOptions {
  readonly limits: Pick<ILimits, 'connectionsPerUser' | 'refusedFor'>;
  readonly penalties: Penalties;
  /** How many clients of this user are authenticated on this instance. */
  readonly countOf: (user: string) => number;
  /** The address of a client, if it is known for certain. A proxy has one address for all of its clients. */
  readonly addressOf: ((connection: Wire) => string | undefined) | undefined;
  readonly report: Reporter<LimitsReport>;
}

/** Why a client is not taken now. It may come back after this many milliseconds. */
export interface EntryRefusal {
  readonly code: 'rate_limited' | 'too_many_connections';
  readonly after: number;
}

/** Decides whether a client that the program accepted may enter now. */
export class Entry {
  readonly #options: EntryOptions;

  constructor(options: EntryOptions) {
    this.#options = options;
  }

  /** Undefined if it may. Admit it in the same tick: of two clients for one place only one may have it. */
  refuse(session: Session, identity: KnownIdentity | undefined): EntryRefusal | undefined {
    const { penalties, limits, countOf, report } = this.#options;
    const who = this.#penalized(session, identity);
    const remainingMs = who === undefined ? 0 : penalties.remainingMs(who);
    if (remainingMs > 0) return { code: 'rate_limited', after: Math.ceil(remainingMs) };
    if (identity === undefined || countOf(identity.user) < limits.connectionsPerUser) return undefined;
    report({ type: 'limit_reached', client: session.id, limit: 'connections_per_user' });
    const after = Math.round(COME_BACK_AFTER_MS + Math.random() * COME_BACK_WITHIN_MS);
    return { code: 'too_many_connections', after };
  }

  /** The client was over a limit for too long, so it is not taken for some time. Returns that time, in milliseconds. */
  penalize(session: Session): number {
    const { penalties, limits } = this.#options;
    const who = this.#penalized(session, session.identity);
    if (who !== undefined) penalties.add(who, limits.refusedFor);
    return limits.refusedFor;
  }

  #penalized(session: Session, identity: KnownIdentity | undefined): Penalized | undefined {
    if (identity !== undefined) return { user: identity.user };
    const address = this.#options.addressOf?.(session.socket.conn);
    return address === undefined ? undefined : { address };
  }
}
