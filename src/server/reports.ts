import { BACKPLANE_LINES, type BackplaneReport } from '../backplane/reports.js';
import { FANOUT_LINES, type FanoutReport } from '../fanout/reports.js';
import { GATE_LINES, type GateReport } from '../gate/reports.js';
import { INGRESS_LINES, type IngressReport } from '../ingress/reports.js';
import { errorStack } from '../observability/error-text.js';
import { SHARED_LINES, type SharedReport } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';
import { ROOMS_LINES, type RoomsReport } from '../rooms/reports.js';
import type { RuntimeReport } from '../runtime/reports.js';

type ServerReport =
  /** `configure()` is done, and clients are served. */
  | {
      readonly type: 'configured';
      /** The path of the Socket.IO server. */
      readonly path: string;
      /** `node` or `bun`. */
      readonly runtime: string;
      /** Whether there is a `redisConnection`. */
      readonly redis: boolean;
    }
  /** `shutdown()` is done. */
  | {
      readonly type: 'shut_down';
      /** How many clients were connected when it began. */
      readonly clients: number;
      /** Whether `shutdownTimeout` passed, so that the remaining connections were closed by force. */
      readonly forced: boolean;
    }
  /** A step of `shutdown()` failed. The other steps went on. */
  | {
      readonly type: 'shutdown_step_failed';
      /** The step in words. */
      readonly step: string;
      readonly error: unknown;
    }
  /** A client connected. It is not authenticated yet. */
  | {
      readonly type: 'client_connected';
      /** The id of the socket. */
      readonly client: string;
    }
  /** A client is authenticated. `clientConnectedFn` runs next. */
  | {
      readonly type: 'client_authenticated';
      /** The id of the socket. */
      readonly client: string;
    }
  /** A client was not let in. It is disconnected. */
  | {
      readonly type: 'client_refused';
      /** The id of the socket. */
      readonly client: string;
      /** The code of its `unauthenticated` event, such as `refused` or `timeout`. */
      readonly code: string;
    }
  /** The connection of a client ended, whether it was authenticated or not. */
  | {
      readonly type: 'client_disconnected';
      /** The id of the socket. */
      readonly client: string;
      /** Socket.IO's reason of the event `disconnect`, or in a few words why this instance closed it. */
      readonly reason: string;
    };

/**
 * All reports of an instance; `type` says which. The page `reports.md` of the documentation lists each one with its fields. `error` is
 * an error of the program's own code, or one of Redis without the arguments of its command.
 */
// A feature declares its reports in its own folder; here they come together.
export type Report =
  | SharedReport
  | IngressReport
  | RoomsReport
  | FanoutReport
  | RuntimeReport
  | BackplaneReport
  | GateReport
  | ServerReport;

/** The report of one type, such as `ReportOf<'client_refused'>`. */
export type ReportOf<T extends Report['type']> = Extract<Report, { readonly type: T }>;

/**
 * The log lines of all reports. Reports that a peer can cause at will are at `debug`, so that no client can fill a log. Defects of the
 * program are warnings or errors. Events that happen once in the life of an instance are info.
 */
export const LINES: LogLines<Report> = {
  ...SHARED_LINES,
  ...INGRESS_LINES,
  ...ROOMS_LINES,
  ...FANOUT_LINES,
  ...BACKPLANE_LINES,
  ...GATE_LINES,
  configured: ['info', (r) => `ready at ${r.path} on ${r.runtime}, ${r.redis ? 'with Redis' : 'in-process'}`],
  shut_down: [
    'info',
    (r) => `shut down; clients: ${r.clients}${r.forced ? '; what had not ended in time was cut' : ''}`,
  ],
  shutdown_step_failed: ['error', (r) => `shutdown: ${r.step} failed: ${errorStack(r.error)}`],
  client_connected: ['debug', (r) => `client ${r.client} connected`],
  client_authenticated: ['debug', (r) => `client ${r.client} authenticated`],
  client_refused: ['debug', (r) => `client ${r.client} refused: ${r.code}`],
  client_disconnected: ['debug', (r) => `client ${r.client} ended: ${r.reason}`],
};
