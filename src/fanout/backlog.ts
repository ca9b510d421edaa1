import { clearTimeout, setTimeout } from 'node:timers';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { Wire } from '../ports/wire.js';
import type { EnginePacket, PollResponse } from '../socketio/engine-types.js';
import { queuedPackets, responseOf, sizeOf, takeOutReplaced, unreadBytes } from '../socketio/send-queue.js';
import type { Lateness } from './patience.js';

/** What waits for one connection. */
export interface Backlog extends Lateness {
  /** Whether queued packets are counted. What was sent before may be unread all the same. */
  isCounting: boolean;
  /** Packets that are queued, with those that were replaced, and the bytes that they carry. */
  packets: number;
  queued: number;
  /** The packet that was queued last. */
  latest: EnginePacket | undefined;
  /** Bytes of the message that was queued last, with its attachments so far. */
  last: number;
  /** Bytes of the largest message that waits or is going out, which may be larger than all that may wait. */
  largest: number;
  /** Responses to polls that have not been read, with their bytes. */
  responses: Map<PollResponse, number> | undefined;
  /** Bytes in these responses. */
  responding: number;
  /** Cuts unread responses some time after their connection was closed. */
  closeTimer: NodeJS.Timeout | undefined;
  isTooSlow: boolean;
  /** Whether the peer is known to be behind. Between polls something waits for every peer, however fast it is. */
  isBehind: boolean;
  /** Where messages can be replaced, the packets that wait of each key, and since when. */
  byKey: Map<string, { readonly packets: EnginePacket[]; readonly since: number }> | undefined;
  /** Queued packets that were replaced. */
  replaced: number;
  /** Called once all that is queued is about to be handed to a transport that says when it is full. */
  handedOver: (() => void) | undefined;
}

/** Memory of a queued packet beside what it carries, about: without it, any number of empty ones would weigh nothing. */
export const WEIGHT_OF_A_PACKET = 200;

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

/** Stops counting; what is unread stays known. What goes out now may fill the transport, and is waited for then. */
export function restart(backlog: Backlog): void {
  const largest = backlog.packets > 0 ? backlog.largest : 0;
  const { responses, responding, closeTimer } = backlog;
  Object.assign(backlog, newBacklog(), { largest, responses, responding, closeTimer });
}

/** Keeps nothing where nothing is counted and nothing is unread. */
export function dropIfEmpty(wire: CountedWire, backlog: Backlog): void {
  if (backlog.responding > 0) return;
  clearTimeout(backlog.closeTimer);
  if (backlog.isCounting || backlog.largest > 0) return;
  wire[BACKLOG] = undefined;
  wire.removeListener('close', closed);
}

function newBacklog(): Backlog {
  return {
    ...{ isCounting: false, packets: 0, queued: 0, latest: undefined, last: 0, largest: 0, responses: undefined },
    ...{ responding: 0, closeTimer: undefined, lateMs: undefined, seenAt: 0, seenIn: 0, isTooSlow: false },
    ...{ isBehind: false, byKey: undefined, replaced: 0, handedOver: undefined },
  };
}

/** Bytes that wait for the peer: queued, in responses that it has not read, and in its transport. */
export function waitingBytes(wire: Wire, { packets, queued, responding }: Backlog): number {
  return queued + packets * WEIGHT_OF_A_PACKET + responding + unreadBytes(wire);
}

/** A packet is about to be queued. */
export function count(backlog: Backlog, packet: EnginePacket): void {
  const bytes = sizeOf(packet);
  backlog.packets++;
  backlog.queued += bytes;
  backlog.latest = packet;
  // Attachments come right behind the text that they belong to.
  backlog.last = typeof packet.data === 'string' ? bytes : backlog.last + bytes;
  backlog.largest = Math.max(backlog.largest, backlog.last);
}

/** All that is queued is about to go out, with one response or into the connection. */
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

/** Responses that are on their way have a while to arrive. They don't belong to the connection, and would stay forever. */
function closed(this: CountedWire): void {
  const backlog = this[BACKLOG];
  if (backlog?.responses === undefined || backlog.responses.size === 0) return;
  const { responses, isTooSlow } = backlog;
  const cut = (): void => {
    for (const response of responses.keys()) response.destroy?.();
  };
  backlog.closeTimer = setTimeout(cut, isTooSlow ? 0 : CLOSE_TIMEOUT_MS).unref();
}

/** Takes packets that were replaced out of the queue. */
export function takeOut(wire: Wire, backlog: Backlog): void {
  const packets = queuedPackets(wire);
  if (backlog.replaced === 0 || packets === undefined) return;
  takeOutReplaced(packets);
  backlog.packets -= backlog.replaced;
  backlog.replaced = 0;
}
