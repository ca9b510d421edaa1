import type { FailedAuthentications } from '../gate/failed-authentications.js';
import type { Revoker } from '../gate/revoker.js';
import type { Explained } from '../limits/explainer.js';
import {
  type ExplainedConnection,
  type ExplainedLimit,
  type ExplainedRoom,
  type Facts,
  type KnownBar,
  MOST_BARS,
  MOST_CONNECTIONS,
  MOST_ROOMS,
} from '../limits/explanation.js';
import type { Runtime } from '../ports/runtime.js';
import { userRoom } from '../protocol/internal-rooms.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { UserLimits } from './compose-limits.js';
import type { ResolvedBaseOptions } from './resolve-options.js';

export interface FactsParts {
  readonly options: Pick<ResolvedBaseOptions, 'identifier' | 'defaultRooms' | 'limits'>;
  readonly registry: Registry;
  readonly revoker: Pick<Revoker, 'barsOf'>;
  readonly userLimits: Pick<UserLimits, 'rates' | 'penalties'>;
  readonly failures: Pick<FailedAuthentications, 'limitOf'> | undefined;
  readonly runtime: Pick<Runtime, 'delayedSince'>;
}

/** What this instance knows about a user: names, rules and times, and nothing that a program or a client keeps secret. */
export function factsOf(parts: FactsParts, { user, room }: Explained): Facts {
  const { options, registry, revoker } = parts;
  const sessions = [...registry.sessionsIn(userRoom(user))];
  const places = { left: MOST_ROOMS };
  const told = sessions.slice(0, MOST_CONNECTIONS);
  const connections = told.map((session) => connectionOf(session, room, places, options));
  const limits = [...limitsOf(parts, user), ...told.flatMap((session) => delayOf(parts, session))];
  const bars = revoker.barsOf(user, sessions, room).map((bar) => ({ ...bar, ...wallTimes(bar) }) satisfies KnownBar);
  const truncated = sessions.length > MOST_CONNECTIONS || places.left < 0 || bars.length > MOST_BARS;
  return { connections, limits, bars: bars.slice(0, MOST_BARS), truncated };
}

/** `places.left`: how many rooms may still be named; negative if that were too few. */
function connectionOf(
  session: Session,
  room: string | undefined,
  places: { left: number },
  { identifier: instance, defaultRooms }: FactsParts['options'],
): ExplainedConnection {
  const { id, identity, admittedAt, socket } = session;
  const rooms: ExplainedRoom[] = [];
  for (const name of socket.rooms) {
    if (name === id || (room !== undefined && name !== room)) continue;
    places.left -= 1;
    if (places.left < 0) break;
    rooms.push(roomOf(session, name, defaultRooms));
  }
  const until = identity?.expiresAt;
  return { id, instance, since: wallTime(admittedAt), ...(until === undefined ? {} : { until }), rooms };
}

function roomOf(session: Session, room: string, defaultRooms: readonly string[]): ExplainedRoom {
  const grant = session.grantOf(room);
  if (grant !== undefined) {
    const { until } = grant;
    return { room, rule: 'granted', since: wallTime(grant.since), ...(until === undefined ? {} : { until }) };
  }
  if (!defaultRooms.includes(room)) return { room, rule: 'program' };
  return { room, rule: 'default', since: wallTime(session.admittedAt) };
}

function limitsOf({ options, registry, userLimits, failures }: FactsParts, user: string): ExplainedLimit[] {
  const { identifier: instance, limits } = options;
  const found: ExplainedLimit[] = [];
  const rate = userLimits.rates?.find(user);
  if (rate !== undefined) found.push({ rule: rate.rule, instance, ...wallTimes(rate) });
  if (registry.countOf(user) >= limits.connectionsPerUser) found.push({ rule: 'connections_per_user', instance });
  const penalty = userLimits.penalties.find({ user });
  if (penalty !== undefined) found.push({ rule: 'messages_per_second', instance, ...wallTimes(penalty) });
  const failed = failures?.limitOf(user);
  if (failed !== undefined) found.push({ rule: 'failed_authentications', instance, ...wallTimes(failed) });
  return found;
}

/** The limit that delays the messages of one client. */
function delayOf({ options, runtime }: FactsParts, { id, socket }: Session): ExplainedLimit[] {
  const since = runtime.delayedSince?.(socket.conn);
  if (since === undefined) return [];
  const { identifier: instance, limits } = options;
  const until = Number.isFinite(limits.delayedFor) ? { until: wallTime(since + limits.delayedFor) } : {};
  return [{ rule: 'messages_per_second', instance, client: id, since: wallTime(since), ...until }];
}

interface Times {
  readonly since: number;
  readonly until: number;
}

/** The times of `performance.now()`, in milliseconds since 1970. */
function wallTimes({ since, until }: Times): Times {
  return { since: wallTime(since), until: wallTime(until) };
}

function wallTime(at: number): number {
  return Math.round(Date.now() - performance.now() + at);
}
