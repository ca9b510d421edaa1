import { isRecord } from '../common/checks.js';
import { describe } from '../common/describe.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import type { ValueOrPromise } from '../common/types.js';
import type { KnownIdentity, Refusal, RoomVerdict, When } from '../ports/identity.js';
import type { ValidateRoomFn } from '../ports/options.js';
import type { IOSocket } from '../ports/socket.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TLooseData, TLooseEvents } from '../protocol/event-maps.js';
import { isInternalRoom } from '../protocol/events.js';
import { UndecidedRoom } from './room-verdicts.js';

/** The parameters in a pattern: `{ team: string; id: string }` for `'team/:team/page/:id'`. */
export type RoomParams<Pattern extends string> = { readonly [Name in NamesIn<Pattern>]: string };

/** The names of the parameters in a pattern. */
export type NamesIn<Pattern extends string> = Pattern extends `${infer First}/${infer Rest}`
  ? NamesIn<First> | NamesIn<Rest>
  : Pattern extends `:${infer Name}`
    ? Name
    : never;

/** A decision on one room: whether it is granted, until when, or a refusal with a code of the program. */
export type RoomAnswer = boolean | { until?: When | undefined } | Refusal;

/** Decides on one room that matches its pattern. */
export type RoomGuard<
  Pattern extends string,
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> = (opts: {
  params: RoomParams<Pattern>;
  room: string;
  identity: KnownIdentity<C> | undefined;
  socket: IOSocket<L, E, S, D>;
  signal: AbortSignal;
}) => ValueOrPromise<RoomAnswer>;

/** Where a segment of a pattern is a parameter, its name. */
type Segment = { readonly text: string } | { readonly name: string };

interface Entry {
  readonly pattern: string;
  readonly segments: readonly Segment[];
  // biome-ignore lint/suspicious/noExplicitAny: the types of the parameters are those of the pattern
  readonly guard: RoomGuard<any, any, any, any, any, any>;
}

const GUARD = 'a function such as ({ params, identity }) => params.id === identity?.user';

/**
 * Makes a `validateRoomFn` of one guard for each kind of room. A pattern has segments between slashes, and a segment that starts
 * with `:` is a parameter. The segments of a room are compared as they are, without decoding. A parameter is never empty. Rooms that match
 * no pattern are refused. If a guard throws, only its room is refused, with `guard_failed`, and the error is reported.
 *
 * @example
 * validateRoomFn: roomGuards({
 *   'public/:topic': () => true,
 *   'user/:id': ({ params, identity }) => params.id === identity?.user,
 *   'team/:team/pages/:page': ({ params, identity }) => isMember(identity?.user, params.team),
 * })
 * @throws RoomgateError `invalid_argument` if a pattern or a guard is wrong, or if one room could match two patterns.
 */
export function roomGuards<
  Pattern extends string,
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
>(guards: { readonly [P in Pattern]: RoomGuard<P, L, E, S, D, C> }): ValidateRoomFn<L, E, S, D, C> {
  const entries = entriesOf(guards);
  return (opts) => {
    const answers: ValueOrPromise<RoomVerdict | undefined>[] = opts.rooms.map((room) => decide(entries, room, opts));
    return answers.some(isPromiseLike) ? Promise.all(answers).then(granted) : granted(answers as RoomVerdict[]);
  };
}

function granted(answers: readonly (RoomVerdict | undefined)[]): readonly RoomVerdict[] {
  return answers.filter((answer) => answer !== undefined);
}

