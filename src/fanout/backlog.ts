import { clearTimeout, setTimeout } from 'node:timers';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { Wire } from '../ports/wire.js';
import type { EnginePacket, PollResponse } from '../socketio/engine-types.js';
import { queuedPackets, responseOf, sizeOf, takeOutReplaced, unreadBytes } from '../socketio/send-queue.js';
import type { Lateness } from './patience.js';

/** The unsent and unread bytes of one connection. */
export interface Backlog extends Lateness {
  /** Whether queued packets are counted. Packets that were sent before may be unread in either case. */
  isCounting: boolean;
  /** Queued packets, including replaced ones. `queued`: the bytes that they carry. */
  packets: number;
  queued: number;
  /** The packet that was queued last. */
  latest: EnginePacket | undefined;
  /** Bytes of the message that was queued last, with its attachments so far. */
  last: number;
  /** Bytes of the largest message that is queued or being sent. It may exceed the budget, so it does not count. */
  largest: number;
  /** Responses to polls that have not been read, with their bytes. */
  responses: Map<PollResponse, number> | undefined;
  /** Bytes in these responses. */
  responding: number;
  /** Terminates unread responses some time after their connection was closed. */
  closeTimer: NodeJS.Timeout | undefined;
  isTooSlow: boolean;
  /** Whether the peer is known to be behind. Queued packets alone do not prove it: between polls every peer has some. */
  isBehind: boolean;
  /** If messages are replaceable: the queued packets of each key, and since when they are queued. */
  byKey: Map<string, { readonly packets: EnginePacket[]; readonly since: number }> | undefined;
  /** Queued packets that were replaced. */
  replaced: number;
  /** Called when all queued packets are about to be passed to a transport that reports when it is full. */
  handedOver: (() => void) | undefined;
}

/** Approximate memory of a queued packet without its data. Otherwise any number of empty packets would count as 0 bytes. */
export const WEIGHT_OF_A_PACKET = 200;

// On the wire, because it is read for each packet: a lookup in a `WeakMap` takes three times as long.
const BACKLOG = Symbol('backlog');

interface CountedWire extends Wire {
  [BACKLOG]?: Backlog | undefined;
}

export function backlogOf(wire: CountedWire): Backlog | undefined {
  return wire[BACKLOG];
}

export function ensureBacklog(wire: CountedWire): Backlog {
  wire[BACKLOG] ??= newBacklog();
  return wire[BACKLOG];
}

/** Stops counting, but keeps the unread bytes. The packets that are sent now may fill the transport, which then reports it. */
export function restart(backlog: Backlog): void {
  const largest = backlog.packets > 0 ? backlog.largest : 0;
  const { responses, responding, closeTimer } = backlog;
  Object.assign(backlog, newBacklog(), { largest, responses, responding, closeTimer });
}

/** Removes the backlog if nothing is counted and nothing is unread. */
export function dropIfEmpty(wire: CountedWire, backlog: Backlog): void {
  if (backlog.responding > 0) return;
  clearTimeout(backlog.closeTimer);
  if (backlog.isCounting || backlog.largest > 0) return;
  wire[BACKLOG] = undefined;
  wire.removeListener('close', closed);
}

/** One literal: each object that is spread into another one would get a hidden class of its own, which is larger than itself. */
function newBacklog(): Backlog {
  return {
    isCounting: false,
    packets: 0,
    queued: 0,
    latest: undefined,
    last: 0,
    largest: 0,
    responses: undefined,
    responding: 0,
    closeTimer: undefined,
    lateMs: undefined,
    seenAt: 0,
    seenIn: 0,
    isTooSlow: false,
    isBehind: false,
    byKey: undefined,
    replaced: 0,
    handedOver: undefined,
  };
}

/** Bytes that the peer has not read: in the queue, in responses to polls, and in its transport. */
export function waitingBytes(wire: Wire, { packets, queued, responding }: Backlog): number {
  return queued + packets * WEIGHT_OF_A_PACKET + responding + unreadBytes(wire);
}

/** A packet is about to be queued. */
export function count(backlog: Backlog, packet: EnginePacket): void {
  const bytes = sizeOf(packet);
  backlog.packets++;
  backlog.queued += bytes;
  backlog.latest = packet;
  // Attachments follow directly after the text that they belong to.
  backlog.last = typeof packet.data === 'string' ? bytes : backlog.last + bytes;
  backlog.largest = Math.max(backlog.largest, backlog.last);
}

/** All queued packets are about to be sent, with one response or into the connection. */
export function countFlushed(wire: Wire, backlog: Backlog): void {
  takeOut(wire, backlog);
  const { queued } = backlog;
  backlog.packets = 0;
  backlog.queued = 0;
  backlog.latest = undefined;
  backlog.byKey?.clear();
  backlog.isBehind = false;
  const response = responseOf(wire);
  if (response !== undefined) countResponse(wire, backlog, response, queued);
}

/** All queued packets were dropped. */
export function forgetQueued(backlog: Backlog): void {
  const { byKey } = backlog;
  Object.assign(backlog, { packets: 0, queued: 0, latest: undefined, last: 0, replaced: 0 });
  byKey?.clear();
}

/** Destroys the responses to polls whose bytes are not all sent. Returns whether there were any. */
export function destroyUnread({ responses }: Backlog): boolean {
  const unread = [...(responses?.keys() ?? [])].filter(({ writableFinished }) => writableFinished !== true);
  for (const response of unread) response.destroy?.();
  return unread.length > 0;
}

function countResponse(wire: Wire, backlog: Backlog, response: PollResponse, bytes: number): void {
  if (backlog.responses === undefined) {
    backlog.responses = new Map();
    wire.on('close', closed);
  }
  backlog.responses.set(response, bytes);
  backlog.responding += bytes;
  response.once('close', () => {
    backlog.responses?.delete(response);
    backlog.responding -= bytes;
    dropIfEmpty(wire, backlog);
  });
}

/** Terminates unread responses after some time. engine.io does not end them with the connection, so they could stay forever. */
function closed(this: CountedWire): void {
  const backlog = this[BACKLOG];
  if (backlog?.responses === undefined || backlog.responses.size === 0) return;
  const { responses, isTooSlow } = backlog;
  const cut = (): void => {
    for (const response of responses.keys()) response.destroy?.();
  };
  backlog.closeTimer = setTimeout(cut, isTooSlow ? 0 : CLOSE_TIMEOUT_MS).unref();
}

/** Removes replaced packets from the queue. */
export function takeOut(wire: Wire, backlog: Backlog): void {
  const packets = queuedPackets(wire);
  if (backlog.replaced === 0 || packets === undefined) return;
  takeOutReplaced(packets);
  backlog.packets -= backlog.replaced;
  backlog.replaced = 0;
}
