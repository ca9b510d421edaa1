import type { IngressReport } from '../ingress/reports.js';
import type { ClientTooSlow } from '../observability/shared-reports.js';

/** The reports of `runtime/`: those of the ingress, and on Bun clients whose messages Bun dropped. It has none of its own. */
export type RuntimeReport = IngressReport | ClientTooSlow;