function entriesOf(guards: unknown): readonly Entry[] {
  if (!isRecord(guards)) throw wrong(`expected one object of patterns and guards, received ${describe(guards)}`);
  const entries: Entry[] = [];
  for (const [pattern, guard] of Object.entries(guards)) {
    if (typeof guard !== 'function') throw wrong(`"${pattern}": expected ${GUARD}, received ${describe(guard)}`);
    const entry: Entry = { pattern, segments: segmentsOf(pattern), guard: guard as Entry['guard'] };
    const other = entries.find(({ segments }) => overlap(segments, entry.segments));
    if (other !== undefined) {
      const text = `"${other.pattern}" and "${pattern}": expected patterns of which a room can match only one`;
      throw wrong(`${text}. Merge the two guards, or give one a segment of its own`);
    }
    entries.push(entry);
  }
  return entries;
}

function segmentsOf(pattern: string): readonly Segment[] {
  if (pattern === '') throw wrong('"": expected a pattern such as "user/:id", received an empty string');
  if (isInternalRoom(pattern)) throw wrong(`"${pattern}": rooms of this name are reserved for the library`);
  const segments = pattern
    .split('/')
    .map((text): Segment => (text.startsWith(':') ? { name: text.slice(1) } : { text }));
  const names = segments.flatMap((segment) => ('name' in segment ? [segment.name] : []));
  if (names.includes('')) throw wrong(`"${pattern}": expected a name after ":"`);
  if (new Set(names).size < names.length) throw wrong(`"${pattern}": expected a different name for each parameter`);
  return segments;
}

/** Whether a room could match both. */
function overlap(one: readonly Segment[], other: readonly Segment[]): boolean {
  return (
    one.length === other.length &&
    one.every((segment, at) => {
      const against = other[at];
      return !('text' in segment) || against === undefined || !('text' in against) || segment.text === against.text;
    })
  );
}

type Asked = Omit<Parameters<Entry['guard']>[0], 'params' | 'room'>;

/** Undefined: refused. */
function decide(entries: readonly Entry[], room: string, asked: Asked): ValueOrPromise<RoomVerdict | undefined> {
  const parts = room.split('/');
  for (const { pattern, segments, guard } of entries) {
    const params = match(segments, parts);
    if (params !== undefined) return ask(guard, pattern, argumentOf(room, params, asked));
  }
  return undefined;
}

/** The signal is read when the guard reads it, because it is made then. */
function argumentOf(room: string, params: Record<string, string>, asked: Asked): Parameters<Entry['guard']>[0] {
  const { identity, socket } = asked;
  return {
    params,
    room,
    identity,
    socket,
    get signal() {
      return asked.signal;
    },
  };
}

function ask(
  guard: Entry['guard'],
  pattern: string,
  argument: Parameters<Entry['guard']>[0],
): ValueOrPromise<RoomVerdict | undefined> {
  const { room } = argument;
  try {
    const answer: unknown = guard(argument);
    if (!isPromiseLike(answer)) return verdictOf(room, answer, pattern);
    return Promise.resolve(answer).then(
      (it) => verdictOf(room, it, pattern),
      (error: unknown) => new UndecidedRoom(room, error),
    );
  } catch (error) {
    return new UndecidedRoom(room, error);
  }
}

/** The values of the parameters, without a prototype; undefined if the room does not match. */
function match(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined {
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = Object.create(null);
  for (const [at, segment] of segments.entries()) {
    const part = parts[at] ?? '';
    if ('text' in segment) {
      if (segment.text !== part) return undefined;
    } else if (part === '') return undefined;
    else params[segment.name] = part;
  }
  return params;
}

function verdictOf(room: string, answer: unknown, pattern: string): RoomVerdict | undefined {
  if (answer === true) return room;
  if (answer === false) return undefined;
  // Its fields are checked with those of all verdicts.
  if (isRecord(answer)) return { ...answer, room };
  const fix = answer === undefined ? ' Does it lack a "return"?' : '';
  const text = `roomGuards(): "${pattern}": expected true, false or a verdict, received ${describe(answer)}.${fix}`;
  return new UndecidedRoom(room, new RoomgateError('invalid_argument', text));
}

function wrong(text: string): RoomgateError {
  return new RoomgateError('invalid_argument', `roomGuards(): ${text}.`);
}
