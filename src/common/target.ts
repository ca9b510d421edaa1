import { RoomgateError } from '../protocol/errors.js';
import { isInternalRoom, isReservedTopic } from '../protocol/events.js';
import { checkOneObject, fieldsOf, isRecord, wrongArgument } from './checks.js';
import { fixForEmptied } from './emptied.js';
import { nearest } from './known-options.js';
import { shown } from './log-text.js';
import { refuseOtherData } from './other-data.js';
import { readWho, roomOf } from './who.js';
import { whyUnsendable } from './why-unsendable.js';

/** A message with its receivers, topic and arguments, all of them checked. */
export interface SendTarget {
  /** Socket ids and rooms, each once, with the internal rooms of users and sessions; undefined means every authenticated client. */
  readonly rooms: readonly string[] | undefined;
  readonly topic: string;
  /** Empty if `data` is undefined. */
  readonly args: readonly unknown[];
}

const EXAMPLE = '{ destination: "room", payload: { topic: "name", data } }';
const WHO: ReadonlySet<unknown> = new Set(['user', 'session', 'id']);
const NAMES: ReadonlySet<string> = new Set(['destination', 'payload', 'doLog', 'cb']);
/** Names of the destination in other libraries. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map(
  ['to', 'room', 'rooms', 'socketId'].map((name) => [name, 'destination']),
);

/** Types that can't be sent. Socket.IO would take a function for an acknowledgement, and would fail at a bigint too late. */
const FIXES: Readonly<Record<string, string>> = { bigint: 'Send it as a string, with String(value).' };
const UNSENDABLE: ReadonlySet<string> = new Set(['function', 'symbol', 'bigint']);

/**
 * Checks the options of a `send()` of the helper or of the emitter, and resolves them.
 * @throws RoomgateError `invalid_argument`, naming the expected and the received value.
 */
export function resolveSend(opts: unknown, isOwnParser = false): SendTarget {
  checkOneObject('send', opts, EXAMPLE);
  const given = opts;
  for (const name in given) if (!NAMES.has(name)) refuseMisspelled(name);
  const { payload } = given;
  if (!isRecord(payload)) throw wrongArgument('send', 'payload', '{ topic, data }', payload, `Write send(${EXAMPLE}).`);
  refuseOtherData('send', 'payload.', payload);
  const { cb } = given;
  if (cb !== undefined && cb !== null && typeof cb !== 'function') throw wrongArgument('send', 'cb', 'a function', cb);
  return {
    rooms: roomsOf(given.destination),
    topic: checkedTopic(payload.topic, payload),
    args: argsOf(payload.data, isOwnParser),
  };
}

/**
 * Emits, and throws our own error if the data can't be encoded. Encoders fail in different ways: with a stack overflow, at a
 * circular reference, or at a nested bigint.
 * @throws RoomgateError `invalid_argument`.
 */
export function emitSafely({ topic, args }: SendTarget, emit: () => unknown): void {
  try {
    emit();
  } catch (cause) {
    const own = cause instanceof Error ? cause.message : 'the encoder failed';
    const text = `payload.data of "${shown(topic)}" can't be encoded: ${whyUnsendable(args[0], 'payload.data') ?? own}.`;
    throw new RoomgateError('invalid_argument', `send(): ${text}`, { cause });
  }
}

/** With another name for the destination the message would go to every client. */
function refuseMisspelled(name: string): void {
  const meant = OTHER_NAMES.get(name) ?? nearest(name, [...NAMES]);
  if (meant === undefined) return;
  throw new RoomgateError('invalid_argument', `send(): "${name}" does not exist. Did you mean "${meant}"?`);
}

/** The topic of an unchecked message that is not sent, for the report; empty if there is none. */
export function topicOf(opts: unknown): string {
  const { topic } = fieldsOf(fieldsOf(opts).payload);
  return typeof topic === 'string' ? topic : '';
}

function roomsOf(destination: unknown): readonly string[] | undefined {
  if (destination === undefined) return undefined;
  if (isName(destination)) return [checkedRoom('destination', destination)];
  if (isWho(destination)) return [whoRoom('destination', destination)];
  const wanted = 'a room, a socket id, { user }, { session } or an array of these (leave it out for every client)';
  if (!Array.isArray(destination) || destination.length === 0)
    throw wrongArgument('send', 'destination', wanted, destination, destinationFix(destination));
  const rooms = new Set<string>();
  // Not `map`, which skips the holes of a list.
  for (let i = 0; i < destination.length; i++) rooms.add(entryOf(`destination[${i}]`, destination[i]));
  return [...rooms];
}

function entryOf(name: string, entry: unknown): string {
  if (isName(entry)) return checkedRoom(name, entry);
  if (isWho(entry)) return whoRoom(name, entry);
  throw wrongArgument(
    'send',
    name,
    'a non-empty string, { user }, { session } or { id }',
    entry,
    destinationFix(entry),
  );
}

/** An object that names clients, and not a socket or a client, which have an `id` among other fields. */
function isWho(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const names = Object.keys(value);
  return names.length === 1 && WHO.has(names[0]);
}

function whoRoom(name: string, given: Readonly<Record<string, unknown>>): string {
  const who = readWho(given);
  if (who !== undefined) return who.kind === 'id' ? checkedRoom(`${name}.id`, who.name) : roomOf(who);
  const [[kind, value] = []] = Object.entries(given);
  throw wrongArgument('send', `${name}.${kind}`, 'a non-empty string', value);
}

/** A checked destination, as the program wrote it, for the report. */
export function nameOf(destination: unknown): string {
  if (destination === undefined) return 'every client';
  if (Array.isArray(destination)) return destination.map(nameOf).join(', ');
  const who = readWho(destination);
  return who === undefined ? String(destination) : `${who.kind} ${who.name}`;
}

function destinationFix(destination: unknown): string | undefined {
  if (destination instanceof Set) return 'Write [...set].';
  return isRecord(destination) && isName(destination.id) ? 'Pass the "id" of a socket, not the socket.' : undefined;
}

function checkedRoom(name: string, room: string): string {
  if (!isInternalRoom(room)) return room;
  throw new RoomgateError(
    'invalid_argument',
    `send(): ${name}: "${shown(room)}" is reserved for the library. Use another name.`,
  );
}

function checkedTopic(topic: unknown, payload: object): string {
  if (!isName(topic)) {
    const fix = 'event' in payload ? 'Write "topic" in place of "event".' : undefined;
    throw wrongArgument('send', 'payload.topic', 'a non-empty string', topic, fix);
  }
  if (!isReservedTopic(topic)) return topic;
  throw new RoomgateError(
    'invalid_argument',
    `send(): payload.topic: "${shown(topic)}" is reserved for Socket.IO or the library. Use another name.`,
  );
}

function argsOf(data: unknown, isOwnParser: boolean): readonly unknown[] {
  if (data === undefined) return [];
  // Before all other checks, because most messages are such objects.
  if (typeof data === 'object' && data !== null && Object.getPrototypeOf(data) === Object.prototype) return [data];
  if (UNSENDABLE.has(typeof data) || data instanceof Promise)
    throw wrongArgument('send', 'payload.data', 'a value that Socket.IO can carry', data, FIXES[typeof data]);
  const fix = isOwnParser ? undefined : fixForEmptied(data);
  if (fix !== undefined) throw wrongArgument('send', 'payload.data', 'a value that Socket.IO can carry', data, fix);
  return [data];
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
