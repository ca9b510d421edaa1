import { decode } from 'notepack.io';
import { isRecord } from '../../common/checks.js';
import { deeperThan } from '../../common/depth.js';
import { RejectedMessageError } from '../../common/instance-messages.js';
import { isSocketIOEvent } from '../../protocol/events.js';

/**
 * Checks the messages of other instances before any code acts on them. Any process with access to Redis can publish. Its
 * messages must not end this process, call internal handlers, or reach a client that could not decode them.
 */

/** The numbers of requests of Socket.IO's adapter on the wire. */
const REQUEST = {
  sockets: 0,
  allRooms: 1,
  join: 2,
  leave: 3,
  disconnect: 4,
  fetch: 5,
  serverSideEmit: 6,
  broadcast: 7,
  clientCount: 8,
  acknowledgement: 9,
} as const;
const EVENT_PACKET = 2;

/** Events that a namespace emits with sockets to its own handlers. Forged ones would not carry sockets. */
const RESERVED_SERVER_EVENTS: ReadonlySet<unknown> = new Set(['connect', 'connection', 'new_namespace']);

/** Levels of a message. Generous, because programs send each other deep data, and low enough for recursion over it. */
const DEEPEST = 1_000;

type UnknownRecord = Readonly<Record<string, unknown>>;

/** Checks a message of a request channel. `callsProgram`: it calls handlers of the program. @throws RejectedMessageError */
export function inspectRequest(message: Buffer): { readonly callsProgram: boolean } {
  const request = decodeRecord(message);
  const check = REQUEST_CHECKS.get(request.type);
  if (check === undefined) throw new RejectedMessageError('a request of unknown type');
  if (request.uid !== undefined) ensure(typeof request.uid === 'string', 'a request without a sender');
  check(request);
  return { callsProgram: request.type === REQUEST.serverSideEmit };
}

/** @throws RejectedMessageError */
export function inspectResponse(message: Buffer): void {
  const { requestId, type, sockets, rooms, clientCount } = decodeRecord(message);
  ensure(typeof requestId === 'string' && requestId !== '', 'a response without a request id');
  ensure(sockets === undefined || isListOf(sockets, isSocketAnswer), 'a response with invalid sockets');
  ensure(rooms === undefined || isListOf(rooms, isRoom), 'a response with invalid rooms');
  ensure(type !== REQUEST.clientCount || isCount(clientCount), 'a response with an invalid count');
}

const REQUEST_CHECKS: ReadonlyMap<unknown, (request: UnknownRecord) => void> = new Map([
  [
    REQUEST.sockets,
    (r: UnknownRecord) => ensure(isAnswerable(r) && isListOf(r.rooms, isRoom), 'an invalid request for sockets'),
  ],
  [REQUEST.allRooms, (r: UnknownRecord) => ensure(isAnswerable(r), 'an invalid request for rooms')],
  [REQUEST.join, checkRoomsRequest],
  [REQUEST.leave, checkRoomsRequest],
  [REQUEST.disconnect, checkTargeted],
  [REQUEST.fetch, checkFetch],
  [REQUEST.serverSideEmit, checkServerSideEmit],
  [REQUEST.broadcast, checkBroadcastRequest],
]);

/** Rejects requests that name one socket instead of a target: only versions that are not supported here send them. */
function checkTargeted({ opts }: UnknownRecord): void {
  ensure(isTarget(opts), 'a request without a valid target');
}

function checkRoomsRequest(request: UnknownRecord): void {
  checkTargeted(request);
  ensure(isListOf(request.rooms, isRoom), 'a request with invalid rooms');
}

function checkFetch(request: UnknownRecord): void {
  checkTargeted(request);
  ensure(isAnswerable(request), 'a request without a request id');
}

function checkServerSideEmit({ data, requestId }: UnknownRecord): void {
  ensure(requestId === undefined || typeof requestId === 'string', 'a request without a request id');
  ensure(Array.isArray(data) && typeof data[0] === 'string', 'an event without a name');
  ensure(!RESERVED_SERVER_EVENTS.has(data[0]), 'an event with a reserved name');
}

function checkBroadcastRequest(request: UnknownRecord): void {
  checkFetch(request);
  checkPacket(request.packet);
}

/** Checks a decoded message of a broadcast channel. @throws RejectedMessageError */
export function inspectBroadcast(value: readonly unknown[], bytes: number): void {
  const [uid, packet, opts] = value;
  ensure(typeof uid === 'string', 'a broadcast without a sender');
  checkPacket(packet);
  ensure(isTarget(opts), 'a broadcast without a valid target');
  // Each level takes at least one byte, so a short message needs no check.
  if (bytes > DEEPEST) ensure(!deeperThan(packet, DEEPEST), 'a broadcast that is nested too deeply');
}

function checkPacket(packet: unknown): void {
  ensure(isRecord(packet) && packet.type === EVENT_PACKET, 'a packet that is not an event');
  const { data, nsp, id } = packet;
  ensure(nsp === undefined || typeof nsp === 'string', 'a packet with an invalid namespace');
  ensure(id === undefined, 'a packet that already has an id');
  ensure(Array.isArray(data), 'an event without data');
  const name: unknown = data[0];
  ensure((typeof name === 'string' && !isSocketIOEvent(name)) || typeof name === 'number', 'an event without a name');
}

function decodeRecord(message: Buffer): UnknownRecord {
  let value: unknown;
  try {
    value = message[0] === 0x7b ? JSON.parse(message.toString()) : decode(message);
  } catch (cause) {
    throw new RejectedMessageError('neither JSON nor MessagePack', { cause });
  }
  if (!isRecord(value)) throw new RejectedMessageError('not an object');
  // Checked before any code recurses over it.
  if (message.length > DEEPEST) ensure(!deeperThan(value, DEEPEST), 'nested too deeply');
  return value;
}

function isTarget(opts: unknown): boolean {
  if (!isRecord(opts)) return false;
  const { rooms, except, flags } = opts;
  const lists = isListOf(rooms, isRoom) && (except === undefined || isListOf(except, isRoom));
  return lists && (flags === undefined || isRecord(flags));
}

function isSocketAnswer(socket: unknown): boolean {
  if (typeof socket === 'string') return true;
  return isRecord(socket) && typeof socket.id === 'string' && isListOf(socket.rooms, isRoom);
}

function isAnswerable({ requestId }: UnknownRecord): boolean {
  return typeof requestId === 'string' && requestId !== '';
}

/** Numbers too, because programs in JavaScript use them and Socket.IO allows it. */
function isRoom(room: unknown): boolean {
  return typeof room === 'string' || typeof room === 'number';
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isListOf(value: unknown, is: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new RejectedMessageError(otherwise);
}
