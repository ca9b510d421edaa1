import type { SocketOptions } from 'socket.io-client';
import { isRecord } from '../common/checks.js';
import { describe } from '../common/describe.js';
import type { ValueOrPromise } from '../common/types.js';
import { RoomgateError } from '../protocol/errors.js';

/** Why credentials are asked for. */
export type TCredentialsReason = 'connect' | 'reconnect';

/** What the program presents at an attempt to connect: it becomes the handshake's `auth`. */
export type TCredentials = (opts: { reason: TCredentialsReason }) => ValueOrPromise<Record<string, unknown>>;

/** A source of credentials, with its name for errors. */
export interface Source {
  readonly name: string;
  readonly read: TCredentials;
}

/** The source of a connection's credentials: the helper's option, or Socket.IO's `auth` if that is a function. */
export function credentialsOf(credentials: TCredentials | undefined, auth: SocketOptions['auth']): Source | undefined {
  if (credentials !== undefined) return { name: 'credentials()', read: credentials };
  if (typeof auth !== 'function') return undefined;
  const read = (): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const outcome: unknown = auth((data) => resolve({ ...data }));
      Promise.resolve(outcome).catch(reject);
    });
  return { name: 'options.auth()', read };
}

/** Asks the program. Never rejects: what goes wrong is an error that says so. */
export async function readCredentials(
  { name, read }: Source,
  reason: TCredentialsReason,
): Promise<Record<string, unknown> | RoomgateError> {
  try {
    const given: unknown = await read({ reason });
    if (isRecord(given)) {
      // Throws here, because Socket.IO would throw where nothing catches it.
      JSON.stringify(given);
      return given;
    }
    return failed(`${name}: an object is wanted, ${describe(given)} was returned`);
  } catch (error) {
    return failed(`${name}: ${error instanceof Error ? error.message : `it threw ${describe(error)}`}`, error);
  }
}

function failed(why: string, cause?: unknown): RoomgateError {
  return new RoomgateError('credentials_failed', `${why}.`, { cause });
}
