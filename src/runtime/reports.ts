import type { IngressReport } from '../ingress/reports.js';
import type { ClientTooSlow } from '../observability/shared-reports.js';

/** What `runtime/` reports: what comes through the ingress, and on Bun clients whose messages Bun dropped. It has none of its own. */
export type RuntimeReport = IngressReport | ClientTooSlow;
