import type { Server as HttpServer } from 'node:http';
import type { ServerOptions } from 'socket.io';
import type { ILogger, TLogLevel } from '../common/types.js';
import type { ISocketIOCorsOptions } from '../gate/origin-guard.js';
import type { IBunServerLike, TServerSource } from '../ports/http-server.js';
import type {
  AuthenticateFn,
  AuthenticationKeyFn,
  IFailureOptions,
  IRedisClientLike,
  IRedisConnectionLike,
  TSocketIOClientConnectedFn,
  ValidateRoomFn,
} from '../ports/options.js';
import type { TEventsMap, TLooseData, TLooseEvents } from '../protocol/event-maps.js';
import type { ILimits } from '../protocol/limits.js';
import type { Report } from './reports.js';

/** The options of `SocketIOServerHelper` that are the same on each runtime. */
export interface ISocketIOServerBaseOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> {
  /** Unique name of this instance, in logs and reports. */
  identifier: string;
  /**
   * Socket.IO's own options: path, cors and the rest. `connectionStateRecovery` is refused, because it restores rooms and
   * messages before authentication. `cors.origin` allows pages of other origins, over WebSocket too. Without it no other origin may
   * connect.
   */
  serverOptions: Partial<ServerOptions>;
  /**
   * A Redis helper, or a client of ioredis. It is duplicated three times and otherwise left alone. Without it the
   * instance stands alone and needs no Redis.
   */
  redisConnection?: IRedisConnectionLike | IRedisClientLike | undefined;
  /**
   * Decides on a client that emits `authenticate`. `true` accepts it, and an identity, such as `{ user: 'ann' }`, accepts it as that
   * user. `false` refuses it, and `{ refused: 'banned' }` with a code of the program. Any other result is reported and refuses it.
   * A throw is temporary: see `TSocketIOAuthenticateFn`.
   * @example authenticateFn: async ({ auth }) => {
   *   const { sub, sid, iat, exp } = await verify(auth.token);
   *   return { user: sub, session: sid, issuedAt: iat * 1_000, expiresAt: exp * 1_000 };
   * }
   */
  authenticateFn: AuthenticateFn<C>;
  /**
   * Names what an attempt to authenticate is about, such as the name of a login, so that nobody can guess a password quickly. After
   * `limits.failedAuthentications` refusals for one key, further attempts with it have to wait, or are refused with `rate_limited`. The
   * owner of the key gets in all the same. Not needed for tokens that can't be guessed.
   * @example authenticationKey: ({ auth }) => (typeof auth.name === 'string' ? auth.name.toLowerCase() : undefined)
   */
  authenticationKey?: AuthenticationKeyFn | undefined;
  /**
   * Returns the requested rooms that the client may join: their names, or verdicts. `{ room, until }` grants a room up to a moment, and
   * `{ room, refused: 'code' }` refuses it with a code of the program. Without the function every join is refused.
   */
  validateRoomFn?: ValidateRoomFn<L, E, S, D, C> | undefined;
  /** Runs after a client is authenticated: the place to register event handlers. Earlier events are held until they are registered. */
  clientConnectedFn?: ((...args: Parameters<TSocketIOClientConnectedFn<L, E, S, D>>) => unknown) | undefined;
  /**
   * How many proxies in front of this server append to `X-Forwarded-For`, so that limits know the addresses of clients: 1 behind one
   * nginx or HAProxy. The entry at that place from the right counts, which the client can't choose. 0: there is no proxy, and the header
   * is ignored. Clients must not reach the server past the proxies. Default: the address of a peer counts if it is public. The
   * address of the handshake stays that of the peer.
   */
  trustedHops?: number | undefined;
  /** Milliseconds after which a client that is not authenticated is disconnected. Default 10 000. */
  authenticateTimeout?: number | undefined;
  /**
   * Milliseconds after which a `validateRoomFn` that has not settled is given up: its rooms are refused with `guard_failed`. Default 5 000.
   * `roomsTimeout` of the client helper has the same default: set it higher, so that clients get this code.
   */
  guardTimeout?: number | undefined;
  /**
   * Milliseconds after which a handler of `handle()` that has not settled is given up: the client receives `timed_out`. Default 30 000.
   * `request()` of the client helper waits for 10 000 by default: set its `timeout` higher, so that clients get this answer.
   */
  handlerTimeout?: number | undefined;
  /**
   * Milliseconds without Redis after which this instance closes its clients with an identity, and accepts no new ones, because their
   * access may have been withdrawn meanwhile: the hard bound of `revoke()`. Counted from the last moment at which Redis was certainly
   * heard. A connection that hangs is noticed within 3 s, and one that is open and delivers nothing within 16 s. If Redis is down for
   * all instances, this is an outage for these clients. Default: no bound. Without `redisConnection` it has no effect.
   */
  fenceAfter?: number | undefined;
  /** Milliseconds between `ping` events to an authenticated client. Default 30 000. */
  pingInterval?: number | undefined;
  /** Joined on authentication, independent of `validateRoomFn`. Default `['io-default', 'io-notification']`. */
  defaultRooms?: string[] | undefined;
  /** Milliseconds for which `configure()` tries to reach Redis. Default 30 000. */
  redisTimeout?: number | undefined;
  /** Milliseconds after which `shutdown()` closes the remaining connections by force. Default 5 000. */
  shutdownTimeout?: number | undefined;
  /** The consequences if a function of the program throws or rejects: see `IFailureOptions`. */
  onFailure?: IFailureOptions | undefined;
  /** Limits of the resources that one client may use. Each has a default: see `ILimits`. */
  limits?: Partial<ILimits> | undefined;
  /**
   * Whether the messages of one tick of the event loop share one write for each connection. Default true. `false` is Socket.IO's
   * own path, which costs several times as much.
   */
  fanout?: boolean | undefined;
  /**
   * Topics of which the newest message is enough, each with a function that names the subject of a message: `{ price: (data) =>
   * data.symbol }`. While a client reads more slowly than it is sent to, a message replaces a queued one of the same topic and
   * subject, so that the client does not fall further behind. Does not apply to `socket.emit`.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the program knows the type of its data
  replaceable?: { readonly [topic: string]: (data: any) => string | number } | undefined;
  /**
   * The logger: pino, `console` or any object with the methods `debug`, `info`, `warn` and `error`. Default: the console, which
   * shows warnings, errors and lines that `doLog` requests. `false`: nothing is logged.
   */
  logger?: ILogger | false | undefined;
  /**
   * The lowest level of lines that are written: `debug`, `info`, `warn`, `error` or `silent`. Default: the environment variable
   * `ROOMGATE_LOG` for the console, else `warn`; every level for a `logger` of your own. At `info`: the server is ready, refusals
   * and endings of clients. At most 20 lines of each kind are written in 10 s, except at `debug`.
   */
  logLevel?: TLogLevel | undefined;
  /**
   * Gets every report, in order and immediately, including those that are not logged. For metrics and tracing. It runs in the middle of the
   * library's work, so it must be quick. If it throws or rejects, nothing else is affected, and the first time is logged. Reports
   * contain neither messages nor credentials.
   * @example onReport: (report) => counter.add(1, { type: report.type })
   */
  onReport?: ((report: Report) => void) | undefined;
}

