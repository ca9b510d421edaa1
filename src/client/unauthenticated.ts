import { fieldsOf } from '../common/checks.js';
import { isTemporary } from '../protocol/errors.js';

/** An `unauthenticated` message. */
export interface Unauthenticated {
  readonly message: string;
  readonly code: string;
  readonly after: unknown;
  readonly handled: unknown;
  /** Whether this client may reconnect automatically, whatever the code is. */
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
    isTemporary: isTemporary(code) || retry === true,
  };
}
