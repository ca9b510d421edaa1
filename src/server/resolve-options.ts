import type { ServerOptions } from 'socket.io';
import {
  checkCallback,
  checkLogger,
  hasMethods,
  isObject,
  milliseconds,
  trueOrFalse,
  wrongOption,
} from '../common/checks.js';
import { describe } from '../common/describe.js';
import { checkRedisConnection } from '../common/redis-client.js';
import type { ILogger } from '../common/types.js';
import { checkReplaceable, type Replaceable } from '../fanout/replaceable.js';
import type {
  IRedisClientLike,
  IRedisConnectionLike,
  TSocketIOAuthenticateFn,
  TSocketIOClientConnectedFn,
  TSocketIOValidateRoomFn,
} from '../ports/options.js';
import { RoomgateError } from '../protocol/errors.js';
import { INTERNAL_PREFIX, SocketIOConstants } from '../protocol/events.js';
import { DEFAULT_LIMITS, type ILimits } from '../protocol/limits.js';
import type { ISocketIOServerBaseOptions } from './options.js';
import type { Report } from './reports.js';

/** The options once checked, with every default in place. */
export interface ResolvedOptions {
  readonly runtime: 'node' | 'bun';
  /** Of `node:http` with runtime `node`, of `Bun.serve` with `bun`. */
  readonly server: unknown;
  readonly engine: unknown;
  readonly identifier: string;
  readonly serverOptions: Partial<ServerOptions>;
  readonly redisConnection: IRedisConnectionLike | IRedisClientLike | undefined;
  readonly authenticateFn: TSocketIOAuthenticateFn;
  readonly validateRoomFn: TSocketIOValidateRoomFn | undefined;
  readonly clientConnectedFn: ((...args: Parameters<TSocketIOClientConnectedFn>) => unknown) | undefined;
  readonly authenticateTimeout: number;
  readonly pingInterval: number;
  readonly defaultRooms: readonly string[];
  readonly redisTimeout: number;
  readonly shutdownTimeout: number;
  readonly limits: ILimits;
  readonly fanout: boolean;
  readonly replaceable: Replaceable | undefined;
  readonly logger: ILogger | false | undefined;
  readonly onReport: ((report: Report) => unknown) | undefined;
}

/** What engine.io calls on the server that it is attached to, and `shutdown()` to end it. */
const SERVER_METHODS = ['on', 'listeners', 'removeAllListeners', 'close'];
const ENGINE_METHODS = ['on', 'close'];

const OF = 'SocketIOServerHelper';
const wrong = wrongOption.bind(undefined, OF);

function text(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw wrong(option, 'a string of at least one character', value);
  return value;
}

// The caller has the exact type; here it is only judged whether it can be called.
function callback<T>(option: string, value: T | undefined): T | undefined {
  checkCallback(OF, option, value);
  return value;
}

function rooms(option: string, value: unknown): readonly string[] {
  if (value === undefined) return [SocketIOConstants.ROOM_DEFAULT, SocketIOConstants.ROOM_NOTIFICATION];
  if (!Array.isArray(value)) throw wrong(option, 'a list of room names', value);
  for (const [index, room] of value.entries()) {
    const name = text(`${option}[${index}]`, room);
    if (name.startsWith(INTERNAL_PREFIX)) {
      throw wrong(`${option}[${index}]`, `a name that does not start with "${INTERNAL_PREFIX}"`, name);
    }
  }
  return Object.freeze([...new Set(value as string[])]);
}

function limits(value: unknown): ILimits {
  if (value === undefined) return DEFAULT_LIMITS;
  if (!isObject(value)) throw wrong('limits', 'an object of numbers', value);
  const given = Object.entries(value).filter(([, limit]) => limit !== undefined);
  for (const [name, limit] of given) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw wrong(`limits.${name}`, `one of ${Object.keys(DEFAULT_LIMITS).join(', ')}`, limit);
    }
    if (!Number.isInteger(limit) || (limit as number) < 1)
      throw wrong(`limits.${name}`, 'a whole number from 1', limit);
  }
  return Object.freeze({ ...DEFAULT_LIMITS, ...Object.fromEntries(given) });
}

