import { hasMethods } from '../../common/checks.js';
import { describe } from '../../common/describe.js';
import { RoomgateError } from '../../protocol/errors.js';

/** A client of Redis that the program gives, as far as it is used. */
export interface Duplicable {
  duplicate(...args: never[]): unknown;
}

/** What the program gives: a client of ioredis 5 or 6 (`Redis` or `Cluster`), or anything that hands one out. */
export type GivenRedis = Duplicable | { getClient(): Duplicable };

export type RedisMessageBody = string | Buffer;
export type Listener = (...args: never[]) => unknown;

/** The part of a connection's socket that is used. */
export interface RedisStream {
  readonly writable?: boolean;
  once?(event: 'data', listener: (chunk: Buffer) => void): unknown;
}

/** One connection to one Redis process, as far as it is used: an ioredis `Redis` of our own making. */
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

/** @throws RoomgateError `invalid_option` where `duplicate()` returned something else than a client of ioredis. */
export function ensureClient(duplicate: RedisConnection): RedisConnection {
  const missing = METHODS.filter((method) => !hasMethods(duplicate, [method]));
  if (missing.length === 0) return duplicate;
  const received = `${describe(duplicate)} without ${missing.join(', ')}`;
  const text = `Option "redisConnection": duplicate() must return a client of ioredis 5 or 6, received ${received}.`;
  throw new RoomgateError('invalid_option', text);
}

/** Makes connections from what the program gave, and leaves that alone. */
export interface Dialer {
  /** For messages: where Redis is said to be. */
  readonly address: string;
  /** A connection that is not connected yet. In a cluster, another `attempt` is another node. */
  dial(name: string, attempt: number): Promise<RedisConnection>;
  /** Replaces the error of a failed connection by one that says more, if the dialer knows more. */
  explain?(client: RedisConnection, error: unknown): unknown;
  /** How many subscribe to the channel, on all nodes; undefined where the one Redis can be asked by any connection. */
  readonly countSubscribers: ((channel: string) => Promise<number>) | undefined;
}

/** Whether Redis itself refused, so that the command was surely not carried out. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether Redis refused with this first word, such as `MOVED`. */
export function isReplyOf(error: unknown, ...words: string[]): error is Error {
  return isReply(error) && words.some((word) => error.message.startsWith(word));
}

/** Whether this Redis takes the command from nobody, or not from us, however often it is asked. */
export function isForbidden(error: unknown): boolean {
  return isReplyOf(error, 'NOPERM', 'ERR unknown command', 'ERR unknown subcommand', "ERR This instance doesn't");
}
