import { INTERNAL_PREFIX } from './events.js';

/*
 * The names of the rooms that stand for users and sessions, so that a message to a user is a message to a room: on all instances,
 * through Redis, and from workers. Neither clients nor programs can name these rooms. An instance keeps no rooms for them: see
 * `session/known-clients.ts`.
 */

/** The clients that a room stands for. */
export interface NamedClients {
  readonly kind: 'user' | 'session';
  readonly name: string;
}

/** The room that stands for all clients of a user. */
export function userRoom(user: string): string {
  return `${OF_USERS}${encoded(user)}`;
}

/** The room that stands for all clients of a session. */
export function sessionRoom(session: string): string {
  return `${OF_SESSIONS}${encoded(session)}`;
}

/** The user or the session that a room stands for; undefined for any other room. */
export function clientsOfRoom(room: string): NamedClients | undefined {
  if (!room.startsWith(INTERNAL_PREFIX)) return undefined;
  if (room.startsWith(OF_USERS)) return named('user', room.slice(OF_USERS.length));
  return room.startsWith(OF_SESSIONS) ? named('session', room.slice(OF_SESSIONS.length)) : undefined;
}

const OF_USERS = `${INTERNAL_PREFIX}user`;
const OF_SESSIONS = `${INTERNAL_PREFIX}session`;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Redis carries UTF-8, which has no lone surrogates: all of them would arrive as the same character, and with them the messages of
 * one user at another. JSON escapes them.
 */
function encoded(name: string): string {
  return LONE_SURROGATE.test(name) ? `~${JSON.stringify(name)}` : `:${name}`;
}

/** Other instances send these names too, so anything may come. */
function named(kind: NamedClients['kind'], encodedName: string): NamedClients | undefined {
  if (encodedName.startsWith(':')) return { kind, name: encodedName.slice(1) };
  if (!encodedName.startsWith('~"')) return undefined;
  try {
    const name: unknown = JSON.parse(encodedName.slice(1));
    return typeof name === 'string' ? { kind, name } : undefined;
  } catch {
    return undefined;
  }
}
