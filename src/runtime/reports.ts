import type { IngressReport } from '../ingress/reports.js';
import type { ClientTooSlow } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /** The path of this instance is `/`, so the application's own request handlers on this server get no request. Once per instance. */
  | { readonly type: 'path_takes_all' }
  /** Another Socket.IO server was attached to the HTTP server of this instance at the same path, so both answer each request. */
  | {
      readonly type: 'path_shared';
      /** The path of this instance. */
      readonly path: string;
    };

/** The reports of `runtime/`: its own, those of the ingress, and on Bun clients whose messages Bun dropped. */
export type RuntimeReport = OwnReport | IngressReport | ClientTooSlow;

export const RUNTIME_LINES: LogLines<OwnReport> = {
  path_takes_all: [
    'warn',
    () =>
      'the path "/" takes every request of this server, so handlers of your application get none; write a path such as ' +
      'serverOptions: { path: "/io" }',
  ],
  path_shared: [
    'warn',
    (r) =>
      `another Socket.IO server was attached to the HTTP server at ${r.path}: both answer each request, and a WebSocket can end ` +
      'the process; give that server another path',
  ],
};
