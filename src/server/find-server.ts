import type { Server as HttpServer } from 'node:http';
import { hasMethods, isObject } from '../common/checks.js';
import { describe } from '../common/describe.js';
import type { IBunServerLike } from '../ports/http-server.js';
import { RoomgateError } from '../protocol/errors.js';

/** The methods that engine.io calls on its server, and that `shutdown()` calls to end it. */
const SERVER_METHODS = ['on', 'listeners', 'removeAllListeners', 'close'];
const WANTED = 'expected a server of node:http or node:https';

export function isHttpServer(value: unknown): value is HttpServer {
  return hasMethods(value, SERVER_METHODS);
}

/** A server of `Bun.serve`, or a double of it that has the methods that are used. */
export function isBunServer(value: unknown, methods: readonly string[] = ['stop']): value is IBunServerLike {
  return hasMethods(value, methods);
}

/** Finds the server in the option `server`. @throws RoomgateError `invalid_option` that says how to get the server. */
export async function findServer(of: string, source: unknown): Promise<HttpServer> {
  const direct = serverIn(source);
  if (direct !== undefined) return direct;
  const known = adviceFor(source);
  if (known === undefined && typeof source === 'function') {
    const given: unknown = await source();
    const returned = serverIn(given);
    if (returned !== undefined) return returned;
    throw noServer(of, `the function returned ${describe(given)}`, adviceFor(given));
  }
  throw noServer(of, `received ${describe(source)}`, known);
}

/** Finds the server of `Bun.serve` in the option `server`, which may be left out. @throws RoomgateError `invalid_option` */
export async function findBunServer(of: string, source: unknown): Promise<IBunServerLike | undefined> {
  const given: unknown = typeof source === 'function' ? await source() : source;
  if (given === undefined) return undefined;
  if (isBunServer(given, ['stop', 'reload'])) return given;
  throw new RoomgateError(
    'invalid_option',
    `${of}: option "server": expected what Bun.serve() returns, or undefined, received ${describe(given)}. ` +
      'Applications are handed to serve(): component.serve({ fetch: app.fetch }).',
  );
}

function serverIn(given: unknown): HttpServer | undefined {
  if (isHttpServer(given)) return given;
  return isObject(given) && isHttpServer(given.server) ? given.server : undefined;
}

/** The fix for common mistakes; undefined for others. */
function adviceFor(given: unknown): string | undefined {
  if (given === undefined || given === null) {
    return 'Most frameworks have their server only after listen(): call start(server) then, or give a function that returns it';
  }
  if (!isObject(given)) return undefined;
  if (hasMethods(given, ['use', 'handle', 'listen'])) {
    return 'An Express app is not a server: give what its listen() returns, or createServer(app)';
  }
  if (hasMethods(given, ['fetch', 'request', 'route'])) {
    return 'A Hono app is not a server: give what serve({ fetch: app.fetch }) of @hono/node-server returns';
  }
  if (hasMethods(given, ['getHttpServer'])) return 'Give what its getHttpServer() returns';
  if (hasMethods(given, ['callback', 'use'])) {
    return 'A Koa app is not a server: give what its listen() returns, or createServer(app.callback())';
  }
  return undefined;
}

function noServer(of: string, given: string, advice: string | undefined): RoomgateError {
  const more = advice === undefined ? '' : ` ${advice}.`;
  return new RoomgateError('invalid_option', `${of}: option "server": ${WANTED}, ${given}.${more}`);
}
