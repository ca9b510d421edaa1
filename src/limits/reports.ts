import type { LimitReached } from '../observability/shared-reports.js';

/** The user of the client has `limits.connectionsPerUser` connections. */
type UserLimit = 'connections_per_user';

/** The reports of `limits/`. */
export type LimitsReport = LimitReached<UserLimit>;
