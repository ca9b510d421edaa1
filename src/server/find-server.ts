import type { Server as HttpServer } from 'node:http';
import { hasMethods, isObject, wrongOption } from '../common/checks.js';
import { describe, fixFor, isClass } from '../common/describe.js';
import type { IBunServerLike } from '../ports/http-server.js';
import { RoomgateError } from '../protocol/errors.js';

/** The methods that engine.io calls on its server, and that `shutdown()` calls to end it. */
const SERVER_METHODS = ['on', 'listeners', 'removeAllListeners', 'close'];
/** Methods of a Socket.IO server that no HTTP server has. */
const OF_SOCKET_IO = ['of', 'attach'];
const WANTED = 'a server of node:http or node:https';

export function isHttpServer(value: unknown): value is HttpServer {
  // A Socket.IO server has these methods too.
  return hasMethods(value, SERVER_METHODS) && !hasMethods(value, OF_SOCKET_IO);
}

/** A server of `Bun.serve`, or a double of it that has the methods that are used. */
export function isBunServer(value: unknown, methods: readonly string[] = ['stop']): value is IBunServerLike {
  return hasMethods(value, methods);
}

/** Where the program gave the server: `SocketIOComponent.start()`, or the option `server` of `SocketIOComponent`. */
export type Place = 'SocketIOComponent.start()' | 'SocketIOComponent';

/** Finds the server that the program gave. @throws RoomgateError `invalid_option` that says how to get the server. */
export async function findServer(of: Place, source: unknown): Promise<HttpServer> {
  const direct = serverIn(source);
  if (direct !== undefined) return direct;
  // An Express app is a function too, and must not be called.
  if (typeof source !== 'function' || isClass(source) || adviceFor(source) !== '')
    throw noServer(of, source, describe(source));
  const given: unknown = await source();
  const returned = serverIn(given);
  if (returned !== undefined) return returned;
  const lack = given === undefined ? ' (does it lack a "return"?)' : '';
  throw noServer(of, given, `a function that returned ${describe(given)}${lack}`);
}

/** Finds the server of `Bun.serve`, which may be left out. @throws RoomgateError `invalid_option` */
export async function findBunServer(of: Place, source: unknown): Promise<IBunServerLike | undefined> {
  const given: unknown = typeof source === 'function' ? await source() : source;
  if (given === undefined) return undefined;
  if (isBunServer(given, ['stop', 'reload'])) return given;
  const port = typeof given === 'number' ? `port: ${given}, ` : '';
  const fix = fixFor(given) || `Pass an application to serve() instead: component.serve({ ${port}fetch: app.fetch }).`;
  throw wrongServer(of, 'the result of Bun.serve(), or undefined', given, describe(given), fix);
}

function serverIn(given: unknown): HttpServer | undefined {
  if (isHttpServer(given)) return given;
  return isObject(given) && isHttpServer(given.server) ? given.server : undefined;
}

const AFTER_LISTEN =
  'Most frameworks have their server only after listen(): call start(server) then, or pass a function that returns it.';
const FROM_CREATE_SERVER = 'Pass the result of createServer() of node:http, or of the listen() of your framework.';

/** The fix for common mistakes; otherwise empty. */
export function adviceFor(given: unknown, isComponent = true): string {
  if (given === undefined || given === null) return isComponent ? AFTER_LISTEN : FROM_CREATE_SERVER;
  if (typeof given === 'number' || typeof given === 'string') {
    const port = typeof given === 'number' ? given : 'port';
    const write = isComponent ? `write start(createServer().listen(${port})).` : 'pass the result of createServer().';
    return `A port is not enough: import { createServer } from 'node:http', and ${write}`;
  }
  if (!isObject(given)) return '';
  if (!isComponent && isHttpServer(given.server)) return 'Pass its property "server".';
  if (hasMethods(given, ['use', 'handle', 'listen'])) {
    return 'An Express app is not a server: pass the result of its listen(), or createServer(app).';
  }
  if (hasMethods(given, ['fetch', 'request', 'route'])) {
    return 'A Hono app is not a server: pass the result of serve({ fetch: app.fetch }) of @hono/node-server.';
  }
  if (hasMethods(given, ['getHttpServer'])) return 'Pass the result of its getHttpServer().';
  if (hasMethods(given, ['callback', 'use'])) {
    return 'A Koa app is not a server: pass the result of its listen(), or createServer(app.callback()).';
  }
  if (hasMethods(given, OF_SOCKET_IO)) return 'A Socket.IO server is not an HTTP server: pass its httpServer.';
  return '';
}

function noServer(of: Place, source: unknown, description: string): RoomgateError {
  return wrongServer(of, WANTED, source, description, fixFor(source) || adviceFor(source));
}

function wrongServer(of: Place, wanted: string, given: unknown, description: string, fix: string): RoomgateError {
  if (of === 'SocketIOComponent') return wrongOption(of, 'server', wanted, given, description, fix);
  return new RoomgateError('invalid_option', `${of}: expected ${wanted}, received ${description}. ${fix}`.trimEnd());
}
