import { Penalties } from '../limits/penalties.js';
import { SHARED_SECONDS, SharedCount } from '../limits/shared-count.js';
import { UserRates } from '../limits/user-rates.js';
import type { Backplane } from '../ports/backplane.js';
import type { Reporter } from '../ports/reports.js';
import type { Report } from './reports.js';
import type { ResolvedBaseOptions } from './resolve-options.js';

/** The limits of users. */
export interface UserLimits {
  readonly penalties: Penalties;
  /** Undefined if users may send any number of messages. */
  readonly rates: UserRates | undefined;
  close(): void;
}

export interface UserLimitsOptions {
  readonly options: ResolvedBaseOptions;
  readonly backplane: Backplane;
  readonly report: Reporter<Report>;
}

/** The backplane must be open. */
export async function createUserLimits(given: UserLimitsOptions): Promise<UserLimits> {
  const { options, backplane, report } = given;
  const { messagesPerUser, messagesPerUserOfAll } = options.limits;
  const penalties = new Penalties();
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
  return { penalties, rates, close };
}
