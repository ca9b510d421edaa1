import { hasMethods } from '../../common/checks.js';
import { describe } from '../../common/describe.js';
import { RoomgateError } from '../../protocol/errors.js';

/** The text of the error for a Redis that is connected, or accepts connections, and does not answer in time. */
export const SILENT = 'Redis does not answer.';

export type RedisMessageBody = string | Buffer;
export type Listener = (...args: never[]) => unknown;

/** The part of a connection's socket that is used. */
export interface RedisStream {
  readonly writable?: boolean;
  once?(event: 'data', listener: (chunk: Buffer) => void): unknown;
}

/** The part of a connection that is used: an ioredis `Redis` that we made, connected to one Redis process. */
export interface RedisConnection {
  readonly status: string;
  readonly stream?: RedisStream | undefined;
  on(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(): void;
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  publish(channel: string, message: RedisMessageBody): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  psubscribe(...patterns: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  punsubscribe(...patterns: string[]): Promise<unknown>;
}

/** The methods of a connection that are used. */
const METHODS = [
  'on',
  'connect',
  'quit',
  'disconnect',
  'call',
  'publish',
  'subscribe',
  'psubscribe',
  'unsubscribe',
  'punsubscribe',
];

/** @throws RoomgateError `invalid_option` if `duplicate()` returned something other than a client of ioredis. */
export function ensureClient(duplicate: RedisConnection): RedisConnection {
  const missing = METHODS.filter((method) => !hasMethods(duplicate, [method]));
  if (missing.length === 0) return duplicate;
  const received = `${describe(duplicate)} without ${missing.join(', ')}`;
  const text = `Option "redisConnection": duplicate() must return a client of ioredis 5 or 6, received ${received}.`;
  throw new RoomgateError('invalid_option', text);
}

/** Makes connections like the program's client, which it leaves alone. */
export interface Dialer {
  /** The address of Redis, for messages. */
  readonly address: string;
  /** A connection that is not connected yet. In a cluster, another `attempt` is another node. */
  dial(name: string, attempt: number): Promise<RedisConnection>;
  /** Returns a more specific error for a failed connection, if the dialer has one. */
  explain?(client: RedisConnection, error: unknown): unknown;
  /** How many clients subscribe to the channel, on all nodes. Undefined for one Redis, which any connection can ask. */
  readonly countSubscribers: ((channel: string) => Promise<number>) | undefined;
}

/** Whether Redis itself refused, so that the command was certainly not executed. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether Redis refused with this first word, such as `MOVED`. */
export function isReplyOf(error: unknown, ...words: string[]): error is Error {
  return isReply(error) && words.some((word) => error.message.startsWith(word));
}

/** True if the command is unknown to this Redis or denied by its ACL: trying again does not help. */
export function isForbidden(error: unknown): boolean {
  return isReplyOf(error, 'NOPERM', 'ERR unknown command', 'ERR unknown subcommand', "ERR This instance doesn't");
}
