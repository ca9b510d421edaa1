import { hostname } from 'node:os';
import type { ServerOptions } from 'socket.io';
import { checkOptionsObject, trueOrFalse, wrongOption } from '../common/checks.js';
import { checkCors, type ISocketIOCorsOptions } from '../gate/origin-guard.js';
import type { OptionIgnored } from '../observability/shared-reports.js';
import type { IBunServerLike, TServerSource } from '../ports/http-server.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TLooseData, TLooseEvents } from '../protocol/event-maps.js';
import { unknownOptions } from './option-names.js';
import type { ISocketIOServerBaseOptions } from './options.js';
import { isServerOptions, resolveBaseOptions } from './resolve-options.js';

/** The options of `SocketIOComponent`: those of `SocketIOServerHelper`, and those for starting and stopping with an application. */
export interface ISocketIOComponentOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> extends Omit<ISocketIOServerBaseOptions<L, E, S, D>, 'identifier' | 'serverOptions'> {
  /**
   * The server to attach to, whether it listens yet or not: a server of `node:http`, an object with one in `server`, such as a
   * Fastify app, or a function that returns either, which `start()` calls. It may be given to `start()` instead. On Bun it is a
   * server of `Bun.serve`, and optional, because `serveOptions()` serves.
   */
  server?: TServerSource | IBunServerLike | undefined;
  /** Unique name of this instance, in logs and reports. Default: the host's name and the process id. */
  identifier?: string | undefined;
  /** The `path` that clients connect to. Default `/io`. */
  path?: string | undefined;
  /**
   * The other origins whose pages may connect. Default none: handshakes from pages of other origins are refused, WebSockets
   * included. The server's own origin, compared with the `Host` header, and clients that are not browsers are always allowed.
   */
  cors?: ISocketIOCorsOptions | undefined;
  /**
   * Whether SIGTERM and SIGINT call `stop()`. The process then exits by itself, once the program has nothing else running.
   * Default false.
   */
  signals?: boolean | undefined;
  /** The rest of Socket.IO's own options. Compression is off unless it is asked for here. */
  serverOptions?: Partial<Omit<ServerOptions, 'path' | 'cors'>> | undefined;
}

/** The checked options. Those of the helper are checked by the helper. */
export interface ResolvedComponentOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
> {
  readonly server: unknown;
  readonly path: string;
  readonly cors: ISocketIOCorsOptions | undefined;
  readonly signals: boolean;
  readonly identifier: string;
  readonly serverOptions: Partial<ServerOptions>;
  /** Options that are passed to the helper without changes. */
  readonly rest: Omit<ISocketIOServerBaseOptions<L, E, S, D>, 'identifier' | 'serverOptions'>;
  /** Given options without effect, to be reported once. */
  readonly ignored: readonly OptionIgnored[];
}

const OF = 'SocketIOComponent';
/** Plain segments only: engine.io compares the path with the start of a request's path, so others would match nothing or too much. */
const PATH = /^(\/[\w.~-]+)+\/?$/;

/** @throws RoomgateError `invalid_option`, naming the first option that is wrong, the expected and the received value. */
export function resolveComponentOptions<L extends TEventsMap, E extends TEventsMap, S extends TEventsMap, D>(
  options: ISocketIOComponentOptions<L, E, S, D>,
): ResolvedComponentOptions<L, E, S, D> {
  checkOptionsObject(OF, options, '{ authenticateFn, server }');
  const ignored = checkNames(options);
  const { server, identifier, path, cors, signals, serverOptions, ...rest } = options;
  const resolved = {
    server,
    path: checkPath(path),
    cors: checkCors(OF, cors),
    signals: trueOrFalse(OF, 'signals', signals, false),
    identifier: identifier === undefined ? `${hostname()}-${process.pid}` : identifier,
    serverOptions: checkServerOptions(serverOptions),
    rest,
    ignored,
  };
  // Options that the helper would refuse are refused here, before the application runs.
  resolveBaseOptions(OF, { ...rest, ...resolved });
  return Object.freeze(resolved);
}

function checkNames(options: Readonly<Record<string, unknown>>): readonly OptionIgnored[] {
  for (const name of ['runtime', 'engine']) {
    if (options[name] !== undefined) {
      throw refused(`option "${name}": it is for SocketIOServerHelper; this class detects the runtime. Leave it out`);
    }
  }
  return unknownOptions(OF, options);
}

function checkPath(path: unknown): string {
  if (path === undefined) return '/io';
  if (typeof path !== 'string') throw wrongOption(OF, 'path', 'a path such as "/io"', path);
  if (path === '/')
    throw refused('option "path": "/" would take every request of your application. Write a path such as "/io"');
  if (!PATH.test(path)) throw refused(`option "path": expected a path such as "/io", received "${path}"`);
  return path.replace(/\/$/, '');
}

function checkServerOptions(given: unknown): Partial<ServerOptions> {
  if (given === undefined) return {};
  if (!isServerOptions(given)) throw wrongOption(OF, 'serverOptions', "an object of Socket.IO's options", given);
  for (const name of ['path', 'cors'] as const) {
    if (given[name] !== undefined) {
      throw refused(`option "serverOptions.${name}": this class has an option "${name}". Use that one instead`);
    }
  }
  return given;
}

function refused(text: string): RoomgateError {
  return new RoomgateError('invalid_option', `${OF}: ${text}.`);
}
