import type { Socket } from 'socket.io-client';
import { fieldsOf } from '../common/checks.js';
import { EVENT_DRAIN, EVENT_LIMITED, EVENT_RENEW, EVENT_ROOMS_LOST, SocketIOConstants } from '../protocol/events.js';
import type { ConnectionEvents } from './connection-events.js';

/** Listens to the events of the server's library. `notSooner` gets the time that the server wants a client to wait. */
export function listenToServer(socket: Socket, events: ConnectionEvents, notSooner: (afterMs: unknown) => void): void {
  socket.on(SocketIOConstants.EVENT_AUTHENTICATED, (payload: unknown) => events.authenticated(payload));
  socket.on(SocketIOConstants.EVENT_UNAUTHENTICATE, (payload: unknown) => events.unauthenticated(payload));
  socket.on(EVENT_RENEW, (payload: unknown) => events.renewalOrdered(payload));
  socket.on(EVENT_ROOMS_LOST, (payload: unknown) => events.roomsLost(payload));
  socket.on(SocketIOConstants.EVENT_PING, () => events.pinged());
  for (const event of [EVENT_DRAIN, EVENT_LIMITED]) {
    socket.on(event, (payload: unknown) => notSooner(fieldsOf(payload).after));
  }
}
