import { describe } from '../protocol/describe.js';
import { RoomgateError } from '../protocol/errors.js';
import type { ValueOrPromise } from '../protocol/types.js';

/** Why credentials are asked for. */
export type TCredentialsReason = 'connect' | 'reconnect';

/** What the program presents at an attempt to connect: it becomes the handshake's `auth`. */
export type TCredentials = (opts: { reason: TCredentialsReason }) => ValueOrPromise<Record<string, unknown>>;

/** Asks the program. Never rejects: what goes wrong is an error that says so. */
export async function readCredentials(
  credentials: TCredentials,
  reason: TCredentialsReason,
): Promise<Record<string, unknown> | RoomgateError> {
  try {
    const given: unknown = await credentials({ reason });
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as Record<string, unknown>;
    return failed(`an object is wanted, ${describe(given)} was returned`);
  } catch (error) {
    return failed(error instanceof Error ? error.message : `it threw ${describe(error)}`, error);
  }
}

function failed(why: string, cause?: unknown): RoomgateError {
  return new RoomgateError('credentials_failed', `credentials(): ${why}.`, { cause });
}
