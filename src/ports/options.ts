import type { IncomingHttpHeaders } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import type { ValueOrPromise } from '../common/types.js';
import type { TEventsMap, TLooseData, TLooseEvents } from '../protocol/event-maps.js';
import type { IOSocket } from './socket.js';

/** What `authenticateFn` is given: what is known of the request that opened the connection. */
export interface IHandshake {
  /** Of that request; browsers let no page set them for a WebSocket. */
  headers: IncomingHttpHeaders;
  /** When it was made, as a date string. */
  time: string;
  /** The address of the peer, which is the proxy's where there is one. */
  address: string;
  /** Whether it came with an `Origin`. */
  xdomain: boolean;
  /** Whether it came over TLS to this server itself; false behind a proxy that ends TLS. */
  secure: boolean;
  /** When it was made, in milliseconds since 1970. */
  issued: number;
  /** Path and query, as they were asked for. */
  url: string;
  /** The query, with Socket.IO's own entries (`EIO`, `transport`). */
  query: ParsedUrlQuery;
  /** What the client presents, such as a token: unchecked, so judge it before it is used. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sent as `auth`, which each program types itself
  auth: { [key: string]: any };
}

/**
 * Decides on a client that emits `authenticate`. Only `true` lets it in: anything else, a throw and a rejection refuse it.
 */
export type TSocketIOAuthenticateFn = (args: IHandshake) => ValueOrPromise<boolean>;

/** Returns those of the asked-for rooms that the client may join. A throw or a rejection refuses them all. */
export type TSocketIOValidateRoomFn<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = (opts: { socket: IOSocket<L, E, S, D>; rooms: string[] }) => ValueOrPromise<string[]>;

/** Runs after a client is authenticated; the place to register event handlers. What it throws is reported. */
export type TSocketIOClientConnectedFn<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = (opts: { socket: IOSocket<L, E, S, D> }) => ValueOrPromise<void>;

/** A client of Redis as far as it is used: ioredis' `Redis` and `Cluster` are such, of any version since 5. */
export interface IRedisClientLike {
  duplicate(...args: never[]): unknown;
}

/** Anything that hands out a client of Redis, such as `RedisHelper`. */
export interface IRedisConnectionLike {
  getClient(): IRedisClientLike;
}
