import type { IngressReport } from '../ingress/reports.js';
import type { ClientTooSlow } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /** Another Socket.IO server was attached to the HTTP server of this instance at the same path, so both answer each request. */
  {
    readonly type: 'path_shared';
    /** The path of this instance. */
    readonly path: string;
  };

/** The reports of `runtime/`: its own, those of the ingress, and on Bun clients whose messages Bun dropped. */
export type RuntimeReport = OwnReport | IngressReport | ClientTooSlow;

export const RUNTIME_LINES: LogLines<OwnReport> = {
  path_shared: [
    'warn',
    (r) =>
      `another Socket.IO server was attached to the HTTP server at ${r.path}: both answer each request, and a WebSocket can end ` +
      'the process; give that server another path',
  ],
};
