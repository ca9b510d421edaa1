import { sessionRoom, userRoom } from '../protocol/internal-rooms.js';
import { isRecord, wrongArgument } from './checks.js';
import { needName } from './method-arguments.js';

/** Clients that a call names: the parts of `Who`, one of which is given. */
export interface KnownWho {
  readonly kind: 'user' | 'session' | 'id';
  readonly name: string;
}

const KINDS = ['user', 'session', 'id'] as const;

/** The clients that an object with exactly one of `user`, `session` and `id` names; undefined if it is none. */
export function readWho(given: unknown): KnownWho | undefined {
  if (!isRecord(given)) return undefined;
  const [kind, ...others] = KINDS.filter((name) => given[name] !== undefined);
  if (kind === undefined || others.length > 0) return undefined;
  const name = given[kind];
  return typeof name === 'string' && name !== '' ? { kind, name } : undefined;
}

/** The same for an argument of a method that has other fields too. @throws RoomgateError `invalid_argument`. */
export function needWho(method: string, given: Readonly<Record<string, unknown>>): KnownWho {
  const [kind, ...others] = KINDS.filter((name) => given[name] !== undefined);
  if (others.length > 0) {
    const wanted = 'only one of user, session and id';
    throw wrongArgument(method, 'options', wanted, given, `It has ${[kind, ...others].join(' and ')}: leave one.`);
  }
  if (kind !== undefined) return { kind, name: needName(method, kind, given[kind]) };
  return { kind: 'user', name: needName(method, 'user, session or id', undefined) };
}

/** The room of the adapter that these clients, and no others, are in. */
export function roomOf({ kind, name }: KnownWho): string {
  if (kind === 'id') return name;
  return kind === 'user' ? userRoom(name) : sessionRoom(name);
}
