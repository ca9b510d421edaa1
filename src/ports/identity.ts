import type { TLooseData } from '../protocol/event-maps.js';

/** A moment: a `Date`, or milliseconds since 1970. Seconds are refused. */
export type When = Date | number;

/** Clients: all of a user, all of a session, or the one with this socket id. */
export type Who = { user: string } | { session: string } | { id: string };

/** Who a client is, for how long, and what else `authenticateFn` says about it. */
export interface Identity<C = TLooseData> {
  /** The user's unique name, such as the `sub` of a token. At most 255 characters. */
  user: string;
  /**
   * The unique name of the user's login, which `revoke({ session })` ends. At most 255 characters. It is sent to the client, so it must
   * not be a secret, such as the id in a session cookie.
   */
  session?: string | undefined;
  /** When the credential was issued, such as the `iat` of a token times 1 000. Default: when the client was authenticated. */
  issuedAt?: When | undefined;
  /** When the access ends, such as the `exp` of a token times 1 000. Without it the access does not end by itself. */
  expiresAt?: When | undefined;
  /** What else the program knows about the client. Only functions of the program read it. It is not sent to clients. */
  claims?: C | undefined;
}

/** A refusal with a code of the program, for a client or a room. */
export interface Refusal {
  /** The program's code, such as `banned`, which the client receives. None of the library's own codes. */
  refused: string;
  /** A text for the client's user. */
  message?: string | undefined;
  /** Whether the client may try again by itself. Default false: the refusal is final. */
  retry?: boolean | undefined;
}

/** The decision of `validateRoomFn` on one room: its name grants it, with `until` up to that moment. With `refused` it is refused. */
export type RoomVerdict = string | { room: string; until?: When | undefined } | ({ room: string } & Refusal);

/** An identity as the library keeps it: checked, frozen, with its times in milliseconds since 1970. */
export interface KnownIdentity<C = unknown> extends Identity<C> {
  readonly user: string;
  readonly session?: string | undefined;
  /** When the credential was issued, or when the client asked to be authenticated. */
  readonly issuedAt: number;
  /** When the access ends; undefined if it does not end by itself. */
  readonly expiresAt?: number | undefined;
  readonly claims?: C | undefined;
}
