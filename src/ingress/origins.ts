import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { isPromiseLike } from '../common/is-promise-like.js';
import type { OriginGuard } from '../ports/runtime.js';

type AllowRequest = NonNullable<ServerOptions['allowRequest']>;

/** The message of a refusal. */
export const ORIGIN_REFUSED = 'Origin not allowed';

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
