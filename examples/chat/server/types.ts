import type { IOServer, IOSocket, SocketIOComponent } from 'roomgate';
import type { ClientEvents, ServerEvents } from '../words.js';

/** A payload from a client may have any shape until it is checked. */
export type StrangersEvents = { [E in keyof ClientEvents]: (payload: unknown) => void };

/** Events between instances. */
export interface InstanceEvents {
  'people-changed': () => void;
}

/** The data of a socket. Other instances receive it with `fetchSockets()`. */
export interface SocketData {
  name: string;
  instance: string;
  since: string;
}

export type ChatComponent = SocketIOComponent<StrangersEvents, ServerEvents, InstanceEvents, SocketData>;
export type ChatServer = IOServer<StrangersEvents, ServerEvents, InstanceEvents, SocketData>;
export type ChatSocket = IOSocket<StrangersEvents, ServerEvents, InstanceEvents, SocketData>;
