import { fieldsOf } from '../common/checks.js';

/** An `unauthenticated` message. */
export interface Unauthenticated {
  readonly message: string;
  readonly code: string;
  readonly after: unknown;
  readonly handled: unknown;
}

/** Reads an `unauthenticated` message with checks, because a foreign server may send anything. */
export function readUnauthenticated(payload: unknown): Unauthenticated {
  const { message, code, after, handled } = fieldsOf(payload);
  return {
    message: typeof message === 'string' ? message : '',
    code: typeof code === 'string' ? code : 'refused',
    after,
    handled,
  };
}
