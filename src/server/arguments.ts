import { checkOneObject, hasMethods, isRecord, wrongArgument } from '../common/checks.js';
import { RoomgateError } from '../protocol/errors.js';

const FIND_SOCKET = 'Write disconnect({ socket: helper.getClients({ id })?.socket }).';

/** The socket of `disconnect()`, if there is one. @throws RoomgateError if it is something else. */
export function socketOf<S>(opts: { readonly socket: S }): S {
  const given: unknown = opts;
  if (isSocket(given))
    throw wrongArgument('disconnect', 'options', '{ socket }', given, 'Write disconnect({ socket }).');
  checkOneObject('disconnect', given, '{ socket }');
  const { socket } = given;
  const isNone = 'socket' in given && (socket === undefined || socket === null);
  if (isNone || isSocket(socket)) return opts.socket;
  const isClient = isRecord(socket) && isSocket(socket.socket);
  const fix = isClient ? 'Write disconnect({ socket: client.socket }).' : FIND_SOCKET;
  throw wrongArgument('disconnect', 'socket', 'a socket of Socket.IO', socket, fix);
}

/** Checks the object of `on()`. @throws RoomgateError */
export function checkHandler(opts: unknown): void {
  checkOneObject('on', opts, '{ topic, handler }');
  const { topic, handler } = opts;
  if (typeof topic !== 'string' || topic === '') {
    const fix = 'event' in opts ? 'Write "topic" in place of "event".' : undefined;
    throw wrongArgument('on', 'topic', 'a non-empty string', topic, fix);
  }
  if (typeof handler !== 'function') throw wrongArgument('on', 'handler', 'a function', handler);
}

/** Without `id` the caller would get every client in place of one. */
export function refuseOtherNames(opts: object): void {
  const other = Object.entries(opts).find(([name, value]) => name !== 'id' && value !== undefined);
  if (other === undefined || 'id' in opts) return;
  throw new RoomgateError('invalid_argument', `getClients(): "${other[0]}" does not exist. Write getClients({ id }).`);
}

function isSocket(value: unknown): value is object {
  return hasMethods(value, ['disconnect', 'emit']);
}
