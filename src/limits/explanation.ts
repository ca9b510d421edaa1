import type { Scope } from '../common/scope.js';

// All times are in milliseconds since 1970.

/** Why a client is in a room. */
export interface ExplainedRoom {
  room: string;
  /**
   * `default`: it is a default room. `granted`: `validateRoomFn` granted it. `program`: code of the program put the client into it,
   * such as `joinRooms()` or `socket.join()`.
   */
  rule: 'default' | 'granted' | 'program';
  /** Since when. That of a granted room is rounded down to a second. Not known for rooms of the rule `program`. */
  since?: number;
  /** When the grant ends. Left out if it does not end by itself. */
  until?: number;
}

/** A client of the user that is connected and authenticated. */
export interface ExplainedConnection {
  /** The id of its socket. */
  id: string;
  /** The `identifier` of its instance. */
  instance: string;
  /** When `authenticateFn` was asked about it first. */
  since: number;
  /** When its access ends. Left out if it does not end by itself. */
  until?: number;
  rooms: ExplainedRoom[];
}

/** A limit that the user has reached on an instance. */
export interface ExplainedLimit {
  /**
   * The limit. `messages_per_second`: with `client`, the messages of that client are delayed, and it is disconnected at `until` if it does
   * not slow down. Without it, a client was over the limit for too long, so the user is refused until then.
   * `failed_authentications`: attempts with a key that is the name of the user wait or are refused.
   */
  rule:
    | 'messages_per_user'
    | 'messages_per_user_of_all'
    | 'connections_per_user'
    | 'messages_per_second'
    | 'failed_authentications';
  /** The `identifier` of the instance. */
  instance: string;
  /** The id of the socket of the client that reached it; left out if the limit is that of the user. */
  client?: string;
  since?: number;
  until?: number;
}

/** Access that `revoke()` withdrew, with `barFor`, and that can't be had again yet. */
export interface ExplainedBar {
  /** What was named: the user, or the session of one of its clients. */
  of: 'user' | 'session';
  /** Only this room. */
  room?: string;
  /** Only identities that were issued before this moment. */
  issuedBefore?: number;
  since: number;
  until: number;
}

/** The result of `explain()`. */
export interface Explanation extends Scope {
  user: string;
  connections: ExplainedConnection[];
  limits: ExplainedLimit[];
  bars: ExplainedBar[];
  /** Whether an instance has more: each tells at most 100 connections, 1 000 rooms and 100 bars. */
  truncated: boolean;
}

/** A bar with the id of its revocation, which all instances know. */
export interface KnownBar extends ExplainedBar {
  readonly revocation: string;
}

/** What one instance knows about a user. */
export interface Facts {
  readonly connections: readonly ExplainedConnection[];
  readonly limits: readonly ExplainedLimit[];
  readonly bars: readonly KnownBar[];
  readonly truncated: boolean;
}

/** Those of an instance that has no clients yet. */
export const NO_FACTS: Facts = { connections: [], limits: [], bars: [], truncated: false };

export const MOST_CONNECTIONS = 100;
export const MOST_ROOMS = 1_000;
export const MOST_BARS = 100;
/** An instance has at most one of each rule, and one of each client. */
export const MOST_LIMITS = MOST_CONNECTIONS + 10;