function serverOptions(value: unknown): Partial<ServerOptions> {
  if (!isObject(value)) throw wrong('serverOptions', "an object of Socket.IO's options ({} will do)", value);
  if (value.connectionStateRecovery) {
    throw new RoomgateError(
      'invalid_option',
      'SocketIOServerHelper: option "serverOptions.connectionStateRecovery" is not supported: Socket.IO gives a recovered socket its rooms and ' +
        'missed messages before any authentication. Leave it out.',
    );
  }
  return value as Partial<ServerOptions>;
}

function runtimeOf(options: { runtime?: unknown; server?: unknown; engine?: unknown }): 'node' | 'bun' {
  switch (options.runtime) {
    case 'node':
      if (!hasMethods(options.server, SERVER_METHODS)) throw wrong('server', 'a server of node:http', options.server);
      return 'node';
    case 'bun':
      if (!hasMethods(options.engine, ENGINE_METHODS)) {
        throw wrong('engine', 'a Server of @socket.io/bun-engine', options.engine);
      }
      if (options.server !== undefined && !hasMethods(options.server, ['stop'])) {
        throw wrong('server', 'a server of Bun.serve', options.server);
      }
      return 'bun';
    default: {
      const given = typeof options.runtime === 'string' ? `"${options.runtime}"` : describe(options.runtime);
      throw new RoomgateError(
        'invalid_option',
        `${OF}: option "runtime": "node" or "bun" is wanted, ${given} was given.`,
      );
    }
  }
}

function redisConnection(value: unknown): IRedisConnectionLike | IRedisClientLike | undefined {
  if (value === undefined) return undefined;
  checkRedisConnection(OF, value);
  return value as IRedisConnectionLike | IRedisClientLike;
}

/** Checks every option and fills in the defaults; throws a `RoomgateError` that names the first one that is wrong. */
export function resolveOptions(options: unknown): ResolvedOptions {
  if (!isObject(options)) throw wrong('options', 'an object', options);
  const { server, engine } = options;
  return Object.freeze({ runtime: runtimeOf(options), server, engine, ...resolveBaseOptions(options) });
}

/** The same for what does not depend on the runtime. */
export function resolveBaseOptions(options: unknown): Omit<ResolvedOptions, 'runtime' | 'server' | 'engine'> {
  const given = options as ISocketIOServerBaseOptions;
  const authenticateFn = callback('authenticateFn', given.authenticateFn);
  if (authenticateFn === undefined) throw wrong('authenticateFn', 'a function', undefined);
  checkLogger(OF, given.logger);
  return {
    identifier: text('identifier', given.identifier),
    serverOptions: serverOptions(given.serverOptions),
    redisConnection: redisConnection(given.redisConnection),
    authenticateFn,
    validateRoomFn: callback('validateRoomFn', given.validateRoomFn ?? undefined),
    clientConnectedFn: callback('clientConnectedFn', given.clientConnectedFn ?? undefined),
    authenticateTimeout: milliseconds(OF, 'authenticateTimeout', given.authenticateTimeout, 10_000, 1),
    pingInterval: milliseconds(OF, 'pingInterval', given.pingInterval, 30_000, 1),
    defaultRooms: rooms('defaultRooms', given.defaultRooms),
    redisTimeout: milliseconds(OF, 'redisTimeout', given.redisTimeout, 30_000, 1),
    shutdownTimeout: milliseconds(OF, 'shutdownTimeout', given.shutdownTimeout, 5_000, 0),
    limits: limits(given.limits),
    fanout: trueOrFalse(OF, 'fanout', given.fanout, true),
    replaceable: checkReplaceable(OF, given.replaceable),
    logger: given.logger,
    onReport: callback('onReport', given.onReport),
  };
}
