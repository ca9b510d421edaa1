import type { Server as HttpServer } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { checkAdapterPackages } from '../backplane/redis/redis-packages.js';
import {
  checkLogger,
  checkOptionsObject,
  hasMethods,
  isRecord,
  LONGEST_TIMER_MS,
  milliseconds,
  trueOrFalse,
  wrongOption,
} from '../common/checks.js';
import { describe, fixFor, isClass } from '../common/describe.js';
import { checkLogLevel } from '../common/log-level.js';
import { checkRedisConnection } from '../common/redis-client.js';
import { checkReplaceable, type Replaceable } from '../fanout/replaceable.js';
import { checkHelperCors } from '../gate/origin-guard.js';
import type { IBunServerLike } from '../ports/http-server.js';
import { RoomgateError } from '../protocol/errors.js';
import { INTERNAL_PREFIX, SocketIOConstants } from '../protocol/events.js';
import { DEFAULT_LIMITS, type ILimits } from '../protocol/limits.js';
import { RuntimeModules } from '../runtime/runtime-modules.js';
import { type ClassName, classNameOf } from './class-name.js';
import { adviceFor, isBunServer, isHttpServer } from './find-server.js';
import { checkOnFailure, type OnFailure } from './on-failure.js';
import { type OptionRemark, remarksOn } from './option-names.js';
import type { ISocketIOServerBaseOptions } from './options.js';
import type { Report } from './reports.js';
import { checkSocketIOOptions } from './socket-io-options.js';

