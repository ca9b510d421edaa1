import type { EventDropped } from '../ingress/reports.js';
import { errorMessage, errorStack } from '../observability/error-text.js';
import type { HandlerFailed, LimitReached, OptionIgnored } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /** `authenticateFn` threw or rejected. A client that is still connected received `unavailable`. */
  | {
      readonly type: 'authenticate_fn_failed';
      /** The id of the socket. */
      readonly client: string;
      /** The error that it threw. */
      readonly error: unknown;
    }
  /** `authenticateFn` threw an error about a bad credential of the client. The client was refused. */
  | {
      readonly type: 'credential_rejected';
      /** The id of the socket. */
      readonly client: string;
      /** The error that it threw. */
      readonly error: unknown;
    }
  /** `authenticateFn` returned something else than `true`, `false`, a valid identity or a valid refusal. The client was refused. */
  | {
      readonly type: 'authenticate_fn_result_invalid';
      /** The id of the socket. */
      readonly client: string;
      /** The kind of the returned value, such as `a string`. */
      readonly received: string;
      /** What is wrong with the returned object. */
      readonly problem?: string;
    }
  /** `authenticateFn` had not settled when `authenticateTimeout` passed. The client was refused. */
  | {
      readonly type: 'authenticate_fn_unanswered';
      /** The id of the socket. */
      readonly client: string;
      /** Milliseconds since the connection opened: `authenticateTimeout`. */
      readonly afterMs: number;
    }
  /** `clientConnectedFn` took too long. The held events were delivered to the handlers that were registered at that time. */
  | {
      readonly type: 'client_connected_fn_slow';
      /** The id of the socket. */
      readonly client: string;
      /** How many events were held. */
      readonly events: number;
      /** Milliseconds that they were held. */
      readonly afterMs: number;
    }
  /** An answer to `fetchSockets()` of another instance was dropped, because too many answers were queued. That call times out. */
  | { readonly type: 'fetch_sockets_answer_dropped' }
  /** The option `cors` names no origin, so the `cors` package allows every page. Once per instance. */
  | {
      readonly type: 'every_origin_allowed';
      /** The option that names allowed origins. */
      readonly option: string;
    }
  /** A page was refused, because it is of another origin, which the option `cors` does not allow. */
  | {
      readonly type: 'origin_refused';
      /** The header `Origin` as the client sent it, cut to a bounded length. */
      readonly origin: string;
      /** The header `Host`, likewise. */
      readonly host: string;
      /** The option that names allowed origins: `serverOptions.cors.origin`, or `cors.origin` of a component. */
      readonly option: string;
    };

/** The client reached `limits.heldEvents` or `limits.heldBytes`. */
type HeldLimit = 'held_events';

/** The reports of `gate/`. */
export type GateReport = OwnReport | EventDropped | LimitReached<HeldLimit> | HandlerFailed | OptionIgnored;

/** The usual cause of an undefined result. */
function returnIn({ received }: { readonly received: string }): string {
  return received === 'undefined' ? ' (does the function lack a "return"?)' : '';
}

export const GATE_LINES: LogLines<OwnReport> = {
  authenticate_fn_failed: ['error', (r) => `authenticateFn failed for client ${r.client}: ${errorStack(r.error)}`],
  // A client can cause it at will.
  credential_rejected: [
    'debug',
    (r) => `authenticateFn rejected the credential of client ${r.client}: ${errorMessage(r.error)}`,
  ],
  authenticate_fn_result_invalid: [
    'warn',
    (r) =>
      r.problem === undefined
        ? `authenticateFn: expected true, false, an identity or a refusal, received ${r.received}${returnIn(r)}; client ${r.client} was refused`
        : `authenticateFn returned an invalid object: ${r.problem}; client ${r.client} was refused`,
  ],
  authenticate_fn_unanswered: [
    'warn',
    (r) => `authenticateFn has not settled within ${r.afterMs} ms for client ${r.client}, so the client was refused`,
  ],
  client_connected_fn_slow: [
    'warn',
    (r) =>
      `clientConnectedFn for client ${r.client} has not settled within ${r.afterMs} ms; ` +
      `${r.events} held events are delivered now, to the handlers that are registered`,
  ],
  fetch_sockets_answer_dropped: [
    'warn',
    () =>
      'dropped an answer to fetchSockets() of another instance, because more than 32 MB of answers are queued; ' +
      'call fetchSockets() less often',
  ],
  every_origin_allowed: [
    'warn',
    (r) =>
      `option "${r.option}" is not set, so pages of every origin may connect. Set it to a list such as ` +
      '["https://app.example"], or to "*" to allow every page',
  ],
  origin_refused: [
    'warn',
    (r) =>
      `a page of ${JSON.stringify(r.origin)} was refused at ${JSON.stringify(r.host)}. If it is a page of this server, ` +
      'let the proxy pass the Host header on, as "proxy_set_header Host $http_host" of nginx does. ' +
      `If it is another page of yours, add its origin to ${r.option}`,
  ],
};
