import type { IOServer, IOSocket, SocketIOComponent } from 'roomgate';
import type { ClientEvents, ServerEvents } from '../words.js';

/** Clients are strangers: what they send is of any shape until it has been checked. */
export type StrangersEvents = { [E in keyof ClientEvents]: (payload: unknown) => void };

/** What the instances tell each other. */
export interface InstanceEvents {
  'people-changed': () => void;
}

/** What the server knows of a socket; other instances see it through `fetchSockets()`. */
export interface SocketData {
  name: string;
  instance: string;
  since: string;
}

export type ChatComponent = SocketIOComponent<StrangersEvents, ServerEvents, InstanceEvents, SocketData>;
export type ChatServer = IOServer<StrangersEvents, ServerEvents, InstanceEvents, SocketData>;
export type ChatSocket = IOSocket<StrangersEvents, ServerEvents, InstanceEvents, SocketData>;
