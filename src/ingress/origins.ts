import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { isPromiseLike } from '../common/is-promise-like.js';
import type { Reporter } from '../ports/reports.js';
import type { OriginGuard } from '../ports/runtime.js';
import type { IngressReport } from './reports.js';

type AllowRequest = NonNullable<ServerOptions['allowRequest']>;

/** The message of a refusal. */
export const ORIGIN_REFUSED = 'Origin not allowed';

/** What a client is told if `allowRequest` of the program fails. */
const CHECK_FAILED = 'The check of this request failed';

/** The program's `allowRequest`. What it throws or rejects with refuses the request, and is reported. It would end the process. */
export function harmlessAllow(
  ask: AllowRequest | undefined,
  report: Reporter<IngressReport>,
): AllowRequest | undefined {
  if (ask === undefined) return undefined;
  return (request, decide) => {
    let isOpen = true;
    const answer: typeof decide = (message, isAllowed) => {
      if (isOpen) decide(message, isAllowed);
      isOpen = false;
    };
    const failed = (error: unknown): void => {
      report({ type: 'handler_failed', where: 'serverOptions.allowRequest', error });
      answer(CHECK_FAILED, false);
    };
    try {
      const outcome: unknown = ask(request, answer);
      if (isPromiseLike(outcome)) outcome.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
}

/** Socket.IO's `allowRequest`, which asks the guard first, and then the one of the program. Engines call it at each handshake. */
export function allowOrigins({ admits }: OriginGuard, next: AllowRequest | undefined): AllowRequest {
  return (request: IncomingMessage, decide) => {
    const judge = (isAdmitted: boolean): void => {
      if (!isAdmitted) decide(ORIGIN_REFUSED, false);
      else if (next === undefined) decide(null, true);
      else next(request, decide);
    };
    const verdict = admits(request);
    if (isPromiseLike(verdict)) void verdict.then(judge);
    else judge(verdict);
  };
}
