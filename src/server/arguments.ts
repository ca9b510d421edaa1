import { checkOneObject, hasMethods, isRecord, wrongArgument } from '../common/checks.js';
import { type KnownWho, needWho } from '../common/who.js';
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

const GET_CLIENTS = 'Write getClients({ id }), getClients({ user }) or getClients({ session }).';
const OF_CLIENTS: ReadonlySet<string> = new Set(['id', 'user', 'session']);

/** The clients that `getClients()` asks for; undefined for all. @throws RoomgateError */
export function readClients(opts: unknown): KnownWho | undefined {
  if (opts === undefined || opts === null) return undefined;
  checkOneObject('getClients', opts, '{ id }');
  const given = Object.entries(opts).filter(([, value]) => value !== undefined);
  // Otherwise the caller would get every client in place of some.
  const [other] = given.find(([name]) => !OF_CLIENTS.has(name)) ?? [];
  if (other !== undefined && given.length === 1 && !('id' in opts)) {
    throw new RoomgateError('invalid_argument', `getClients(): "${other}" does not exist. ${GET_CLIENTS}`);
  }
  if ('id' in opts && opts.user === undefined && opts.session === undefined) {
    return opts.id === undefined ? undefined : { kind: 'id', name: String(opts.id) };
  }
  return given.length === 0 ? undefined : needWho('getClients', opts);
}

/** @throws RoomgateError unless it is an object with a socket. */
export function needSocket<O extends { readonly socket: unknown }>(method: string, opts: O): O {
  const given: unknown = opts;
  checkOneObject(method, given, '{ socket }');
  if (isSocket(given.socket)) return opts;
  throw wrongArgument(method, 'socket', 'a socket of Socket.IO', given.socket, `Write ${method}({ socket }).`);
}

function isSocket(value: unknown): value is object {
  return hasMethods(value, ['disconnect', 'emit']);
}
