import { isRecord } from '../common/checks.js';
import { describe } from '../common/describe.js';
import type { ValueOrPromise } from '../common/types.js';
import { RoomgateError } from '../protocol/errors.js';
import type { SocketOptions } from './socket-io-types.js';

/** The reason for a call of `credentials`. */
export type TCredentialsReason = 'connect' | 'reconnect' | 'renew';

/**
 * Returns the credentials for an attempt to connect, which become the handshake's `auth`, or for a renewal. `null`: nobody is signed in,
 * so the client disconnects. A throw is temporary.
 */
export type TCredentials = (opts: { reason: TCredentialsReason }) => ValueOrPromise<Record<string, unknown> | null>;

/** A source of credentials, with its name for errors. */
export interface Source {
  readonly name: string;
  readonly read: TCredentials;
}

/** The source of a connection's credentials: the helper's option, or Socket.IO's `auth` if that is a function. */
export function credentialsOf(credentials: TCredentials | undefined, auth: SocketOptions['auth']): Source | undefined {
  if (credentials !== undefined) return { name: 'credentials()', read: credentials };
  if (typeof auth !== 'function') return undefined;
  const read = (): Promise<Record<string, unknown> | null> =>
    new Promise((resolve, reject) => {
      const outcome: unknown = auth((data) => resolve({ ...data }));
      Promise.resolve(outcome).catch(reject);
    });
  return { name: 'options.auth()', read };
}

/** The credentials of the program, null if nobody is signed in, or the error. `refused`: they are the ones that the server has refused. */
export type Given = Record<string, unknown> | null | 'refused' | RoomgateError;

/** Asks the program for credentials, and remembers those that the server has refused. */
export class CredentialsReader {
  readonly #source: Source | undefined;
  #attempt = 0;
  #isReading = false;
  /** The last credentials that were sent, and those that were refused, as JSON. */
  #last: string | undefined;
  #refused: string | undefined;

  /** Without a source, Socket.IO's option `auth` is sent as it is. */
  constructor(source: Source | undefined) {
    this.#source = source;
  }

  /** Whether the program has a function for credentials. */
  get isAsked(): boolean {
    return this.#source !== undefined;
  }

  /** Whether an attempt to connect waits for credentials. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Credentials for an attempt to connect. Undefined if the attempt was abandoned meanwhile. `isAbandoned` checks that again later. Never rejects. */
  async read(
    reason: TCredentialsReason,
  ): Promise<{ readonly given: Given; readonly isAbandoned: () => boolean } | undefined> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const isAbandoned = (): boolean => attempt !== this.#attempt;
    this.#isReading = true;
    const given = await this.#ask(reason);
    if (isAbandoned()) return undefined;
    this.#isReading = false;
    return { given, isAbandoned };
  }

  /** New credentials for a live connection. Never rejects. */
  renew(): Promise<Given> {
    return this.#ask('renew');
  }

  /** These credentials are sent now. */
  sent(credentials: Record<string, unknown>): void {
    // Empty ones say nothing: the credential is a cookie, and may be a new one.
    this.#last = Object.keys(credentials).length === 0 ? undefined : JSON.stringify(credentials);
  }

  /** The server has refused the last ones, so they are never sent again. */
  refused(): void {
    this.#refused = this.#last;
  }

  /** The program wants to connect, so refused credentials may be tried again. */
  allow(): void {
    this.#refused = undefined;
  }

  async #ask(reason: TCredentialsReason): Promise<Given> {
    const given = this.#source === undefined ? {} : await askForCredentials(this.#source, reason);
    if (given === null || given instanceof Error) return given;
    return JSON.stringify(given) === this.#refused ? 'refused' : given;
  }

  /** The program has signed out. */
  forget(): void {
    this.abandon();
    this.#last = undefined;
    this.#refused = undefined;
  }

  abandon(): void {
    this.#attempt += 1;
    this.#isReading = false;
  }
}

/** Asks the program. Never rejects: it resolves with the error. */
async function askForCredentials({ name, read }: Source, reason: TCredentialsReason): Promise<Given> {
  try {
    const given: unknown = await read({ reason });
    if (given === null) return null;
    if (isRecord(given)) {
      // Throws here, because Socket.IO would throw where nothing catches it.
      JSON.stringify(given);
      return given;
    }
    const hint = given === undefined ? ' (does the function lack a "return"?)' : '';
    return failed(`${name}: expected an object such as { token }, received ${describe(given)}${hint}`);
  } catch (error) {
    return failed(`${name} failed: ${error instanceof Error ? error.message : `it threw ${describe(error)}`}`, error);
  }
}

function failed(why: string, cause?: unknown): RoomgateError {
  return new RoomgateError('credentials_failed', `${why}.`, { cause });
}
