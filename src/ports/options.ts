import type { IncomingHttpHeaders } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import type { ValueOrPromise } from '../common/types.js';
import type { TEventsMap, TLooseData, TLooseEvents } from '../protocol/event-maps.js';
import type { Identity, KnownIdentity, Refusal, RoomVerdict } from './identity.js';
import type { IOSocket } from './socket.js';

/** The argument of `authenticateFn`: the request that opened the connection. */
export interface IHandshake {
  /** The headers of that request. In browsers a page can't set headers of a WebSocket. */
  headers: IncomingHttpHeaders;
  /** The time of the handshake, as a date string. */
  time: string;
  /** The address of the peer. Behind a proxy it is the address of the proxy. */
  address: string;
  /** Whether the request had an `Origin`. */
  xdomain: boolean;
  /** Whether the connection to this server uses TLS. False behind a proxy that terminates TLS. */
  secure: boolean;
  /** The time of the handshake, in milliseconds since 1970. */
  issued: number;
  /** Path and query of the request. */
  url: string;
  /** The query, with Socket.IO's own entries (`EIO`, `transport`). */
  query: ParsedUrlQuery;
  /** The client's `auth`, such as a token. It is unchecked: check it before you use it. */
  // biome-ignore lint/suspicious/noExplicitAny: each program knows the type of its `auth`
  auth: { [key: string]: any };
}

/**
 * Decides on a client that emits `authenticate`. Only `true` accepts it. Any other result is a final refusal.
 *
 * If it throws or rejects, the client receives `unauthenticated` with the code `unavailable`, and reconnects automatically: nobody is
 * refused while a database is down. An error about the credential is a final refusal: errors of `jose` and `jsonwebtoken` about the
 * token, including as the `cause` of another error, and errors with a `status` or `statusCode` of 401 or 403.
 */
export type TSocketIOAuthenticateFn = (args: IHandshake) => ValueOrPromise<boolean>;

/**
 * The function of the option `authenticateFn`: `TSocketIOAuthenticateFn`, which may also return an identity in place of `true`, and
 * a refusal with a code of its own in place of `false`.
 * @example authenticateFn: async ({ auth }) => {
 *   const { sub, exp } = await verify(auth.token);
 *   return { user: sub, expiresAt: exp * 1_000 };
 * }
 */
export type AuthenticateFn<C = TLooseData> = (args: IHandshake) => ValueOrPromise<boolean | Identity<C> | Refusal>;

/**
 * Names the key of an attempt to authenticate, such as the name of a login, so that guesses for one key are slowed down. Undefined:
 * the attempt has none. `auth` is unchecked. `address` is the known address of the client, or its network: see the option `trustedHops`.
 */
export type AuthenticationKeyFn = (attempt: {
  readonly auth: IHandshake['auth'];
  readonly address: string | undefined;
}) => string | undefined;

/** Returns the requested rooms that the client may join. A throw or a rejection refuses all of them. */
export type TSocketIOValidateRoomFn<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = (opts: { socket: IOSocket<L, E, S, D>; rooms: string[] }) => ValueOrPromise<string[]>;

/**
 * The function of the option `validateRoomFn`: `TSocketIOValidateRoomFn`, which may also return verdicts in place of names, and gets
 * the client's identity. `signal` aborts when the client has left, and when `guardTimeout` has passed.
 * @example validateRoomFn: async ({ identity, rooms, signal }) => {
 *   const rights = await rightsOf(identity?.user, rooms, { signal });
 *   return rooms.map((room) => rights.get(room) ?? { room, refused: 'not_invited', message: 'Ask the team for an invitation.' });
 * }
 */
export type ValidateRoomFn<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> = (opts: {
  socket: IOSocket<L, E, S, D>;
  rooms: string[];
  identity: KnownIdentity<C> | undefined;
  signal: AbortSignal;
}) => ValueOrPromise<readonly RoomVerdict[]>;

/**
 * Runs after a client is authenticated: the place to register event handlers. If it throws or rejects, that is reported. The client
 * receives `unauthenticated` with the code `unavailable`, is disconnected, and reconnects automatically. The option `onFailure` can keep
 * it connected instead.
 */
export type TSocketIOClientConnectedFn<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = (opts: { socket: IOSocket<L, E, S, D> }) => ValueOrPromise<void>;

/** The consequences if a function of the program throws or rejects. The error is reported in any case. */
export interface IFailureOptions {
  /**
   * `clientConnectedFn`. `disconnect`, the default: the client receives `unavailable`, is disconnected, and reconnects automatically.
   * `keep`: it stays connected, with the handlers that were registered before the error.
   */
  connected?: 'disconnect' | 'keep' | undefined;
  /**
   * `validateRoomFn`, when clients that are in rooms are checked again. `leave`, the default: they leave the rooms on which it failed to
   * decide, and may ask for them again. `keep`: they stay. A `join` is refused with `guard_failed` in both cases.
   */
  guard?: 'leave' | 'keep' | undefined;
  /**
   * Handlers that the program registers itself, with `socket.on`, `onAny`, `socket.use`, `io.use` and `io.on`, and callbacks of
   * acknowledgements. `report`, the default: an error or a rejection is reported, and nobody else is affected. `throw`: Socket.IO's
   * behavior, which ends the process. Handlers of `handle()` are contained in both cases.
   */
  handler?: 'report' | 'throw' | undefined;
}

/** The part of a Redis client that is used. `Redis` and `Cluster` of ioredis 5 and newer have it. */
export interface IRedisClientLike {
  duplicate(...args: never[]): unknown;
}

/** An object that returns a Redis client, such as `RedisHelper`. */
export interface IRedisConnectionLike {
  getClient(): IRedisClientLike;
}
