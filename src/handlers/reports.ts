import type { HandlerFailed } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /**
   * An event for a handler of `handle()` was answered with an error of the library, and not handled. Clients can cause it at will. Events
   * above a limit of their user are in `user_limited` instead, and those that are too large or too deep in `event_dropped`.
   */
  | {
      readonly type: 'event_refused';
      /** The id of the socket. */
      readonly client: string;
      readonly topic: string;
      /** The code of the answer, such as `invalid`. */
      readonly code: string;
    }
  /** A handler of `handle()` had not settled when `handlerTimeout` passed. The client received `timed_out`. */
  | {
      readonly type: 'handler_unanswered';
      /** The id of the socket. */
      readonly client: string;
      readonly topic: string;
      /** Milliseconds since the event: `handlerTimeout`. */
      readonly afterMs: number;
    }
  /**
   * The installed version of Socket.IO calls handlers in another way than expected. Errors of raw handlers are not contained, and
   * handlers of `handle()` are called by listeners of each socket. Once for each instance.
   */
  | {
      readonly type: 'containment_fallback';
      /** What was not found. */
      readonly missing: string;
    };

/** The reports of `handlers/`. */
export type HandlersReport = OwnReport | HandlerFailed;

export const HANDLERS_LINES: LogLines<OwnReport> = {
  event_refused: ['debug', (r) => `client ${r.client}: an event "${r.topic}" was refused with "${r.code}"`],
  handler_unanswered: [
    'warn',
    (r) =>
      `the handler of "${r.topic}" has not settled within ${r.afterMs} ms for client ${r.client}, which was told "timed_out"; ` +
      'its result will be ignored',
  ],
  containment_fallback: [
    'warn',
    (r) =>
      `the installed version of socket.io lacks ${r.missing}: an error in a handler of socket.on() ends the process, as in ` +
      'plain Socket.IO. Install socket.io 4.8.4 or newer of version 4.8',
  ],
};
