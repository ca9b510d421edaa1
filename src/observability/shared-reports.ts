import type { LogLines } from '../ports/reports.js';
import { errorStack } from './error-text.js';

/**
 * A callback or a listener of the program threw or rejected. The library caught it, and no other client is affected.
 */
export interface HandlerFailed {
  readonly type: 'handler_failed';
  /** The callback in words, such as `clientConnectedFn` or `a listener of a socket`. */
  readonly where: string;
  /** The id of the socket; left out where the callback belongs to no client. */
  readonly client?: string;
  /** The error that it threw. */
  readonly error: unknown;
}

/** An option that was given has no effect. Once for each option. */
export interface OptionIgnored {
  readonly type: 'option_ignored';
  /** Its name, such as `serverOptions.adapter`. */
  readonly option: string;
  readonly reason: string;
}

/** `send()` with `doLog` passed a message on to be sent. */
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

/** A client read more slowly than it was sent to, and exceeded `limits.queuedBytes`. Its connection was closed. */
export interface ClientTooSlow {
  readonly type: 'client_too_slow';
  /** The id of the socket; left out for a client that is only in a namespace without authentication. */
  readonly client?: string;
  /** Bytes that it had not read. */
  readonly queuedBytes: number;
}

/**
 * A limit of this instance was reached, and the connection of `client` was closed for it. The client may come back. The folder that
 * enforces a limit declares its name.
 */
export interface LimitReached<Limit extends string = string> {
  readonly type: 'limit_reached';
  /** The id of the socket that was closed, or of the connection as long as it has no socket. */
  readonly client: string;
  readonly limit: Limit;
}

/** Reports of more than one feature. */
export type SharedReport = HandlerFailed | OptionIgnored | MessageSent | MessageDropped | ClientTooSlow;

export const SHARED_LINES: LogLines<SharedReport | LimitReached> = {
  handler_failed: [
    'error',
    (r) => `${r.where} failed${r.client === undefined ? '' : ` for client ${r.client}`}: ${errorStack(r.error)}`,
  ],
  option_ignored: ['warn', (r) => `option "${r.option}" has no effect: ${r.reason}`],
  limit_reached: ['debug', (r) => `client ${r.client} was closed, as a limit was reached: ${r.limit}`],
  message_sent: ['info', (r) => `"${r.topic}" was sent to ${r.destination}`, 'requested'],
  message_dropped: ['warn', (r) => `"${r.topic}" was not sent: the instance is shutting down`],
  client_too_slow: [
    'warn',
    (r) =>
      `${r.client === undefined ? 'a client' : `client ${r.client}`} was closed, as it reads more slowly than it is sent to; ` +
      `bytes that waited: ${r.queuedBytes}`,
  ],
};
