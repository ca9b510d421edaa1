import type { Namespace, Server, Socket } from 'socket.io';
import type { TEventsMap, TLooseData, TLooseEvents, TPayload, TTopic } from '../protocol/event-maps.js';
import type { TSocketIOClientState } from '../protocol/states.js';
import type { KnownIdentity, Who } from './identity.js';

/** Socket.IO's server-side socket. */
export type IOSocket<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = Socket<L, E, S, D>;

/** Socket.IO's server. */
export type IOServer<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = Server<L, E, S, D>;

/** One client of this instance, from its connection to its end. */
export interface ISocketIOClient<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> {
  /** The socket's id, which is also the name of its private room. */
  id: string;
  socket: IOSocket<L, E, S, D>;
  /** What `authenticateFn` returned; undefined before that, and if it returned `true`. */
  identity?: KnownIdentity<C> | undefined;
  /** Whether it is authenticated. */
  state: TSocketIOClientState;
  /** Always undefined: one timer pings all clients. */
  interval?: NodeJS.Timeout;
  /** The deadline of the client's connection; cleared once it is authenticated. */
  authenticateTimeout: NodeJS.Timeout;
}

/** A topic and its data. The data may be left out if the topic has none. */
export type TMessage<E extends TEventsMap, T extends TTopic<E>> =
  TPayload<E, T> extends undefined ? { topic: T; data?: undefined } : { topic: T; data: TPayload<E, T> };

/** The options of `send` without the message. */
export interface ISendOptions {
  /**
   * A socket id, a room, `{ user }`, `{ session }`, `{ id }`, or an array of these. Left out: every authenticated client. A user and a
   * session are reached on all their devices, a client that several entries name once.
   */
  destination?: string | Who | readonly (string | Who)[] | undefined;
  /** Whether to report that the message was sent. Default false. */
  doLog?: boolean | undefined;
  /** Runs through `setImmediate` after the message was handed over. */
  cb?: (() => void) | undefined;
}

/** The events of the Socket.IO server itself, with any map of the program. */
export interface IServerEvents<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> {
  connect(socket: IOSocket<L, E, S, D>): void;
  connection(socket: IOSocket<L, E, S, D>): void;
  new_namespace(namespace: Namespace<L, E, S, D>): void;
}

/** The events of the Socket.IO server with those that other instances send by `serverSideEmit`. */
export type TServerListenEvents<L extends TEventsMap, E extends TEventsMap, S extends TEventsMap, D> = Omit<
  IServerEvents<L, E, S, D>,
  keyof S
> &
  S;

/** The topics to which `on` of the server helper listens. */
export type TServerTopic<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> = keyof TServerListenEvents<L, E, S, D> & string;

/** The handler of an event of the Socket.IO server itself. Its result is ignored. */
export type TServerHandlerOf<
  L extends TEventsMap,
  E extends TEventsMap,
  S extends TEventsMap,
  D,
  T extends TServerTopic<L, E, S, D>,
> = TServerListenEvents<L, E, S, D>[T] extends (...args: infer A) => unknown ? (...args: A) => unknown : never;

/** The argument of `on` of a server helper without a map of `ServerSideEvents`. */
export type TLooseServerHandler<S extends TEventsMap, Handler> = string extends keyof S
  ? { topic: string; handler: Handler }
  : never;
