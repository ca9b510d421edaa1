import { Penalties } from '../limits/penalties.js';
import { SHARED_SECONDS, SharedCount } from '../limits/shared-count.js';
import { FAILURE_SECONDS, SharedFailures } from '../limits/shared-failures.js';
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
  /** Undefined unless the program names the keys of authentications. */
  readonly failures: SharedFailures | undefined;
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
  const failures = await createSharedFailures(given);
  const isLimited = shared !== undefined || Number.isFinite(messagesPerUser);
  const rates = isLimited ? new UserRates({ messagesPerUser, tell: shared?.tell, report }) : undefined;
  const close = (): void => {
    shared?.close();
    failures?.close();
    rates?.close();
  };
  return { penalties, rates, failures, close };
}

async function createSharedFailures({
  options: { authenticationKey, limits },
  backplane,
  report,
}: UserLimitsOptions): Promise<SharedFailures | undefined> {
  const most = limits.failedAuthentications;
  if (authenticationKey === undefined || !Number.isFinite(most)) return undefined;
  const name = 'failed_authentications';
  const rate = await backplane.createRate({ name, points: Math.max(1, most - 1), seconds: FAILURE_SECONDS });
  return new SharedFailures({ rate, report });
}
