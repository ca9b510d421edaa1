import { hostname } from 'node:os';
import type { ServerOptions } from 'socket.io';
import { checkOptionsObject, trueOrFalse, wrongOption } from '../common/checks.js';
import { checkCors, type ISocketIOCorsOptions } from '../gate/origin-guard.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TLooseData, TLooseEvents } from '../protocol/event-maps.js';
import { type OptionRemark, remarksOn } from './option-names.js';
import type { ISocketIOComponentOptions, ISocketIOServerBaseOptions } from './options.js';
import { isServerOptions, resolveBaseOptions } from './resolve-options.js';

/** The checked options. Those of the helper are checked by the helper. */
export interface ResolvedComponentOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> {
  readonly server: unknown;
  readonly path: string;
  readonly cors: ISocketIOCorsOptions | undefined;
  readonly signals: boolean;
  readonly identifier: string;
  readonly serverOptions: Partial<ServerOptions>;
  /** Options that are passed to the helper without changes. */
  readonly rest: Omit<ISocketIOServerBaseOptions<L, E, S, D, C>, 'identifier' | 'serverOptions'>;
  /** Reports about given options that are probably mistakes. Each is reported once. */
  readonly remarks: readonly OptionRemark[];
}

const OF = 'SocketIOComponent';
/** Plain segments only: engine.io compares the path with the start of a request's path, so others would match nothing or too much. */
const PATH = /^(\/[\w.~-]+)+\/?$/;

/** @throws RoomgateError `invalid_option`, naming the first option that is wrong, the expected and the received value. */
export function resolveComponentOptions<L extends TEventsMap, E extends TEventsMap, S extends TEventsMap, D, C>(
  options: ISocketIOComponentOptions<L, E, S, D, C>,
): ResolvedComponentOptions<L, E, S, D, C> {
  checkOptionsObject(OF, options, '{ authenticateFn, server }');
  const remarks = checkNames(options);
  const { server, identifier, path, cors, signals, serverOptions, ...rest } = options;
  const resolved = {
    server,
    path: checkPath(path),
    cors: checkCors(OF, cors),
    signals: trueOrFalse(OF, 'signals', signals, false),
    identifier: identifier === undefined ? `${hostname()}-${process.pid}` : identifier,
    serverOptions: checkServerOptions(serverOptions),
    rest,
    remarks,
  };
  // Options that the helper would refuse are refused here, before the application runs.
  resolveBaseOptions(OF, { ...rest, ...resolved });
  return Object.freeze(resolved);
}

function checkNames(options: Readonly<Record<string, unknown>>): readonly OptionRemark[] {
  for (const name of ['runtime', 'engine']) {
    if (options[name] !== undefined) {
      throw refused(`option "${name}": it is for SocketIOServerHelper; this class detects the runtime. Leave it out`);
    }
  }
  return remarksOn(OF, options);
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
