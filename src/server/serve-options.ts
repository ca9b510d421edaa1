import { checkOneObject, hasMethods, isRecord, wrongArgument } from '../common/checks.js';
import { checkNames } from '../common/known-options.js';

const EXAMPLE = '{ port: 3000, fetch: app.fetch }';
/** Options of `Bun.serve` that are replaced here, so that Bun's own check never sees those of the program. */
const REPLACED = ['fetch', 'routes', 'websocket'];

/**
 * Checks the options of `Bun.serve` that Socket.IO is added to. Bun checks the others itself, and ignores unknown ones.
 * @throws RoomgateError `invalid_argument`; `invalid_option` for a misspelled name.
 */
export function checkServeOptions(method: 'serve' | 'serveOptions', own: unknown): void {
  if (own === undefined) return;
  const name = `component.${method}`;
  checkOneObject(name, own, EXAMPLE);
  // An application, such as one of Hono, has many other members.
  if (Object.getPrototypeOf(own) === Object.prototype) checkNames(`${name}()`, own, REPLACED);
  const { fetch, routes, websocket } = own;
  if (fetch !== undefined && typeof fetch !== 'function') throw wrongArgument(name, 'fetch', 'a function', fetch);
  if (routes !== undefined && !isRecord(routes)) {
    throw wrongArgument(name, 'routes', 'an object such as { "/": handler }', routes);
  }
  if (websocket === undefined || hasMethods(websocket, ['message'])) return;
  throw wrongArgument(name, 'websocket', 'an object with the method message', websocket);
}
