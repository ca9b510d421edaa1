import type { MessageRate, MessageRateLimits } from '../common/message-rate.js';
import { Turns } from '../common/turns.js';
import type { Wire } from '../ports/wire.js';

/** The limits of how fast one client's messages are handled. */
export interface PacingLimits extends MessageRateLimits {
  /** Milliseconds for which a client may be delayed without a pause. */
  readonly delayedFor: number;
}

/** How the messages of all connections of an instance are handled: in turns, and each connection's at its rate. */
export class Pacing {
  readonly limits: PacingLimits;
  readonly turns = new Turns();

  readonly #unread: (wire: Wire) => number;
  readonly #mostUnread: number;

  /** `unread`: bytes for a wire that its peer has not read. While these are more than `mostUnread`, what it sent waits. */
  constructor(limits: PacingLimits, unread: (wire: Wire) => number = () => 0, mostUnread = Number.POSITIVE_INFINITY) {
    this.limits = limits;
    this.#unread = unread;
    this.#mostUnread = mostUnread;
  }

  /** Bytes that the client has to read before more of its messages are handled, which may cause more of them; 0 if it need not. */
  unreadOf(wire: Wire | undefined): number {
    const unread = wire === undefined ? 0 : this.#unread(wire);
    return unread > this.#mostUnread ? unread : 0;
  }

  /** Whether there is a rate at all. */
  get hasRate(): boolean {
    return this.limits.messagesPerSecond !== Number.POSITIVE_INFINITY;
  }

  /** The next message of a client has to wait for its rate. Returns how long it sleeps; undefined if it was delayed for too long. */
  wait(rate: MessageRate, now: number): number | undefined {
    rate.delay(now);
    return rate.delayedMs(now) > this.limits.delayedFor ? undefined : sleepMs(rate.msUntil(1, now));
  }
}

/** Messages that are handled together, before others have their turn. */
export const SLICE_MESSAGES = 16;

/** How long a client that has to wait sleeps at least, in milliseconds, so that a few messages pass together. */
const SHORTEST_SLEEP_MS = 20;

/** How long it sleeps at most, so that its connection is kept alive meanwhile. */
const LONGEST_SLEEP_MS = 1_000;

/** How long a client sleeps that has to wait for `ms` milliseconds. */
export function sleepMs(ms: number): number {
  return Math.min(LONGEST_SLEEP_MS, Math.max(SHORTEST_SLEEP_MS, ms));
}
