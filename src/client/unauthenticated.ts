import { fieldsOf } from '../common/checks.js';
import { isTemporary, UNAUTHENTICATED_ERRORS } from '../protocol/errors.js';

/** An `unauthenticated` message. */
export interface Unauthenticated {
  readonly message: string;
  readonly code: string;
  readonly after: unknown;
  readonly handled: unknown;
  /** Whether this client may reconnect automatically until it is accepted. `retry` counts for codes of the program only. */
  readonly isTemporary: boolean;
}

/** Reads an `unauthenticated` message with checks, because a foreign server may send anything. */
export function readUnauthenticated(payload: unknown): Unauthenticated {
  const { message, code: given, after, handled, retry } = fieldsOf(payload);
  const code = typeof given === 'string' ? given : 'refused';
  return {
    message: typeof message === 'string' ? message : '',
    code,
    after,
    handled,
    isTemporary: isTemporary(code) || (retry === true && !Object.hasOwn(UNAUTHENTICATED_ERRORS, code)),
  };
}
