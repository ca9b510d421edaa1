import { bunPath } from '../ingress/bun-options.js';
import { enginePath } from '../ingress/engine-path.js';
import { RoomgateError } from '../protocol/errors.js';
import { hasServerAt, isBound } from '../socketio/other-servers.js';
import type { ClassName } from './class-name.js';
import type { ResolvedOptions } from './resolve-options.js';

/** The class and the identifier of an instance, for errors. */
export interface Taker {
  readonly of: ClassName;
  readonly identifier: string;
}

/** A server, or an engine, of which an instance takes a path. */
interface Place {
  readonly at: object;
  /** In the form in which engines compare it. */
  readonly path: string;
  readonly name: string;
}

/**
 * The instances of each server and engine. Two on one path would both answer each request, and the second answer to a WebSocket
 * would end the process.
 */
const taken = new WeakMap<object, Map<Taker, string>>();

/**
 * Takes the path of an instance at its server and its engine. Returns a function that frees it. An engine that served an instance
 * is not freed, because it keeps its listeners.
 * @throws RoomgateError that names the instance at that path, or says that another Socket.IO server is there.
 */
export function takePath(options: ResolvedOptions, taker: Taker): () => void {
  const engine = options.runtime === 'bun' ? options.engine : undefined;
  if (engine !== undefined) refuseEngine(engine, taker);
  const place = placeOf(options);
  if (place !== undefined) refusePath(place, options, taker);
  if (engine !== undefined) takersOf(engine).set(taker, '');
  if (place !== undefined) takersOf(place.at).set(taker, place.path);
  return () => {
    if (engine !== undefined && !isBound(engine)) takersOf(engine).delete(taker);
    if (place !== undefined) takersOf(place.at).delete(taker);
  };
}

function takersOf(at: object): Map<Taker, string> {
  const takers = taken.get(at) ?? new Map<Taker, string>();
  taken.set(at, takers);
  return takers;
}

function placeOf(options: ResolvedOptions): Place | undefined {
  const { runtime, server, serverOptions } = options;
  if (server === undefined) return undefined;
  if (runtime === 'bun') {
    return { at: server, path: bunPath(options.engine, serverOptions), name: 'this server of Bun.serve' };
  }
  return { at: server, path: enginePath(serverOptions.path, serverOptions.addTrailingSlash), name: 'this HTTP server' };
}

function refuseEngine(engine: object, { of, identifier }: Taker): void {
  const [other] = takersOf(engine).keys();
  if (other === undefined && !isBound(engine)) return;
  const holder = other === undefined ? 'another Socket.IO server' : `${nameOf(other)}, even after its shutdown`;
  const text = `option "engine": this engine belongs to ${holder}. Create a new engine`;
  throw new RoomgateError('invalid_option', `${nameOf({ of, identifier })}: ${text}.`);
}

/** Engines compare the beginnings of paths, so the engine at `/io` also gets the requests of `/io/admin`. */
function refusePath({ at, path, name }: Place, options: ResolvedOptions, taker: Taker): void {
  const [other, its] = [...takersOf(at)].find(([, one]) => one.startsWith(path) || path.startsWith(one)) ?? [];
  if (other === undefined && !(options.runtime === 'node' && hasServerAt(options.server, path))) return;
  const isComponent = taker.of === 'SocketIOComponent';
  const holder = other === undefined ? 'another Socket.IO server' : nameOf(other);
  const where = its === undefined || its === path ? '' : `, whose path is "${withoutSlash(its)}"`;
  const end = other?.of === 'SocketIOComponent' ? 'stop()' : 'shutdown()';
  const first = other === undefined ? 'close the other server' : `await ${end} of "${other.identifier}"`;
  throw new RoomgateError(
    isComponent ? 'invalid_argument' : 'invalid_option',
    `${nameOf(taker)}: the path "${withoutSlash(path)}" of ${name} is taken by ${holder}${where}. ` +
      `Give one of them another path (option "${isComponent ? 'path' : 'serverOptions.path'}"), or ${first} first.`,
  );
}

function nameOf({ of, identifier }: Taker): string {
  return `${of} "${identifier}"`;
}

function withoutSlash(path: string): string {
  return path.replace(/(.)\/$/, '$1');
}