/** Patterns, and characters that end the path of a request. */
const NEVER_IN_A_PATH = /[?#*\s]/;
const ENGINE_METHODS = ['on', 'close'];
const EXAMPLE = '{ runtime: "node", server, identifier, serverOptions: {}, authenticateFn }';

type Given = ISocketIOServerBaseOptions;

/** The checked options, with all defaults. */
export type ResolvedOptions = ResolvedBaseOptions & RuntimeOptions & Remarks;

interface Remarks {
  /** Reports about given options that are probably mistakes. Each is reported once. */
  readonly remarks: readonly OptionRemark[];
  /** The name of the option `cors.origin` for log lines. */
  readonly corsOption: string;
}

/** The options that do not depend on the runtime. */
export interface ResolvedBaseOptions {
  readonly identifier: string;
  readonly serverOptions: Given['serverOptions'];
  readonly redisConnection: Given['redisConnection'];
  readonly authenticateFn: Given['authenticateFn'];
  readonly validateRoomFn: Given['validateRoomFn'];
  readonly clientConnectedFn: Given['clientConnectedFn'];
  readonly authenticationKey: Given['authenticationKey'];
  readonly trustedHops: number | undefined;
  readonly authenticateTimeout: number;
  readonly guardTimeout: number;
  readonly handlerTimeout: number;
  readonly fenceAfter: number | undefined;
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
  checkOptionsObject('SocketIOServerHelper', options, EXAMPLE);
  const of = classNameOf(options);
  // First, because a misspelled option is missing as well. A component has done this for its helper.
  const remarks = of === 'SocketIOComponent' ? [] : remarksOn(of, options);
  const resolved = { ...runtimeOptions(of, options), ...resolveBaseOptions(of, options) };
  const ignored = resolved.runtime === 'node' && options.engine !== undefined ? [ENGINE_ON_NODE] : [];
  const corsOption = of === 'SocketIOComponent' ? 'cors.origin' : 'serverOptions.cors.origin';
  return Object.freeze({ ...resolved, remarks: [...remarks, ...ignored], corsOption });
}

/** The same for what does not depend on the runtime. `of`: the class that the program wrote. */
export function resolveBaseOptions(of: ClassName, given: Unchecked): ResolvedBaseOptions {
  const { authenticateFn, logger, logLevel } = given;
  if (!isFunction<Given['authenticateFn']>(authenticateFn)) {
    const fix = authenticateFn === undefined ? 'For example: ({ auth }) => isValid(auth.token).' : undefined;
    throw wrongOption(of, 'authenticateFn', 'a function', authenticateFn, describe(authenticateFn), fix);
  }
  checkLogger(of, logger);
  checkLogLevel(of, logLevel);
  return {
    identifier: text(of, 'identifier', given.identifier),
    serverOptions: serverOptions(of, given.serverOptions),
    redisConnection: redisConnection(of, given.redisConnection),
    authenticateFn,
    validateRoomFn: callback(of, 'validateRoomFn', given.validateRoomFn ?? undefined),
    clientConnectedFn: callback(of, 'clientConnectedFn', given.clientConnectedFn ?? undefined),
    authenticationKey: callback(of, 'authenticationKey', given.authenticationKey ?? undefined),
    trustedHops: trustedHops(of, given.trustedHops),
    authenticateTimeout: milliseconds(of, 'authenticateTimeout', given.authenticateTimeout, 10_000, 1),
    guardTimeout: milliseconds(of, 'guardTimeout', given.guardTimeout, 5_000, 1),
    handlerTimeout: milliseconds(of, 'handlerTimeout', given.handlerTimeout, 30_000, 1),
    fenceAfter: given.fenceAfter === undefined ? undefined : milliseconds(of, 'fenceAfter', given.fenceAfter, 0, 1),
    pingInterval: milliseconds(of, 'pingInterval', given.pingInterval, 30_000, 1),
    defaultRooms: rooms(of, 'defaultRooms', given.defaultRooms),
    redisTimeout: milliseconds(of, 'redisTimeout', given.redisTimeout, 30_000, 1),
    shutdownTimeout: milliseconds(of, 'shutdownTimeout', given.shutdownTimeout, 5_000, 0),
    onFailure: checkOnFailure(of, given.onFailure),
    limits: limits(of, given.limits),
    fanout: trueOrFalse(of, 'fanout', given.fanout, true),
    replaceable: checkReplaceable(of, given.replaceable),
    logger,
    logLevel,
    onReport: callback(of, 'onReport', given.onReport),
  };
}

function runtimeOptions(of: ClassName, { runtime, server, engine }: Unchecked): RuntimeOptions {
  if (runtime === 'node') {
    if (isHttpServer(server)) return { runtime, server };
    if (RuntimeModules.isBun()) throw wrongRuntime(of, runtime);
    throw wrongServer(of, server);
  }
  if (runtime !== 'bun') {
    const given = typeof runtime === 'string' ? `"${runtime}"` : describe(runtime);
    const fix = `This is ${RUNTIME}: write runtime: "${RuntimeModules.detect()}".`;
    throw wrongOption(of, 'runtime', '"node" or "bun"', runtime, given, fix);
  }
  if (!hasMethods(engine, ENGINE_METHODS)) {
    if (RuntimeModules.isNode()) throw wrongRuntime(of, runtime);
    throw wrongOption(of, 'engine', 'a Server of @socket.io/bun-engine', engine, describe(engine), ENGINE_FIX);
  }
  if (server !== undefined && !isBunServer(server)) {
    const fix = 'It is optional: leave it out, or pass the result of Bun.serve().';
    throw wrongOption(of, 'server', 'a server of Bun.serve', server, describe(server), fix);
  }
  return { runtime, engine, server };
}

/** Where this program runs. */
const RUNTIME = RuntimeModules.isBun() ? `Bun ${process.versions.bun}` : `Node.js ${process.versions.node}`;
const ENGINE_FIX = 'Create one with new Server() of that package.';
const ENGINE_ON_NODE = { type: 'option_ignored', option: 'engine', reason: 'it is for runtime: "bun"' } as const;

/** Named by the runtime that was asked for, because its server or engine can't exist here. */
function wrongRuntime(of: ClassName, runtime: 'node' | 'bun'): RoomgateError {
  const [needed, fix] =
    runtime === 'bun'
      ? ['Bun', 'runtime: "node" and pass a server of node:http as "server"']
      : ['Node.js', 'runtime: "bun" and pass a Server of @socket.io/bun-engine as "engine"'];
  const text = `${of}: option "runtime": "${runtime}" needs ${needed}, and this is ${RUNTIME}. Write ${fix}.`;
  return new RoomgateError('invalid_option', text);
}

function wrongServer(of: ClassName, server: unknown): RoomgateError {
  const fix = fixFor(server) || adviceFor(server, of === 'SocketIOComponent');
  return wrongOption(of, 'server', 'a server of node:http or node:https', server, describe(server), fix);
}

function text(of: ClassName, option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw wrongOption(of, option, 'a non-empty string', value);
}

/** Checks only that the value can be called. The types of the options define its arguments. */
function isFunction<T extends (...args: never[]) => unknown>(value: unknown): value is T {
  return typeof value === 'function' && !isClass(value);
}

function callback<T extends (...args: never[]) => unknown>(
  of: ClassName,
  option: string,
  value: unknown,
): T | undefined {
  if (value === undefined) return undefined;
  if (isFunction<T>(value)) return value;
  throw wrongOption(of, option, 'a function', value);
}

function rooms(of: ClassName, option: string, value: unknown): readonly string[] {
  if (value === undefined) return [SocketIOConstants.ROOM_DEFAULT, SocketIOConstants.ROOM_NOTIFICATION];
  if (!Array.isArray(value)) throw wrongOption(of, option, 'an array of room names', value);
  const names = value.map((room: unknown, index) => roomName(of, `${option}[${index}]`, room));
  return Object.freeze([...new Set(names)]);
}

function roomName(of: ClassName, option: string, value: unknown): string {
  const name = text(of, option, value);
  if (!name.startsWith(INTERNAL_PREFIX)) return name;
  throw wrongOption(of, option, `a name that does not start with "${INTERNAL_PREFIX}"`, name, `"${name}"`);
}

function trustedHops(of: ClassName, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  const fix = 'Behind one nginx or HAProxy write 1, and without a proxy 0.';
  throw wrongOption(of, 'trustedHops', 'the number of proxies, 0 or more', value, describe(value), fix);
}

/** Unknown limits are reported, and names close to a known one were refused before. */
function limits(of: ClassName, value: unknown): ILimits {
  if (value === undefined) return DEFAULT_LIMITS;
  if (!isRecord(value)) throw wrongOption(of, 'limits', 'an object of numbers', value);
  const given = Object.entries(value).filter(
    ([name, limit]) => limit !== undefined && Object.hasOwn(DEFAULT_LIMITS, name),
  );
  for (const [name, limit] of given) checkLimit(of, name, limit);
  return Object.freeze({ ...DEFAULT_LIMITS, ...Object.fromEntries(given) });
}

function checkLimit(of: ClassName, name: string, limit: unknown): void {
  if (name === 'refusedFor') {
    checkRefusedFor(of, limit);
    return;
  }
  if (limit === Number.POSITIVE_INFINITY || (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1))
    return;
  throw wrongOption(of, `limits.${name}`, 'a whole number of 1 or more, or Infinity for no limit', limit);
}

/** A time without an end would keep a user away for as long as the instance runs, so here 0 is what turns it off. */
function checkRefusedFor(of: ClassName, limit: unknown): void {
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 0 && limit <= LONGEST_TIMER_MS) return;
  const expected = `a whole number of milliseconds from 0, which refuses nobody, to ${LONGEST_TIMER_MS}`;
  throw wrongOption(of, 'limits.refusedFor', expected, limit);
}

