import { errorMessage } from '../observability/error-text.js';
import type { HandlerFailed } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

/** Counts of messages for other instances that were sent while Redis was unreachable. */
interface Undelivered {
  /** Messages that other instances never got, because the queue was full or they were too old. */
  readonly dropped: number;
  /** Messages that were written but not answered. Other instances may have got them or not. */
  readonly uncertain: number;
}

/** The reports of one connection to Redis. */
type OneConnectionReport =
  /** A connection to Redis was lost, or does not answer. Local delivery continues, and the library reconnects. Once an outage. */
  | {
      readonly type: 'backplane_disconnected';
      /** `publisher`, `subscriber` or `emitter`. */
      readonly connection: string;
      /** The cause, if it is known. */
      readonly error?: unknown;
    }
  /** An attempt to reconnect failed. Once for each reason in an outage, not for each attempt. */
  | {
      readonly type: 'backplane_reconnect_failed';
      readonly connection: string;
      /** Milliseconds since the connection was lost. */
      readonly afterMs: number;
      readonly error: unknown;
    }
  /** The connection is back. */
  | (Undelivered & {
      readonly type: 'backplane_reconnected';
      readonly connection: string;
      /** Milliseconds since the connection was lost. */
      readonly afterMs: number;
    })
  /** The instance shut down while messages for other instances were queued. */
  | (Undelivered & { readonly type: 'backplane_messages_undelivered'; readonly connection: string });

/** The reports of a Redis: one outage is reported once, however many connections it takes down. */
type OneRedisReport =
  /** `configure()` has waited for Redis for 2 s. Once for each cause. */
  | {
      readonly type: 'backplane_waiting';
      /** The address of Redis. */
      readonly redis: string;
      /** Milliseconds since `configure()` began to wait. */
      readonly afterMs: number;
      /** Milliseconds after which `configure()` rejects: `redisTimeout`. */
      readonly timeoutMs: number;
      /** The current cause, if it is known. */
      readonly error?: unknown;
    }
  /** An outage began: Redis is unreachable for at least one connection. */
  | {
      readonly type: 'backplane_outage_began';
      /** The address of Redis. */
      readonly redis: string;
      /** The connections that were lost so far: `publisher`, `subscriber`, `emitter`. */
      readonly connections: readonly string[];
      readonly error: unknown;
    }
  /** Redis is still unreachable, for another cause. Once for each cause in an outage. */
  | {
      readonly type: 'backplane_outage_continues';
      /** The address of Redis. */
      readonly redis: string;
      /** Milliseconds since the outage began. */
      readonly afterMs: number;
      readonly error: unknown;
    }
  /** All connections are back. */
  | (Undelivered & {
      readonly type: 'backplane_outage_ended';
      /** The address of Redis. */
      readonly redis: string;
      /** The connections that were lost. */
      readonly connections: readonly string[];
      /** Milliseconds from the first loss to the last return. */
      readonly afterMs: number;
    })
  /** Redis refused a command, a channel or a key, by its ACL or as a read-only replica. Once each. */
  | {
      readonly type: 'backplane_command_refused';
      /** The command, for subscriptions with their channels. */
      readonly command: string;
      /** The consequence, as a sentence. */
      readonly consequence: string;
      readonly error: unknown;
    };

/** The reports of connections to Redis. */
export type ConnectionReport = OneConnectionReport | OneRedisReport;

type OwnReport =
  | ConnectionReport
  /** The count of broadcasts of other instances that did not arrive here. After each outage of the subscriber, and after each loss. */
  | {
      readonly type: 'backplane_messages_missed';
      /** The least number of them. */
      readonly atLeast: number;
      /** Living instances that do not announce how many they sent, such as those of version 0.1. */
      readonly uncountedInstances: number;
    }
  /** The subscriber was connected but received nothing, not even its own probes. Its connection was replaced. */
  | {
      readonly type: 'backplane_subscription_replaced';
      /** Milliseconds without a message. */
      readonly silentMs: number;
    }
  /** Messages arrived that no Socket.IO server sends. They were ignored. At most one report in 10 s for each channel. */
  | {
      readonly type: 'backplane_messages_rejected';
      /** The kind of the channel, such as `broadcast` or `request`. */
      readonly channel: string;
      /** The reason why the latest one was ignored. */
      readonly reason: string;
      /** The number of them since the last such report. */
      readonly count: number;
    }
  /** Redis grants a subscription that it refused before. */
  | {
      readonly type: 'backplane_command_allowed';
      /** The command with its channels. */
      readonly command: string;
      /** Milliseconds since it was refused. */
      readonly afterMs: number;
    };

