import type { DefaultEventsMap, Server, Socket } from 'socket.io';
import type { TSocketIOClientState } from '../protocol/states.js';

/** Event names to the signatures of their handlers, as in Socket.IO. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own bound for its event maps
export type TEventsMap = { [event: string]: any };

/** Socket.IO's server-side socket. */
export type IOSocket<
  L extends TEventsMap = DefaultEventsMap,
  E extends TEventsMap = DefaultEventsMap,
  S extends TEventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default for `socket.data`
  D = any,
> = Socket<L, E, S, D>;

/** Socket.IO's server. */
export type IOServer<
  L extends TEventsMap = DefaultEventsMap,
  E extends TEventsMap = DefaultEventsMap,
  S extends TEventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default for `socket.data`
  D = any,
> = Server<L, E, S, D>;

/** One client of this instance, from its connection to its end. */
export interface ISocketIOClient<
  L extends TEventsMap = DefaultEventsMap,
  E extends TEventsMap = DefaultEventsMap,
  S extends TEventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default for `socket.data`
  D = any,
> {
  id: string;
  socket: IOSocket<L, E, S, D>;
  state: TSocketIOClientState;
  /** Undefined: one sweep serves all clients. */
  interval?: NodeJS.Timeout;
  /** The deadline of the client's connection; cleared once it is authenticated. */
  authenticateTimeout: NodeJS.Timeout;
}

/** The topics that a map of emitted events knows. Without a map: any string. */
export type TTopic<E extends TEventsMap> = keyof E & string;

/** What a topic carries: the first argument of its signature. */
export type TPayload<E extends TEventsMap, T extends TTopic<E>> = E[T] extends (...args: infer A) => unknown
  ? A extends []
    ? undefined
    : A[0]
  : never;

/** A topic and its data; the data may be left out where the topic has none. */
export type TMessage<E extends TEventsMap, T extends TTopic<E>> =
  TPayload<E, T> extends undefined ? { topic: T; data?: undefined } : { topic: T; data: TPayload<E, T> };
