import type { Server as HttpServer } from 'node:http';
import type { ServerOptions } from 'socket.io';
import type { ILogger } from '../common/types.js';
import type { IBunServerLike } from '../ports/http-server.js';
import type {
  IRedisClientLike,
  IRedisConnectionLike,
  TSocketIOAuthenticateFn,
  TSocketIOClientConnectedFn,
  TSocketIOValidateRoomFn,
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
> {
  /** Unique name of this instance, in logs and reports. */
  identifier: string;
  /**
   * Socket.IO's own options: path, cors and the rest. `connectionStateRecovery` is refused, since it gives rooms and
   * messages back before any authentication.
   */
  serverOptions: Partial<ServerOptions>;
  /**
   * A Redis helper, or a client of ioredis. It is duplicated three times and otherwise left alone. Without it the
   * instance stands alone and needs no Redis.
   */
  redisConnection?: IRedisConnectionLike | IRedisClientLike | undefined;
  /** Decides on a client that emits `authenticate`. */
  authenticateFn: TSocketIOAuthenticateFn;
  /** Returns those of the asked-for rooms that the client may join. Without it every join is refused. */
  validateRoomFn?: TSocketIOValidateRoomFn<L, E, S, D> | undefined;
  /** Runs after a client is authenticated: the place to register event handlers. Events that come before they are there wait. */
  clientConnectedFn?: ((...args: Parameters<TSocketIOClientConnectedFn<L, E, S, D>>) => unknown) | undefined;
  /** Milliseconds. A client that is not authenticated by then is disconnected. Default 10 000. */
  authenticateTimeout?: number | undefined;
  /** Milliseconds between `ping` events to an authenticated client. Default 30 000. */
  pingInterval?: number | undefined;
  /** Joined on authentication, whatever `validateRoomFn` says. Default `['io-default', 'io-notification']`. */
  defaultRooms?: string[] | undefined;
  /** Milliseconds for which `configure()` tries to reach Redis. Default 30 000. */
  redisTimeout?: number | undefined;
  /** Milliseconds. What has not ended by then is cut by `shutdown()`. Default 5 000. */
  shutdownTimeout?: number | undefined;
  /** What one client may make this instance hold. Each has a default: see `ILimits`. */
  limits?: Partial<ILimits> | undefined;
  /**
   * Whether messages of one turn of the event loop share one write for each connection. Default true. `false` is Socket.IO's
   * own way, which costs several times as much.
   */
  fanout?: boolean | undefined;
  /**
   * Topics of which the newest message is enough, each with a function that names what a message is about: `{ price: (data) =>
   * data.symbol }`. While a client reads more slowly than it is sent to, a message takes the place of the waiting one of the
   * same topic and name, so that the client falls behind no further. Not for what one socket is sent by `socket.emit`.
   */
  // biome-ignore lint/suspicious/noExplicitAny: data of the program's own, which it knows and we don't
  replaceable?: { readonly [topic: string]: (data: any) => string | number } | undefined;
  /**
   * Where log lines go: pino, `console` or anything with the four usual methods. Default: warnings, errors and what
   * `doLog` asks for go to the console, the rest nowhere. `false`: nothing is logged.
   */
  logger?: ILogger | false | undefined;
  /**
   * Gets every report, in order and at once, also those that are not logged. For metrics and tracing. It runs in the middle of the
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
> extends ISocketIOServerBaseOptions<L, E, S, D> {
  runtime: 'node';
  /** The http or https server to attach to. It may listen already, and may serve a framework beside. */
  server: HttpServer;
}

/** The options of `SocketIOServerHelper` on Bun. */
export interface ISocketIOServerBunOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> extends ISocketIOServerBaseOptions<L, E, S, D> {
  runtime: 'bun';
  /**
   * A `Server` of `@socket.io/bun-engine`, a new one for each helper. Where it and `serverOptions` name different values, those
   * of `serverOptions` count. Give Bun what its `handler()` returns after `configure()`.
   */
  // biome-ignore lint/suspicious/noExplicitAny: an optional package's class; judged by its methods
  engine: any;
  /**
   * The server of `Bun.serve` that `shutdown()` shall stop. One that ever handed a request to the engine is stopped without
   * being named here.
   */
  server?: IBunServerLike | undefined;
}

/** The options of `SocketIOServerHelper`; `runtime` says which of the two rows applies. */
export type TSocketIOServerOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = ISocketIOServerNodeOptions<L, E, S, D> | ISocketIOServerBunOptions<L, E, S, D>;