/** The reports of `backplane/`. */
export type BackplaneReport = OwnReport | HandlerFailed;

const NO_DELIVERY = 'messages for other instances';

const ONE_CONNECTION_LINES: LogLines<OneConnectionReport> = {
  backplane_disconnected: [
    'debug',
    (r) =>
      `the ${r.connection} lost its connection to Redis${r.error === undefined ? '' : `: ${cause(r.error)}`}; it reconnects`,
  ],
  backplane_reconnect_failed: [
    'debug',
    (r) =>
      `the ${r.connection} can't reconnect to Redis after ${seconds(r.afterMs)}: ${cause(r.error)}; it tries again`,
  ],
  backplane_reconnected: [
    'debug',
    (r) => `the ${r.connection} is connected to Redis again after ${seconds(r.afterMs)}; ${undelivered(r)}`,
  ],
  backplane_messages_undelivered: [
    'warn',
    (r) => `the ${r.connection} ended while Redis was unreachable; ${undelivered(r)}`,
  ],
};

export const CONNECTION_LINES: LogLines<ConnectionReport> = {
  ...ONE_CONNECTION_LINES,
  backplane_waiting: [
    'warn',
    (r) =>
      `configure() waits for Redis at ${r.redis}: ${r.error === undefined ? 'no answer yet' : cause(r.error)}; ` +
      `it tries again, and gives up ${seconds(r.timeoutMs)} after the call`,
  ],
  backplane_outage_began: [
    'warn',
    (r) =>
      `lost connection to Redis at ${r.redis} (${r.connections.join(', ')}): ${cause(r.error)}; ` +
      `${consequence(r.connections)}; reconnecting`,
  ],
  backplane_outage_continues: [
    'warn',
    (r) => `Redis at ${r.redis} is still unreachable after ${seconds(r.afterMs)}: ${cause(r.error)}; reconnecting`,
  ],
  backplane_outage_ended: [
    'warn',
    (r) =>
      `Redis at ${r.redis} is back after ${seconds(r.afterMs)} (${r.connections.join(', ')})` +
      (sends(r.connections) ? `; ${undelivered(r)}` : '') +
      (r.connections.includes('subscriber') ? '; lost messages from other instances are counted for 15 s' : ''),
  ],
  backplane_command_refused: ['warn', (r) => `Redis refused ${r.command}: ${cause(r.error)}; ${r.consequence}`],
};

export const BACKPLANE_LINES: LogLines<OwnReport> = {
  ...CONNECTION_LINES,
  backplane_messages_missed: ['warn', missed],
  backplane_subscription_replaced: [
    'debug',
    (r) => `the subscriber received nothing for ${seconds(r.silentMs)}; its connection is replaced`,
  ],
  backplane_messages_rejected: [
    'warn',
    (r) => `ignored ${r.count} malformed messages from Redis on a ${r.channel} channel; the latest: ${r.reason}`,
  ],
  backplane_command_allowed: ['warn', (r) => `Redis grants ${r.command} again after ${seconds(r.afterMs)}`],
};

/** The consequences of an outage of these connections. */
function consequence(connections: readonly string[]): string {
  const isServer = connections.some((connection) => connection !== 'emitter');
  return [
    ...(isServer ? ['clients of this instance still get its messages'] : []),
    ...(sends(connections) ? [`${NO_DELIVERY} are queued for up to 30 s`] : []),
    ...(connections.includes('subscriber') ? ['messages from other instances do not arrive here'] : []),
  ].join(', ');
}

/** Whether one of these connections carries messages for other instances. */
function sends(connections: readonly string[]): boolean {
  return connections.some((connection) => connection !== 'subscriber');
}

function undelivered({ dropped, uncertain }: Undelivered): string {
  return `${NO_DELIVERY} that were lost: ${dropped}, possibly lost: ${uncertain}`;
}

/** No line if none is missing: the end of the outage has a line already. */
function missed({ atLeast, uncountedInstances }: { readonly atLeast: number; readonly uncountedInstances: number }) {
  if (atLeast === 0 && uncountedInstances === 0) return undefined;
  const uncounted = `; ${uncountedInstances} instances do not count theirs`;
  return `messages from other instances that were lost: at least ${atLeast}${uncountedInstances === 0 ? '' : uncounted}`;
}

/** The message of an error, without its full stop. */
function cause(error: unknown): string {
  return errorMessage(error).replace(/\.$/, '');
}

function seconds(ms: number): string {
  return `${Number((ms / 1_000).toFixed(1))} s`;
}
