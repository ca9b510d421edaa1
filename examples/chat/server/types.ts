import type { Redis } from 'ioredis';
import type { IOServer, IOSocket, SocketIOComponent } from 'roomgate';
import type { Down, Message, Up, Whisper } from '../contract.js';
import type { History } from './history.js';
import type { People } from './people.js';
import type { Rulings } from './rulings.js';
import type { Tokens } from './tokens.js';

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

/** The parts of a running chat. */
export interface Parts {
  component: ChatComponent;
  tokens: Tokens;
  people: People;
  rooms: History<Message>;
  whispers: History<Whisper>;
  rulings: Rulings;
  redis: Redis | undefined;
}
