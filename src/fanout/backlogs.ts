import { setTimeout } from 'node:timers';
import type { Broadcast, Recipient } from '../ports/fanout.js';
import type { Wire, WirePacket } from '../ports/wire.js';
import type { EnginePacket } from '../socketio/engine-types.js';
import { markReplaced, queuedPackets, sizeOf, unreadBytes, whileQueueing } from '../socketio/send-queue.js';
import { writeEncoded } from '../socketio/socket-io.js';
import {
  type Backlog,
  backlogOf,
  count,
  countFlushed,
  destroyUnread,
  dropIfEmpty,
  ensureBacklog,
  forgetQueued,
  restart,
  takeOut,
  WEIGHT_OF_A_PACKET,
  waitingBytes,
} from './backlog.js';
import { PATIENCE_MS, Patience } from './patience.js';

/** How long a message may be queued for a peer that reads fast enough: until its next poll. */
const REPLACEABLE_AFTER_MS = 1_000;
/** Replaced packets are removed from the queue in batches of at least this many, because each removal walks the queue. */
const FEWEST_TAKEN_OUT = 64;

/**
 * Counts the bytes of connections whose peer does not read immediately: between polls, during an upgrade, and behind a full
 * connection. Each connection has a budget, so that no peer makes this instance hold an unlimited amount.
 */
export class Backlogs {
  // One listener of each for all connections, called with the connection as `this`.
  readonly #created: (this: Wire, packet: WirePacket) => void;
  readonly #flushed: (this: Wire) => void;
  readonly #patience = new Patience();
  readonly #mostBytes: number;
  readonly #tooSlow: (wire: Wire, waitingBytes: number) => void;
  readonly #sweep: () => void;
  readonly #rechecked = new WeakSet<Wire>();

