import { errorMessage } from '../observability/error-text.js';
import type { HandlerFailed } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

/** Counts of messages for other instances that were sent while Redis was away. */
interface Undelivered {
  /** Messages that other instances never got, since the queue was full or they were too old. */
  readonly dropped: number;
  /** Messages that were written but not answered, so other instances may have got them or not. */
  readonly uncertain: number;
}

/** The reports of one connection to Redis. */
export type ConnectionReport =
  /** A connection to Redis was lost, or does not answer. Local delivery goes on, and the library reconnects. Once an outage. */
  | {
      readonly type: 'backplane_disconnected';
      /** `publisher`, `subscriber` or `emitter`. */
      readonly connection: string;
      /** Why, where it is known. */
      readonly error?: unknown;
    }
  /** An attempt to reconnect failed. Once an outage and reason, not once an attempt. */
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
  /** The instance shut down while messages for other instances waited. */
  | (Undelivered & { readonly type: 'backplane_messages_undelivered'; readonly connection: string })
  /** Redis refused a command, a channel or a key, by its ACL or as a read-only replica. Once each. */
  | {
      readonly type: 'backplane_command_refused';
      /** The command, for subscriptions with their channels. */
      readonly command: string;
      /** The consequence, as a sentence. */
      readonly consequence: string;
      readonly error: unknown;
    };

type OwnReport =
  | ConnectionReport
  /** Broadcasts of other instances did not arrive here. After an outage of the subscriber, and whenever a loss is found. */
  | {
      readonly type: 'backplane_messages_missed';
      /** How many, at least. */
      readonly atLeast: number;
      /** Living instances that do not tell how many they sent, such as those of version 0.1. */
      readonly uncountedInstances: number;
    }
  /** The subscriber was connected but heard nothing, not even itself. Its connection was replaced. */
  | {
      readonly type: 'backplane_subscription_replaced';
      /** Milliseconds without a message. */
      readonly silentMs: number;
    }
  /** Messages arrived that no Socket.IO server sends. They were ignored. At most one report each 10 s for a channel. */
  | {
      readonly type: 'backplane_messages_rejected';
      /** The kind of the channel, such as `broadcast` or `request`. */
      readonly channel: string;
      /** What was wrong with the latest one. */
      readonly reason: string;
      /** How many since the last such report. */
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

export const CONNECTION_LINES: LogLines<ConnectionReport> = {
  backplane_disconnected: [
    'warn',
    (r) =>
      `Redis is away (${r.connection}${r.error === undefined ? '' : `: ${errorMessage(r.error)}`}); local delivery goes on`,
  ],
  backplane_reconnect_failed: [
    'warn',
    (r) =>
      `Redis is still away (${r.connection}) after ${Math.round(r.afterMs)} ms, now for another reason: ` +
      `${errorMessage(r.error)}; Roomgate keeps trying`,
  ],
  backplane_reconnected: [
    'warn',
    (r) =>
      `Redis is back (${r.connection}) after ${Math.round(r.afterMs)} ms; ` +
      (r.connection === 'subscriber'
        ? 'messages of other instances that were missed are counted, which takes 15 s'
        : `not delivered to other instances: ${r.dropped}, uncertain: ${r.uncertain}`),
  ],
  backplane_messages_undelivered: [
    'warn',
    (r) => `ended (${r.connection}); not delivered to other instances: ${r.dropped}, uncertain: ${r.uncertain}`,
  ],
  backplane_command_refused: ['warn', (r) => `Redis refused ${r.command}: ${errorMessage(r.error)}; ${r.consequence}`],
};

export const BACKPLANE_LINES: LogLines<OwnReport> = {
  ...CONNECTION_LINES,
  backplane_messages_missed: [
    'warn',
    (r) =>
      `messages of other instances that did not arrive here: at least ${r.atLeast}` +
      (r.uncountedInstances === 0
        ? ''
        : `, and an unknown number of ${r.uncountedInstances} instances that do not count theirs`),
  ],
  backplane_subscription_replaced: [
    'warn',
    (r) => `the subscription heard nothing for ${Math.round(r.silentMs)} ms and was replaced`,
  ],
  backplane_messages_rejected: ['warn', (r) => `refused from Redis on ${r.channel}: ${r.reason}; times: ${r.count}`],
  backplane_command_allowed: ['warn', (r) => `Redis takes ${r.command} again after ${Math.round(r.afterMs)} ms`],
};
