import { shown } from '../common/log-text.js';
import type { EventDropped } from '../ingress/reports.js';
import { errorMessage, errorStack } from '../observability/error-text.js';
import type { HandlerFailed, LimitReached, OptionIgnored } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

/** `revoke()` was called while Redis could not be reached, and the other instances will not be told of it. */
export interface RevocationsDropped {
  readonly type: 'revocations_dropped';
  /** How many revocations. */
  readonly count: number;
  /** `too_old`: they would have ended in the ledger. `too_many`: more than 10 000 waited. `shut_down`: this instance ends. */
  readonly reason: 'too_old' | 'too_many' | 'shut_down';
}

type OwnReport =
  | RevocationsDropped
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
  /**
   * `limits.failedAuthentications` attempts failed with no success between them, so further ones wait for their turn, or are refused.
   * Once until one succeeds, or none fails for 15 minutes. For a key only the latter.
   */
  | {
      readonly type: 'authentications_limited';
      /** What they have in common: a key of `authenticationKey`, an address, or both. Neither of them is in the report. */
      readonly by: 'key' | 'address' | 'key_and_address';
      /** How many failed. */
      readonly failed: number;
    }
  /** `authenticateFn` had not settled when `authenticateTimeout` passed. The client was refused. */
  | {
      readonly type: 'authenticate_fn_unanswered';
      /** The id of the socket. */
      readonly client: string;
      /** Milliseconds since the connection opened: `authenticateTimeout`. */
      readonly afterMs: number;
    }
  /**
   * The last calls of `authenticateFn` failed, one after another: it threw, or did not settle within `authenticateTimeout`. Until calls
   * succeed, a few clients are tried, and the others receive `unavailable` without a call. Once an outage.
   */
  | {
      readonly type: 'authentication_outage_began';
      /** How many calls have failed in a row. */
      readonly failed: number;
    }
  /** `authenticateFn` works again. */
  | {
      readonly type: 'authentication_outage_ended';
      /** Milliseconds since the outage began. */
      readonly afterMs: number;
      /** Calls that settled meanwhile. */
      readonly calls: number;
      /** Those of them that failed. */
      readonly failed: number;
      /** How often a client received `unavailable` without a call. */
      readonly turnedAway: number;
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
  /** A client joined a namespace other than `/`, which Roomgate does not guard. Once for each namespace. */
  | {
      readonly type: 'namespace_unguarded';
      /** The name of the namespace; the first of them for a dynamic one. */
      readonly namespace: string;
    }
  /** `revoke()` withdrew access. */
  | {
      readonly type: 'access_revoked';
      /** What was named. The name itself is not in the report. */
      readonly of: 'user' | 'session' | 'id';
      /** How many clients were ended, or put out of the room, on the instances that have confirmed it. */
      readonly ended: number;
      /** How many instances have confirmed it, this one included. */
      readonly instances: number;
      /** The ids of instances that have not; `unknown` if this instance can't reach Redis. */
      readonly unconfirmed: readonly string[];
    }
  /** This instance was without Redis for `fenceAfter`. The clients with an identity were disconnected, and no new ones are accepted. */
  | {
      readonly type: 'fenced';
      /** `fenceAfter`, in milliseconds. */
      readonly afterMs: number;
      /** How many clients were disconnected. */
      readonly clients: number;
    }
  /** After an outage, revocations may be missing. The clients with an identity reconnect, and authenticate again. */
  | {
      readonly type: 'revocations_unknown';
      /** How many connections were closed. */
      readonly clients: number;
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

/**
 * The client reached `limits.heldEvents` or `limits.heldBytes`, waited too long because of `limits.authenticationsInFlight`, or is kept
 * out because of `limits.failedAuthentications`.
 */
type GateLimit = 'held_events' | 'authentications_in_flight' | 'failed_authentications';

/** The reports of `gate/`. */
export type GateReport = OwnReport | EventDropped | LimitReached<GateLimit> | HandlerFailed | OptionIgnored;

const DROPPED_BECAUSE = {
  too_old: 'their time has passed',
  too_many: 'too many are waiting',
  shut_down: 'this instance was shut down',
} as const;

const SHARE = {
  key: 'with one key',
  address: 'from one address',
  key_and_address: 'with one key from one address',
} as const;

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
  authentications_limited: [
    'info',
    (r) =>
      `${r.failed} authentications ${SHARE[r.by]} failed, with no success between them; further ones are slowed down`,
  ],
  authenticate_fn_unanswered: [
    'warn',
    (r) => `authenticateFn has not settled within ${r.afterMs} ms for client ${r.client}, so the client was refused`,
  ],
  authentication_outage_began: [
    'warn',
    (r) =>
      `authenticateFn failed ${r.failed} times in a row, so it is called for a few clients only until it works again; ` +
      'the others are told to reconnect later',
  ],
  authentication_outage_ended: [
    'info',
    (r) =>
      `authenticateFn works again after ${r.afterMs} ms; meanwhile ${r.failed} of ${r.calls} calls failed, ` +
      `and clients were told ${r.turnedAway} times to reconnect without a call`,
  ],
  client_connected_fn_slow: [
    'warn',
    (r) =>
      `clientConnectedFn for client ${r.client} has not settled within ${r.afterMs} ms; ` +
      `${r.events} held events are delivered now, to the handlers that are registered`,
  ],
  namespace_unguarded: [
    'info',
    (r) =>
      `a client joined the namespace ${shown(r.namespace)}; only the namespace "/" is guarded: there your program authenticates clients ` +
      'and guards rooms itself',
  ],
  access_revoked: [
    'info',
    ({ of, ended, unconfirmed: missing, instances }) =>
      `revoked the access of a ${of === 'id' ? 'client' : of}: ${ended} clients ended on ${instances} instances` +
      (missing.length === 0 ? '' : `; not confirmed by ${missing.map(shown).join(', ')}`),
  ],
  fenced: [
    'warn',
    (r) =>
      `Redis could not be reached for ${r.afterMs} ms (fenceAfter); disconnected ${r.clients} clients with an identity, and accepts ` +
      'no new ones until Redis is back',
  ],
  revocations_unknown: [
    'warn',
    (r) =>
      `after an outage of Redis, revocations may be missing; closed ${r.clients} connections; these clients reconnect and ` +
      'authenticate again',
  ],
  revocations_dropped: [
    'warn',
    (r) =>
      `dropped ${r.count} revocations that other instances could not be told, because Redis could not be reached: ` +
      `${DROPPED_BECAUSE[r.reason]}; call revoke() again if the access still has to end`,
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
