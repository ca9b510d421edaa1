import type { IOServer, IOSocket, SocketIOComponent } from 'roomgate';
import type { IClientEvents, IServerEvents } from '../words.js';

/** Clients are strangers: what they send is of any shape until it has been checked. */
export type TStrangersEvents = { [E in keyof IClientEvents]: (payload: unknown) => void };

/** What the instances tell each other. */
export interface IInstanceEvents {
  'people-changed': () => void;
}

/** What the server knows of a socket; other instances see it through `fetchSockets()`. */
export interface ISocketData {
  name: string;
  instance: string;
  since: string;
}

export type TChatComponent = SocketIOComponent<TStrangersEvents, IServerEvents, IInstanceEvents, ISocketData>;
export type TChatServer = IOServer<TStrangersEvents, IServerEvents, IInstanceEvents, ISocketData>;
export type TChatSocket = IOSocket<TStrangersEvents, IServerEvents, IInstanceEvents, ISocketData>;
