import type { IOServer, IOSocket, SocketIOComponent } from 'roomgate';
import type { Down, Up } from '../contract.js';

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

export type ChatComponent = SocketIOComponent<Up, Down, InstanceEvents, SocketData>;
export type ChatServer = IOServer<Up, Down, InstanceEvents, SocketData>;
export type ChatSocket = IOSocket<Up, Down, InstanceEvents, SocketData>;
