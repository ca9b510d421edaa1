/** Event and room names that both ends share. The values are sent over the network. */
export class SocketIOConstants {
  /** Server to client: the keep-alive of an authenticated client. */
  static readonly EVENT_PING = 'ping';
  /** Server side only: Socket.IO's event for a new socket. */
  static readonly EVENT_CONNECT = 'connection';
  /** Both ends: Socket.IO's event for a socket that is gone. */
  static readonly EVENT_DISCONNECT = 'disconnect';
  /** Client to server, after authentication: joins rooms. */
  static readonly EVENT_JOIN = 'join';
  /** Client to server, after authentication: leaves rooms. */
  static readonly EVENT_LEAVE = 'leave';
  /** Client to server: the only event that is handled before authentication. */
  static readonly EVENT_AUTHENTICATE = 'authenticate';
  /** Server to client: the client was authenticated. */
  static readonly EVENT_AUTHENTICATED = 'authenticated';
  /** Server to client: the client was refused, or is no longer authenticated, with the reason. */
  static readonly EVENT_UNAUTHENTICATE = 'unauthenticated';
  /** Every authenticated client is in it, unless the option `defaultRooms` says otherwise. */
  static readonly ROOM_DEFAULT = 'io-default';
  /** The same. */
  static readonly ROOM_NOTIFICATION = 'io-notification';
}

/** Rooms, topics and Redis names that start with this belong to Roomgate. Neither clients nor programs can use them. */
export const INTERNAL_PREFIX = 'roomgate:';

/** Server to client: the instance will close this connection. Reconnect, but not before `after` has passed. */
export const EVENT_DRAIN = `${INTERNAL_PREFIX}drain`;

/** Server to client: this connection is closed, because it exceeded a limit. Reconnect, but not before `after` has passed. */
export const EVENT_LIMITED = `${INTERNAL_PREFIX}limited`;

/** Server to client: renew your credentials on this connection, but not before `after` has passed. */
export const EVENT_RENEW = `${INTERNAL_PREFIX}renew`;

/** Server to client: you are no longer in these rooms. */
export const EVENT_ROOMS_LOST = `${INTERNAL_PREFIX}left`;

/**
 * Names that Socket.IO reserves on every socket.
 * @see https://socket.io/docs/v4/emit-cheatsheet/#reserved-events
 */
const SOCKET_IO_RESERVED: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/** Whether Socket.IO reserves this name, so that peers may not send it either. */
export function isSocketIOEvent(name: unknown): boolean {
  return typeof name === 'string' && SOCKET_IO_RESERVED.has(name);
}

/** Whether a program may not use this name as the topic of a message. */
export function isReservedTopic(topic: string): boolean {
  return SOCKET_IO_RESERVED.has(topic) || topic.startsWith(INTERNAL_PREFIX);
}

/** Whether this is a name of Roomgate's own, which neither clients nor programs may send. */
export function isInternalEvent(name: unknown): boolean {
  return typeof name === 'string' && name.startsWith(INTERNAL_PREFIX);
}

/** Whether this room is Roomgate's own, so that no client may join or leave it. */
export function isInternalRoom(room: string): boolean {
  return room.startsWith(INTERNAL_PREFIX);
}
