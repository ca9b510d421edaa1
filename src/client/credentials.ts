import { isRecord } from '../common/checks.js';
import { describe } from '../common/describe.js';
import type { ValueOrPromise } from '../common/types.js';
import { RoomgateError } from '../protocol/errors.js';
import type { SocketOptions } from './socket-io-types.js';

/**
 * The reason for a call of `credentials`. `connect`: the first connection after the construction or `connect()`. `reconnect`: each one
 * after it. `renew`: the connection lives, and the access of the present credentials will end.
 */
export type TCredentialsReason = 'connect' | 'reconnect' | 'renew';

/**
 * Returns the credentials for an attempt to connect, which become the handshake's `auth`, or for a renewal. `null`: nobody is signed in,
 * so the client disconnects. A throw is temporary: it is called again after a delay.
 * @example const credentials: TCredentials = async () => ({ token: await fetchToken() });
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

/** How many refused credentials are remembered. */
const MOST_REFUSED = 10;

/** Asks the program for credentials, and remembers those that the server has refused. */
export class CredentialsReader {
  readonly #source: Source | undefined;
  #attempt = 0;
  #isReading = false;
  /** Whether a custom parser may send more than JSON. */
  readonly #isJson: boolean;
  /** Credentials as JSON, with which they are compared. */
  readonly #texts = new WeakMap<object, string>();
  /** The credentials that the server judges now, as JSON. */
  #sent: string | undefined;
  /** Those of the access on the present connection. */
  #accepted: string | undefined;
  /** The latest ones that the server has refused: a program may alternate between a few. */
  readonly #refused = new Set<string>();

  /** Without a source, Socket.IO's option `auth` is sent as it is. */
  constructor(source: Source | undefined, isJson: boolean) {
    this.#source = source;
    this.#isJson = isJson;
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
    this.#sent = undefined;
    this.#accepted = undefined;
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
    const text = this.#texts.get(credentials);
    // Empty ones say nothing: the credential is a cookie, and may be a new one.
    this.#sent = text === '{}' ? undefined : text;
  }

  /** Whether the server has not answered the last ones yet. */
  get isUnanswered(): boolean {
    return this.#sent !== undefined;
  }

  accepted(): void {
    this.#accepted = this.#sent;
    this.#sent = undefined;
  }

  /** The server has refused the credentials that it was sent last, or has ended the access that earlier ones gave. */
  refused(which: 'sent' | 'accepted'): void {
    const text = which === 'sent' ? this.#sent : this.#accepted;
    if (text === undefined) return;
    this.#refused.add(text);
    const [oldest] = this.#refused;
    if (this.#refused.size > MOST_REFUSED && oldest !== undefined) this.#refused.delete(oldest);
  }

  /** The program wants to connect, so refused credentials may be tried again. */
  allow(): void {
    this.#refused.clear();
  }

  async #ask(reason: TCredentialsReason): Promise<Given> {
    if (this.#source === undefined) return {};
    const asked = await askForCredentials(this.#source, reason);
    if (asked === null || asked instanceof Error) return asked;
    const { value, text } = asked;
    if (this.#refused.has(text)) return 'refused';
    // A copy is read once, so that no getter of the program runs while Socket.IO encodes it, where nothing catches an error.
    const given: Record<string, unknown> = this.#isJson ? JSON.parse(text) : value;
    this.#texts.set(given, text);
    return given;
  }

  /** The program has signed out. */
  forget(): void {
    this.abandon();
    this.#sent = undefined;
    this.#accepted = undefined;
    this.#refused.clear();
  }

  abandon(): void {
    this.#attempt += 1;
    this.#isReading = false;
  }
}

/** The same for equal credentials, whatever the order of their keys. */
function textOf(credentials: Record<string, unknown>): string {
  const sorted = (_: string, value: unknown): unknown =>
    isRecord(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  return JSON.stringify(credentials, sorted);
}

/** Asks the program. Never rejects: it resolves with the error. */
async function askForCredentials(
  { name, read }: Source,
  reason: TCredentialsReason,
): Promise<{ readonly value: Record<string, unknown>; readonly text: string } | null | RoomgateError> {
  try {
    const given: unknown = await read({ reason });
    if (given === null) return null;
    const text: unknown = isRecord(given) ? textOf(given) : undefined;
    if (isRecord(given) && typeof text === 'string' && text.startsWith('{')) return { value: given, text };
    const hint = given === undefined ? ' (does the function lack a "return"?)' : '';
    return failed(`${name}: expected an object such as { token }, received ${describe(given)}${hint}`);
  } catch (error) {
    return failed(`${name} failed: ${error instanceof Error ? error.message : `it threw ${describe(error)}`}`, error);
  }
}

function failed(why: string, cause?: unknown): RoomgateError {
  return new RoomgateError('credentials_failed', `${why}.`, { cause });
}
