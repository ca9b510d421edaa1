import { Entry } from '../limits/entry.js';
import { Penalties } from '../limits/penalties.js';
import { SHARED_SECONDS, SharedCount } from '../limits/shared-count.js';
import { UserRates } from '../limits/user-rates.js';
import type { Backplane } from '../ports/backplane.js';
import type { Reporter } from '../ports/reports.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { Report } from './reports.js';
import type { ResolvedBaseOptions } from './resolve-options.js';

/** The limits of users. */
export interface UserLimits {
  readonly penalties: Penalties;
  readonly entry: Entry;
  /** Undefined if users may send any number of messages. */
  readonly rates: UserRates | undefined;
  close(): void;
}

export interface UserLimitsOptions {
  readonly options: ResolvedBaseOptions;
  readonly registry: Registry;
  readonly backplane: Backplane;
  /** The address of a client, if it is known for certain. */
  readonly addressOf?: (session: Session) => string | undefined;
  readonly report: Reporter<Report>;
}

/** The backplane must be open. */
export async function createUserLimits(given: UserLimitsOptions): Promise<UserLimits> {
  const { options, registry, backplane, addressOf, report } = given;
  const { limits } = options;
  const { messagesPerUser, messagesPerUserOfAll } = limits;
  const penalties = new Penalties();
  const entry = new Entry({ limits, penalties, countOf: registry.countOf, addressOf, report });
  const shared = Number.isFinite(messagesPerUserOfAll)
    ? new SharedCount({
        rate: await backplane.createRate({
          name: 'messages_per_user',
          points: messagesPerUserOfAll * SHARED_SECONDS,
          seconds: SHARED_SECONDS,
        }),
        report,
      })
    : undefined;
  const isLimited = shared !== undefined || Number.isFinite(messagesPerUser);
  const rates = isLimited ? new UserRates({ messagesPerUser, tell: shared?.tell, report }) : undefined;
  const close = (): void => {
    shared?.close();
    rates?.close();
  };
  return { penalties, entry, rates, close };
}
