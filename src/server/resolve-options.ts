import type { Server as HttpServer } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { checkLogger, hasMethods, isObject, milliseconds, trueOrFalse, wrongOption } from '../common/checks.js';
import { describe } from '../common/describe.js';
import { checkLogLevel } from '../common/log-level.js';
import { checkRedisConnection } from '../common/redis-client.js';
import { checkReplaceable, type Replaceable } from '../fanout/replaceable.js';
import type { IBunServerLike } from '../ports/http-server.js';
import { RoomgateError } from '../protocol/errors.js';
import { INTERNAL_PREFIX, SocketIOConstants } from '../protocol/events.js';
import { DEFAULT_LIMITS, type ILimits } from '../protocol/limits.js';
import { isBunServer, isHttpServer } from './find-server.js';
import { checkOnFailure, type OnFailure } from './on-failure.js';
import type { ISocketIOServerBaseOptions } from './options.js';
import type { Report } from './reports.js';

const ENGINE_METHODS = ['on', 'close'];
const OF = 'SocketIOServerHelper';

type Given = ISocketIOServerBaseOptions;

/** The checked options, with all defaults. */
export type ResolvedOptions = ResolvedBaseOptions & RuntimeOptions;

/** The options that do not depend on the runtime. */
export interface ResolvedBaseOptions {
  readonly identifier: string;
  readonly serverOptions: Given['serverOptions'];
  readonly redisConnection: Given['redisConnection'];
  readonly authenticateFn: Given['authenticateFn'];
  readonly validateRoomFn: Given['validateRoomFn'];
  readonly clientConnectedFn: Given['clientConnectedFn'];
  readonly authenticateTimeout: number;
  readonly pingInterval: number;
  readonly defaultRooms: readonly string[];
  readonly redisTimeout: number;
  readonly shutdownTimeout: number;
  readonly onFailure: OnFailure;
  readonly limits: ILimits;
  readonly fanout: boolean;
  readonly replaceable: Replaceable | undefined;
  readonly logger: Given['logger'];
  readonly logLevel: Given['logLevel'];
  readonly onReport: ((report: Report) => unknown) | undefined;
}

/** The server or engine to attach to. */
type RuntimeOptions =
  | { readonly runtime: 'node'; readonly server: HttpServer }
  | { readonly runtime: 'bun'; readonly engine: object; readonly server: IBunServerLike | undefined };

/** The options of a program that may be written in JavaScript, so their types are unknown. */
type Unchecked = Readonly<Record<string, unknown>>;

/** Checks every option and fills in the defaults; throws a `RoomgateError` that names the first one that is wrong. */
export function resolveOptions(options: unknown): ResolvedOptions {
  if (!isObject(options)) throw wrongOption(OF, 'options', 'an object', options);
  return Object.freeze({ ...runtimeOptions(options), ...resolveBaseOptions(options) });
}

/** The same for what does not depend on the runtime. */
export function resolveBaseOptions(given: Unchecked): ResolvedBaseOptions {
  const { authenticateFn, logger, logLevel } = given;
  if (!isFunction<Given['authenticateFn']>(authenticateFn)) {
    throw wrongOption(OF, 'authenticateFn', 'a function', authenticateFn);
  }
  checkLogger(OF, logger);
  checkLogLevel(OF, logLevel);
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
    onFailure: checkOnFailure(OF, given.onFailure),
    limits: limits(given.limits),
    fanout: trueOrFalse(OF, 'fanout', given.fanout, true),
    replaceable: checkReplaceable(OF, given.replaceable),
    logger,
    logLevel,
    onReport: callback('onReport', given.onReport),
  };
}

function runtimeOptions({ runtime, server, engine }: Unchecked): RuntimeOptions {
  if (runtime === 'node') {
    if (!isHttpServer(server)) throw wrongOption(OF, 'server', 'a server of node:http', server);
    return { runtime, server };
  }
  if (runtime !== 'bun') {
    const given = typeof runtime === 'string' ? `"${runtime}"` : describe(runtime);
    throw wrongOption(OF, 'runtime', '"node" or "bun"', runtime, given);
  }
  if (!hasMethods(engine, ENGINE_METHODS)) throw wrongOption(OF, 'engine', 'a Server of @socket.io/bun-engine', engine);
  if (server !== undefined && !isBunServer(server)) throw wrongOption(OF, 'server', 'a server of Bun.serve', server);
  return { runtime, engine, server };
}

function text(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw wrongOption(OF, option, 'a string of at least one character', value);
}

/** Checks only that the value is a function. The types of the options define its arguments. */
function isFunction<T extends (...args: never[]) => unknown>(value: unknown): value is T {
  return typeof value === 'function';
}

function callback<T extends (...args: never[]) => unknown>(option: string, value: unknown): T | undefined {
  if (value === undefined) return undefined;
  if (isFunction<T>(value)) return value;
  throw wrongOption(OF, option, 'a function', value);
}

function rooms(option: string, value: unknown): readonly string[] {
  if (value === undefined) return [SocketIOConstants.ROOM_DEFAULT, SocketIOConstants.ROOM_NOTIFICATION];
  if (!Array.isArray(value)) throw wrongOption(OF, option, 'a list of room names', value);
  const names = value.map((room: unknown, index) => roomName(`${option}[${index}]`, room));
  return Object.freeze([...new Set(names)]);
}

function roomName(option: string, value: unknown): string {
  const name = text(option, value);
  if (!name.startsWith(INTERNAL_PREFIX)) return name;
  throw wrongOption(OF, option, `a name that does not start with "${INTERNAL_PREFIX}"`, name);
}

function limits(value: unknown): ILimits {
  if (value === undefined) return DEFAULT_LIMITS;
  if (!isObject(value)) throw wrongOption(OF, 'limits', 'an object of numbers', value);
  const given = Object.entries(value).filter(([, limit]) => limit !== undefined);
  for (const [name, limit] of given) checkLimit(name, limit);
  return Object.freeze({ ...DEFAULT_LIMITS, ...Object.fromEntries(given) });
}

function checkLimit(name: string, limit: unknown): void {
  if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
    throw wrongOption(OF, `limits.${name}`, `one of ${Object.keys(DEFAULT_LIMITS).join(', ')}`, limit);
  }
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1) return;
  throw wrongOption(OF, `limits.${name}`, 'a whole number from 1', limit);
}

function serverOptions(value: unknown): Partial<ServerOptions> {
  if (!isServerOptions(value)) {
    throw wrongOption(OF, 'serverOptions', "an object of Socket.IO's options ({} will do)", value);
  }
  if (!value.connectionStateRecovery) return value;
  throw new RoomgateError(
    'invalid_option',
    `${OF}: option "serverOptions.connectionStateRecovery" is not supported: Socket.IO gives a recovered socket its rooms and ` +
      'missed messages before any authentication. Leave it out.',
  );
}

/** Checks only that it is an object. Socket.IO checks its options itself. */
export function isServerOptions(value: unknown): value is Partial<ServerOptions> {
  return isObject(value);
}

function redisConnection(value: unknown): Given['redisConnection'] {
  if (value === undefined) return undefined;
  assertRedisConnection(value);
  return value;
}

function assertRedisConnection(value: unknown): asserts value is NonNullable<Given['redisConnection']> {
  checkRedisConnection(OF, value);
}
