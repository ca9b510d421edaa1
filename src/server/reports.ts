import { BACKPLANE_LINES, type BackplaneReport } from '../backplane/reports.js';
import { shown } from '../common/log-text.js';
import { FANOUT_LINES, type FanoutReport } from '../fanout/reports.js';
import { GATE_LINES, type GateReport } from '../gate/reports.js';
import { HANDLERS_LINES, type HandlersReport } from '../handlers/reports.js';
import { INGRESS_LINES, type IngressReport } from '../ingress/reports.js';
import { LIMITS_LINES, type LimitsReport } from '../limits/reports.js';
import { errorStack } from '../observability/error-text.js';
import { type LimitReached, SHARED_LINES, type SharedReport } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';
import { ROOMS_LINES, type RoomsReport } from '../rooms/reports.js';
import { RUNTIME_LINES, type RuntimeReport } from '../runtime/reports.js';

type ServerReport =
  /** `configure()` is done. Clients can connect as soon as the HTTP server listens. */
  | {
      readonly type: 'configured';
      /** The path of the Socket.IO server. */
      readonly path: string;
      /** `node` or `bun`. */
      readonly runtime: string;
      /** Whether there is a `redisConnection`. */
      readonly redis: boolean;
      /** Where the HTTP server listens, such as `127.0.0.1:3000`; left out if it does not listen yet. */
      readonly address?: string;
    }
  /** The HTTP server started to listen after `configure()`. Not known for a server that the program starts with `Bun.serve`. */
  | {
      readonly type: 'listening';
      /** The path of the Socket.IO server. */
      readonly path: string;
      /** Where the HTTP server listens, such as `127.0.0.1:3000`. */
      readonly address: string;
    }
  /** `shutdown()` is done. */
  | {
      readonly type: 'shut_down';
      /** How many clients were connected when it began. */
      readonly clients: number;
      /** Whether `shutdownTimeout` passed, so that the remaining connections were closed by force. */
      readonly forced: boolean;
    }
  /** A step of `shutdown()` failed. The other steps continued. */
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
  /** A client has renewed its credentials on its connection, so its access lasts longer. */
  | {
      readonly type: 'client_renewed';
      /** The id of the socket. */
      readonly client: string;
    }
  /** A client was refused, or its access ended. It is disconnected. */
  | {
      readonly type: 'client_refused';
      /** The id of the socket. */
      readonly client: string;
      /** The code of its `unauthenticated` event, such as `refused` or `timeout`. */
      readonly code: string;
      /** The address of the peer. Behind a proxy it is the address of the proxy. */
      readonly address: string;
      /** With the code `timeout`: milliseconds within which it had to authenticate. */
      readonly afterMs?: number;
    }
  /** The connection of a client ended, whether it was authenticated or not. */
  | {
      readonly type: 'client_disconnected';
      /** The id of the socket. */
      readonly client: string;
      /** Socket.IO's reason of the event `disconnect`, or in a few words why this instance closed it. */
      readonly reason: string;
    }
  /** A connection was closed at the deadline of authentication, because a middleware of `io.use()` had not called `next()`. */
  | {
      readonly type: 'middleware_unanswered';
      /** The id of the connection, which has no socket yet. */
      readonly client: string;
      /** Milliseconds since the connection opened: `authenticateTimeout`. */
      readonly afterMs: number;
    }
  /** `on()` of the helper listens to an event that only sockets have. Once for each topic. */
  | { readonly type: 'handler_unreachable'; readonly topic: string }
  | LimitReached<'messages_per_second'>;

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
  | LimitsReport
  | HandlersReport
  | ServerReport;

/** The report of one type, such as `ReportOf<'client_refused'>`. */
export type ReportOf<T extends Report['type']> = Extract<Report, { readonly type: T }>;

/** Reasons of `client_disconnected` that have no log line, because the line of `client_refused` or `limit_reached` names them. */
export const END_REASONS = {
  refused: 'refused',
  late: 'not authenticated in time',
  notChecked: 'could not be authenticated',
  connectedFnFailed: 'clientConnectedFn failed',
  limited: 'limited',
  putOut: 'access ended',
} as const;
const WITHOUT_LINE: ReadonlySet<string> = new Set(Object.values(END_REASONS));

/**
 * The log lines of all reports. Errors: code of the program failed. Warnings: someone should act. Info: the instance is ready or
 * ended, and how clients are refused and end. Debug: everything else that clients do. The logger limits the lines of each kind, so
 * that no client can fill a log.
 */
export const LINES: LogLines<Report> = {
  ...SHARED_LINES,
  ...INGRESS_LINES,
  ...ROOMS_LINES,
  ...FANOUT_LINES,
  ...RUNTIME_LINES,
  ...BACKPLANE_LINES,
  ...GATE_LINES,
  ...LIMITS_LINES,
  ...HANDLERS_LINES,
  configured: [
    'info',
    (r) => {
      const how = `(${r.runtime}, ${r.redis ? 'with Redis' : 'without Redis'})`;
      return r.address === undefined
        ? `configured at ${r.path} ${how}; clients can connect once the HTTP server listens`
        : `ready at ${r.path} on ${place(r.address)} ${how}`;
    },
  ],
  listening: ['info', (r) => `ready at ${r.path} on ${place(r.address)}`],
  shut_down: [
    'info',
    (r) =>
      `shut down; clients that were connected: ${r.clients}${r.forced ? '; remaining connections were closed by force' : ''}`,
  ],
  shutdown_step_failed: [
    'error',
    (r) => `shutdown: ${r.step} failed; the other steps continued: ${errorStack(r.error)}`,
  ],
  client_connected: ['debug', (r) => `client ${r.client} connected`],
  client_authenticated: ['debug', (r) => `client ${r.client} authenticated`],
  client_renewed: ['debug', (r) => `client ${r.client} renewed its credentials`],
  client_refused: ['info', (r) => `client ${r.client} at ${shown(r.address)} was ${refusal(r)} (code: ${r.code})`],
  client_disconnected: [
    'info',
    (r) => (WITHOUT_LINE.has(r.reason) ? undefined : `client ${r.client} disconnected: ${shown(r.reason)}`),
  ],
  middleware_unanswered: [
    'warn',
    (r) => `closed connection ${r.client}: a middleware of io.use() has not called next() within ${r.afterMs} ms`,
  ],
  handler_unreachable: [
    'warn',
    ({ topic }) =>
      `on("${shown(topic)}") listens to the server, which gets no events of clients; register the handler on each socket, in ` +
      `clientConnectedFn: socket.on("${shown(topic)}", …)`,
  ],
};

function refusal({ code, afterMs }: ReportOf<'client_refused'>): string {
  if (code === 'timeout') return `refused: it did not authenticate within ${afterMs} ms`;
  return REFUSALS[code] ?? 'refused';
}

const REFUSALS: Readonly<Record<string, string>> = {
  refused: 'refused: its credentials were not accepted',
  expired: 'disconnected: its access has expired',
  user_changed: 'disconnected: it renewed its access as another user or session',
  rate_limited:
    'refused for a while: its user or its address sent too much, or too many authentications failed; it may reconnect',
  too_many_connections: 'refused: its user has too many connections; it may reconnect',
  unavailable: 'disconnected: authenticateFn or clientConnectedFn failed; it may reconnect',
};

/** An address for people: `port 3000` if the server listens on every interface. */
function place(address: string): string {
  return address.replace(/^(?:\[::\]|0\.0\.0\.0|):(?=\d+$)/, 'port ');
}