/** The options of `SocketIOServerHelper` on Node.js. */
export interface ISocketIOServerNodeOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> extends ISocketIOServerBaseOptions<L, E, S, D, C> {
  runtime: 'node';
  /** The http or https server to attach to. It may listen already, and may also serve a framework. */
  server: HttpServer;
}

/** The options of `SocketIOServerHelper` on Bun. */
export interface ISocketIOServerBunOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> extends ISocketIOServerBaseOptions<L, E, S, D, C> {
  runtime: 'bun';
  /**
   * A `Server` of `@socket.io/bun-engine`, a new one for each helper. Where it and `serverOptions` name different values, those
   * of `serverOptions` count. Give Bun what its `handler()` returns after `configure()`.
   */
  // biome-ignore lint/suspicious/noExplicitAny: an optional package's class; judged by its methods
  engine: any;
  /**
   * The server of `Bun.serve` that `shutdown()` stops; optional. A server that ever passed a request to the engine is stopped in
   * any case.
   */
  server?: IBunServerLike | undefined;
}

/** The options of `SocketIOServerHelper`. `runtime` says which of the two types applies. */
export type TSocketIOServerOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> = ISocketIOServerNodeOptions<L, E, S, D, C> | ISocketIOServerBunOptions<L, E, S, D, C>;

/** The options of `SocketIOComponent`: those of `SocketIOServerHelper`, and those for starting and stopping with an application. */
export interface ISocketIOComponentOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> extends Omit<ISocketIOServerBaseOptions<L, E, S, D, C>, 'identifier' | 'serverOptions'> {
  /**
   * The server to attach to, whether it listens yet or not: a server of `node:http`, an object with one in `server`, such as a
   * Fastify app, or a function that returns either, which `start()` calls. It may be given to `start()` instead. On Bun it is a
   * server of `Bun.serve`, and optional, because `serveOptions()` serves.
   */
  server?: TServerSource | IBunServerLike | undefined;
  /** Unique name of this instance, in logs and reports. Default: the host's name and the process id. */
  identifier?: string | undefined;
  /** The `path` that clients connect to. Default `/io`. */
  path?: string | undefined;
  /**
   * The other origins whose pages may connect. Default none: handshakes from pages of other origins are refused, WebSockets
   * included. The server's own origin, compared with the `Host` header, and clients that are not browsers are always allowed.
   */
  cors?: ISocketIOCorsOptions | undefined;
  /**
   * Whether SIGTERM and SIGINT call `stop()`. The process then exits by itself, once the program has nothing else running.
   * Default false.
   */
  signals?: boolean | undefined;
  /** The rest of Socket.IO's own options. Compression is off unless it is asked for here. */
  serverOptions?: Partial<Omit<ServerOptions, 'path' | 'cors'>> | undefined;
}