  /**
   * `tooSlow` is called once for a connection that exceeds `mostBytes`. It must not close it in the same call. `sweep` may end
   * connections; it is called before queued packets are sent.
   */
  constructor(mostBytes: number, tooSlow: (wire: Wire, waitingBytes: number) => void, sweep: () => void = () => {}) {
    this.#sweep = sweep;
    this.#mostBytes = mostBytes;
    this.#tooSlow = tooSlow;
    const created = (wire: Wire, packet: WirePacket) => this.#queue(wire, packet);
    const flushed = (wire: Wire) => this.#flush(wire);
    this.#created = function (packet) {
      created(this, packet);
    };
    this.#flushed = function () {
      flushed(this);
    };
  }

  /** Counts packets that are queued from now on. `largest`: bytes of a message that is being sent. */
  count(wire: Wire, largest = 0): void {
    const backlog = ensureBacklog(wire);
    backlog.largest = Math.max(backlog.largest, largest);
    // Then the transport is full.
    backlog.isBehind ||= largest > 0;
    if (backlog.isCounting) return;
    backlog.isCounting = true;
    // The next packets may be attachments of that message.
    backlog.last = largest;
    wire.on('packetCreate', this.#created);
    wire.on('flush', this.#flushed);
  }

  /** Stops counting, because the transport is about to take all queued packets. */
  stop(wire: Wire): void {
    const backlog = backlogOf(wire);
    if (backlog?.isCounting !== true) return;
    wire.removeListener('packetCreate', this.#created);
    wire.removeListener('flush', this.#flushed);
    takeOut(wire, backlog);
    restart(backlog);
    dropIfEmpty(wire, backlog);
  }

  /**
   * For a connection that was upgraded to a transport that reports when it is full. Counts until the queued packets are about to
   * be passed to it, then stops and calls `handedOver`; immediately if nothing is queued.
   */
  stopAtFlush(wire: Wire, handedOver: () => void): void {
    const backlog = backlogOf(wire);
    if (backlog?.isCounting === true && backlog.packets > 0) {
      backlog.handedOver = handedOver;
      return;
    }
    this.stop(wire);
    handedOver();
  }

  /** Checks the budget of a connection although no message is sent to it. Repeats until it is within its budget or ends. */
  check(wire: Wire): void {
    if (wire.readyState === 'closed') return;
    const backlog = ensureBacklog(wire);
    this.#judge(wire, backlog);
    if (backlog.lateMs === undefined || backlog.isTooSlow) dropIfEmpty(wire, backlog);
    else if (!this.#rechecked.has(wire)) {
      this.#rechecked.add(wire);
      setTimeout(() => {
        this.#rechecked.delete(wire);
        this.check(wire);
      }, PATIENCE_MS).unref();
    }
  }

  /** Bytes that the peer has not read. */
  waiting(wire: Wire): number {
    const backlog = backlogOf(wire);
    return backlog === undefined ? unreadBytes(wire) : waitingBytes(wire, backlog);
  }

  /** Sends to one socket by Socket.IO's own path. A message with a key may replace queued ones with the same key. */
  write(socket: Recipient, { encoded, options, key }: Broadcast): void {
    if (key === undefined) writeEncoded(socket, encoded, options);
    else this.replace(socket.client.conn, key, () => writeEncoded(socket, encoded, options));
  }

  /** Queues a message by calling `write`. If the peer is behind, it replaces all queued messages with the same key. */
  replace(wire: Wire, key: string, write: () => void): void {
    const backlog = backlogOf(wire);
    const queue = queuedPackets(wire);
    const before = queue?.length ?? 0;
    write();
    if (backlog?.isCounting !== true || queue === undefined) return;
    // If the message was sent at once, the queue is another one; if it was dropped (a closing connection), it has not grown.
    if (queuedPackets(wire) !== queue || queue.length <= before || queue.at(-1) !== backlog.latest) return;
    this.#replace(backlog, key, queue.slice(before));
    if (backlog.replaced >= FEWEST_TAKEN_OUT && backlog.replaced * 2 > queue.length) takeOut(wire, backlog);
  }

  #replace(backlog: Backlog, key: string, packets: EnginePacket[]): void {
    backlog.byKey ??= new Map();
    const older = backlog.byKey.get(key);
    const now = performance.now();
    if (older === undefined) backlog.queued += key.length + WEIGHT_OF_A_PACKET;
    backlog.isBehind ||= this.#isLate(backlog, older === undefined ? 0 : now - older.since);
    if (older !== undefined && !backlog.isBehind) {
      older.packets.push(...packets);
      return;
    }
    for (const packet of older?.packets ?? []) {
      backlog.queued -= sizeOf(packet);
      backlog.replaced++;
      markReplaced(packet);
    }
    backlog.byKey.set(key, { packets, since: older?.since ?? now });
  }

  #queue(wire: Wire, packet: WirePacket): void {
    const backlog = backlogOf(wire);
    if (backlog === undefined) return;
    this.#judge(wire, backlog);
    // Closing stops further packets. While packets are queued it runs no listener, so it is safe in the middle of a broadcast.
    if (backlog.isTooSlow && backlog.packets > 0) wire.close();
    else count(backlog, packet);
  }

  /** All queued packets were dropped. Returns whether the peer has not read a response to a poll. Such a response is destroyed. */
  discard(wire: Wire): boolean {
    const backlog = backlogOf(wire);
    if (backlog === undefined) return false;
    forgetQueued(backlog);
    return destroyUnread(backlog);
  }

  #flush(wire: Wire): void {
    // The engine sends the queue right after this event, and the client may have expired while its packets were queued.
    whileQueueing(wire, this.#sweep);
    const backlog = backlogOf(wire);
    if (backlog === undefined) return;
    const { handedOver } = backlog;
    if (handedOver === undefined) countFlushed(wire, backlog);
    else {
      this.stop(wire);
      handedOver();
    }
  }

  #judge(wire: Wire, backlog: Backlog): void {
    const waiting = waitingBytes(wire, backlog);
    if (waiting === 0) backlog.largest = 0;
    if (waiting - backlog.largest <= this.#mostBytes) backlog.lateMs = undefined;
    else if (!backlog.isTooSlow && this.#patience.isOver(backlog)) {
      backlog.isTooSlow = true;
      this.#tooSlow(wire, waiting);
    }
  }

  /** True long before the client would be disconnected for reading slowly. */
  #isLate({ queued }: Backlog, waitedMs: number): boolean {
    return waitedMs >= REPLACEABLE_AFTER_MS || queued > this.#mostBytes / 2;
  }
}