function serverOptions(of: ClassName, value: unknown): Partial<ServerOptions> {
  if (!isServerOptions(value)) {
    throw wrongOption(of, 'serverOptions', "an object of Socket.IO's options ({} is enough)", value);
  }
  const { path } = value as Unchecked;
  if (path !== undefined && path !== '' && !(typeof path === 'string' && path.startsWith('/'))) {
    const given = typeof path === 'string' ? `"${path}"` : describe(path);
    throw wrongOption(of, 'serverOptions.path', 'a path that starts with a slash, such as "/io"', path, given);
  }
  if (typeof path === 'string' && NEVER_IN_A_PATH.test(path)) {
    const fix = 'Socket.IO compares it character by character, without patterns.';
    throw wrongOption(of, 'serverOptions.path', 'a plain path such as "/io"', path, `"${path}"`, fix);
  }
  checkSocketIOOptions(of, value);
  checkHelperCors(of, value.cors);
  if (!value.connectionStateRecovery) return value;
  throw new RoomgateError(
    'invalid_option',
    `${of}: option "serverOptions.connectionStateRecovery" is not supported: Socket.IO gives a recovered socket its rooms and ` +
      'missed messages before any authentication. Leave it out.',
  );
}

/** Checks only that it is an object. */
export function isServerOptions(value: unknown): value is Partial<ServerOptions> {
  return isRecord(value);
}

function redisConnection(of: ClassName, value: unknown): Given['redisConnection'] {
  if (value === undefined) return undefined;
  assertRedisConnection(of, value);
  checkAdapterPackages(of);
  return value;
}

function assertRedisConnection(of: ClassName, value: unknown): asserts value is NonNullable<Given['redisConnection']> {
  checkRedisConnection(of, value);
}
