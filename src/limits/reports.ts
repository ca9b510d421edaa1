import type { LimitReached } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

/** The user of the client has `limits.connectionsPerUser` connections. */
type EntryLimit = 'connections_per_user';

/** A limit of all instances together. */
export type SharedLimit = 'messages_per_user_of_all' | 'failed_authentications';

type OwnReport =
  /**
   * A user has sent more than a limit allows. Its events that asked for an answer are answered `rate_limited`, and the others are read
   * more slowly. Once until the user sends less for a second.
   */
  | {
      readonly type: 'user_limited';
      /** The id of the socket whose event was over the limit. */
      readonly client: string;
      readonly limit: 'messages_per_user' | 'messages_per_user_of_all';
      /** Milliseconds after which the user may send again. */
      readonly retryAfterMs: number;
    }
  /** Redis can't be reached or refuses, so this instance counts a limit of all instances by itself. Once until it counts with the others again. */
  | { readonly type: 'limit_counted_alone'; readonly limit: SharedLimit }
  /** This instance counts a limit together with the others again. */
  | {
      readonly type: 'limit_counted_together';
      readonly limit: SharedLimit;
      /** Milliseconds for which it counted alone. */
      readonly afterMs: number;
    };

/** The reports of `limits/`. */
export type LimitsReport = OwnReport | LimitReached<EntryLimit>;

export const LIMITS_LINES: LogLines<OwnReport> = {
  user_limited: [
    'info',
    (r) =>
      `the user of client ${r.client} reached the limit ${r.limit}; its events are refused or delayed for ${r.retryAfterMs} ms`,
  ],
  limit_counted_alone: [
    'warn',
    (r) =>
      `Redis does not count the limit ${r.limit}, so this instance counts it by itself: until Redis is back, each instance allows the ` +
      'full limit',
  ],
  limit_counted_together: [
    'warn',
    (r) => `the limit ${r.limit} is counted with the other instances again after ${r.afterMs} ms`,
  ],
};
