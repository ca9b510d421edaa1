import { isRecord } from '../common/checks.js';
import { nameIn, RejectedMessageError } from '../common/instance-messages.js';
import type { InstanceMessage } from '../ports/backplane/bus.js';
import {
  type ExplainedConnection,
  type ExplainedLimit,
  type ExplainedRoom,
  type Facts,
  type KnownBar,
  MOST_BARS,
  MOST_CONNECTIONS,
  MOST_LIMITS,
  MOST_ROOMS,
} from './explanation.js';

const ROOM_RULES: readonly ExplainedRoom['rule'][] = ['default', 'granted', 'program'];
const LIMIT_RULES: readonly ExplainedLimit['rule'][] = [
  ...(['messages_per_user', 'messages_per_user_of_all', 'connections_per_user', 'messages_per_second'] as const),
  'failed_authentications',
];
const NAMED: readonly KnownBar['of'][] = ['user', 'session'];

type Fields = Readonly<Record<string, unknown>>;

/** The facts of another instance. Fields that this version does not know are left out. @throws RejectedMessageError */
export function factsIn({ connections, limits, bars, truncated }: InstanceMessage): Facts {
  return {
    connections: listIn(connections, MOST_CONNECTIONS, connectionIn),
    limits: listIn(limits, MOST_LIMITS, limitIn),
    bars: listIn(bars, MOST_BARS, barIn),
    truncated: truncated === true,
  };
}

function connectionIn({ id, instance, since, until, rooms }: Fields): ExplainedConnection {
  return {
    id: nameIn(id),
    instance: textIn(instance),
    since: timeIn(since),
    ...optional('until', until),
    rooms: listIn(rooms, MOST_ROOMS, roomIn),
  };
}

function roomIn({ room, rule, since, until }: Fields): ExplainedRoom {
  return {
    room: textIn(room),
    rule: oneOf(ROOM_RULES, rule),
    ...optional('since', since),
    ...optional('until', until),
  };
}

function limitIn({ rule, instance, client, since, until }: Fields): ExplainedLimit {
  const when = { ...optional('since', since), ...optional('until', until) };
  const of = client === undefined ? {} : { client: nameIn(client) };
  return { rule: oneOf(LIMIT_RULES, rule), instance: textIn(instance), ...of, ...when };
}

function barIn({ revocation, of, room, issuedBefore, since, until }: Fields): KnownBar {
  return {
    revocation: nameIn(revocation),
    of: oneOf(NAMED, of),
    ...(room === undefined ? {} : { room: textIn(room) }),
    ...optional('issuedBefore', issuedBefore),
    since: timeIn(since),
    until: timeIn(until),
  };
}

function listIn<T>(value: unknown, most: number, read: (fields: Fields) => T): T[] {
  if (!Array.isArray(value) || value.length > most)
    throw new RejectedMessageError('a list that is missing or too long');
  return value.map((entry: unknown) => {
    if (!isRecord(entry)) throw new RejectedMessageError('an entry that is no object');
    return read(entry);
  });
}

/** Rooms and identifiers may be longer than other names. */
function textIn(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new RejectedMessageError('a missing or invalid name');
}

function timeIn(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RejectedMessageError('a missing or invalid time');
}

function optional<Name extends string>(name: Name, value: unknown): { readonly [N in Name]?: number } {
  return (value === undefined ? {} : { [name]: timeIn(value) }) as { readonly [N in Name]?: number };
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T {
  const found = known.find((it) => it === value);
  if (found === undefined) throw new RejectedMessageError('an unknown word');
  return found;
}
