import type { LogLines } from '../ports/reports.js';
import { errorStack } from './error-text.js';

/**
 * A callback or a listener of the program threw or rejected. The library caught it, and no other client is affected.
 */
export interface HandlerFailed {
  readonly type: 'handler_failed';
  /** The name of the callback, such as `clientConnectedFn` or `a listener of a socket`. */
  readonly where: string;
  /** The id of the socket; left out if the callback belongs to no client. */
  readonly client?: string;
  /** The topic of the event, if it was a handler or listener of one event. */
  readonly topic?: string;
  /** The error that it threw. */
  readonly error: unknown;
}

/** An option of the program has no effect. Once for each option. */
export interface OptionIgnored {
  readonly type: 'option_ignored';
  /** Its name, such as `serverOptions.adapter`. */
  readonly option: string;
  readonly reason: string;
}

/** A time in milliseconds is so short that it was probably meant in seconds. It is used as it is. Once for each option. */
export interface OptionUnusual {
  readonly type: 'option_unusual';
  /** Its name, such as `authenticateTimeout`. */
  readonly option: string;
  readonly ms: number;
}

/** `send()` with `doLog` passed a message to Socket.IO. */
export interface MessageSent {
  readonly type: 'message_sent';
  readonly topic: string;
  /** The rooms and socket ids, separated by commas, or `every client`. */
  readonly destination: string;
}

/** `send()` was called after `shutdown()` began, so the message is not sent. */
export interface MessageDropped {
  readonly type: 'message_dropped';
  /** Empty if the message had none. */
  readonly topic: string;
}

/** A client read too slowly, and its queue exceeded `limits.queuedBytes`. Its connection was closed. */
export interface ClientTooSlow {
  readonly type: 'client_too_slow';
  /** The id of the socket; left out for a client that is only in a namespace without authentication. */
  readonly client?: string;
  /** Bytes that the client had not read. */
  readonly queuedBytes: number;
}

/**
 * A limit of this instance was reached, so the connection of `client` was closed. The client may reconnect. The folder that enforces
 * a limit declares its name.
 */
export interface LimitReached<Limit extends string = string> {
  readonly type: 'limit_reached';
  /** The id of the socket that was closed, or of the connection while it has no socket. */
  readonly client: string;
  readonly limit: Limit;
}

/** Reports of more than one feature. */
export type SharedReport = HandlerFailed | OptionIgnored | OptionUnusual | MessageSent | MessageDropped | ClientTooSlow;

export const SHARED_LINES: LogLines<SharedReport | LimitReached> = {
  handler_failed: [
    'error',
    (r) => `${r.where} failed${r.client === undefined ? '' : ` for client ${r.client}`}: ${errorStack(r.error)}`,
  ],
  option_ignored: ['warn', (r) => `option "${r.option}" has no effect: ${r.reason}`],
  option_unusual: [
    'warn',
    (r) => `option "${r.option}" is ${r.ms} ms, which is very short; for ${r.ms} s write ${r.ms}000`,
  ],
  limit_reached: ['info', (r) => `closed client ${r.client}: reached the limit ${r.limit}; it may reconnect`],
  message_sent: ['info', (r) => `sent "${r.topic}" to ${r.destination}`, 'requested'],
  message_dropped: ['warn', (r) => `send(): dropped "${r.topic}", because the instance is shutting down`],
  client_too_slow: [
    'warn',
    (r) =>
      `closed ${r.client === undefined ? 'a client' : `client ${r.client}`}: it reads too slowly, ${r.queuedBytes} bytes were queued; ` +
      'it may reconnect',
  ],
};
