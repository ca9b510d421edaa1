import type { Server, Socket } from 'socket.io';
import type { TEventsMap, TLooseData, TLooseEvents, TPayload, TTopic } from '../protocol/event-maps.js';
import type { TSocketIOClientState } from '../protocol/states.js';

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
> {
  /** The socket's id, which is also the name of its private room. */
  id: string;
  socket: IOSocket<L, E, S, D>;
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
