import { INTERNAL_PREFIX } from './events.js';

/*
 * The sockets of one user are in an internal room of the adapter, and so are those of one session. So a message to a user is a
 * message to a room: on all instances, through Redis, and from workers. Neither clients nor programs can name these rooms.
 */

/** The room of all sockets of a user. */
export function userRoom(user: string): string {
  return `${INTERNAL_PREFIX}user${encoded(user)}`;
}

/** The room of all sockets of a session. */
export function sessionRoom(session: string): string {
  return `${INTERNAL_PREFIX}session${encoded(session)}`;
}

/**
 * Redis carries UTF-8, which has no lone surrogates: all of them would arrive as the same character, and with them the messages of
 * one user at another. JSON escapes them.
 */
function encoded(name: string): string {
  return LONE_SURROGATE.test(name) ? `~${JSON.stringify(name)}` : `:${name}`;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
