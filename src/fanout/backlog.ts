import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { Broadcast, Recipient } from '../ports/fanout.js';
import { writeEncoded } from '../socketio/socket-io.js';

/** A packet of either engine. */
interface AnyPacket {
  type: string;
  data?: unknown;
  options?: { readonly wsPreEncodedFrame?: readonly Uint8Array[] } | undefined;
}

/** The answer to a poll. */
interface Answer {
  once?(event: 'close', listener: () => void): unknown;
  /** Cuts the connection that it is written into. */
  destroy?(): unknown;
}

type CountedEvent = 'packetCreate' | 'flush' | 'close';
type Listener = (this: Counted, packet: never) => void;

/** A connection of either engine, as far as it is counted what waits for it. */
export interface Counted {
  readonly readyState: string;
  readonly transport: {
    readonly writable: boolean;
    /** Of ours: the bytes that were handed on and have not gone out. */
    readonly unread?: number;
    /** Of `ws`, where it is engine.io's own transport. */
    readonly socket?: { readonly bufferedAmount?: number };
    /** Of polling: the answer that the next flush is written into. */
    readonly res?: Answer | null;
  };
  /** What waits for the transport to become writable. */
  readonly writeBuffer: AnyPacket[];
  close(): void;
  on(event: CountedEvent, listener: Listener): unknown;
  removeListener(event: CountedEvent, listener: Listener): unknown;
  [BACKLOG]?: Backlog | undefined;
}

interface Backlog {
  /** Whether what is put in line is counted. What was sent before may be unread all the same. */
  isWatched: boolean;
  /** Bytes of what the packets in the `writeBuffer` carry. */
  queued: number;
  /** Bytes of the message that was put in line last, with its attachments so far. */
  last: number;
  /** Bytes of the largest message that waits or is going out, which may be larger than all that may wait. */
  largest: number;
  /** Answers to polls that have not been read, with their bytes. */
  answers: Map<Answer, number> | undefined;
  /** Bytes in these answers. */
  answering: number;
  /** Runs where the connection is closed and answers are unread. */
  lastWords: NodeJS.Timeout | undefined;
  /** How long there has been more than there may be, in milliseconds; undefined where there isn't. */
  lateMs: number | undefined;
  /** When that was seen last, and in which tick of the event loop. */
  seenAt: number;
  seenIn: number;
  isTooSlow: boolean;
  /** Whether the peer is known to be behind. Between polls something waits for every peer, however fast it is. */
  isBehind: boolean;
  /** Where messages can be replaced, what waits of each key, and since when. */
  byKey: Map<string, { readonly packets: AnyPacket[]; readonly since: number }> | undefined;
  /** Packets in the `writeBuffer` that were replaced. */
  replaced: number;
}

const BACKLOG = Symbol('backlog');
/** How long a peer may be behind: what is sent in one go is more than any connection takes at once. */
const PATIENCE_MS = 100;
/**
 * As much of it as one tick of the event loop can take up. Nothing goes out while a tick lasts, however long that is: it says
 * nothing about the peer.
 */
const PATIENCE_OF_A_TICK_MS = 50;
/** How long answers to polls may stay unread once their connection is closed: nobody would look at them again. */
const LAST_WORDS_MS = 5_000;
/** What a packet that waits takes beside what it carries, about: without it, any number of empty ones would weigh nothing. */
const WEIGHT_OF_A_PACKET = 200;
/** How long a message may wait for a peer that keeps up: until its next poll. */
const REPLACEABLE_AFTER_MS = 1_000;
/** The type of a packet that was replaced; engines send none of this type through the `writeBuffer`. */
const REPLACED = 'noop';
/** So many replaced packets are left in the `writeBuffer` at the least, so that taking them out costs little each. */
const FEWEST_TAKEN_OUT = 64;

/**
 * What waits for those whose peer doesn't take it at once: between polls, while a transport is changed, and behind a
 * connection that is full. Held against a budget, which is what keeps a peer from making this instance hold any amount.
 */
export class Backlogs {
  // One of each for all connections, which are called with the connection as `this`.
  readonly #created: (this: Counted, packet: AnyPacket) => void;
  readonly #flushed: (this: Counted) => void;
  readonly #ticks = new Ticks();
  readonly #mostBytes: number;
  readonly #tooSlow: (connection: Counted, waitingBytes: number) => void;
  readonly #rechecked = new WeakSet<Counted>();

  /** `tooSlow` is called once for a connection that has more waiting than `mostBytes`; it must not close it at once. */
  constructor(mostBytes: number, tooSlow: (connection: Counted, waitingBytes: number) => void) {
    this.#mostBytes = mostBytes;
    this.#tooSlow = tooSlow;
    const judge = (connection: Counted, backlog: Backlog) => this.#judge(connection, backlog);
    this.#created = function (packet) {
      const backlog = this[BACKLOG];
      if (backlog === undefined) return;
      judge(this, backlog);
      // Takes no more from here on. As long as something waits, this calls nobody in the middle of a broadcast.
      if (backlog.isTooSlow && this.writeBuffer.length > 0) this.close();
      else count(backlog, packet);
    };
    this.#flushed = function () {
      flushed(this, this[BACKLOG]);
    };
  }

  /** Checks the budget of a connection that nothing is sent to, and checks again until it is met or the connection ends. */
  check(connection: Counted): void {
    if (connection.readyState === 'closed') return;
    connection[BACKLOG] ??= newBacklog();
    const backlog = connection[BACKLOG];
    this.#judge(connection, backlog);
    if (backlog.lateMs === undefined || backlog.isTooSlow) letGo(connection, backlog);
    else if (!this.#rechecked.has(connection)) {
      this.#rechecked.add(connection);
      setTimeout(() => {
        this.#rechecked.delete(connection);
        this.check(connection);
      }, PATIENCE_MS).unref();
    }
  }

  #judge(connection: Counted, backlog: Backlog): void {
    const waiting = waitingFor(connection, backlog);
    if (waiting === 0) backlog.largest = 0;
    if (waiting - backlog.largest <= this.#mostBytes) backlog.lateMs = undefined;
    else if (!backlog.isTooSlow && isLate(backlog, this.#ticks)) {
      backlog.isTooSlow = true;
      this.#tooSlow(connection, waiting);
    }
  }

  /** Counts from here on; `largest`: bytes of a message that is going out. Where it is counted already it goes on. */
  watch(connection: Counted, largest = 0): void {
    connection[BACKLOG] ??= newBacklog();
    const backlog = connection[BACKLOG];
    backlog.largest = Math.max(backlog.largest, largest);
    // The transport has said that it takes no more.
    backlog.isBehind ||= largest > 0;
    if (backlog.isWatched) return;
    backlog.isWatched = true;
    // Attachments that come next may belong to it.
    backlog.last = largest;
    connection.on('packetCreate', this.#created);
    connection.on('flush', this.#flushed);
  }

  /** Counts no more, as the transport is about to take all that waits. */
  unwatch(connection: Counted): void {
    const backlog = connection[BACKLOG];
    if (backlog?.isWatched !== true) return;
    connection.removeListener('packetCreate', this.#created);
    connection.removeListener('flush', this.#flushed);
    takeOut(connection, backlog);
    // What goes out now may fill the transport again, and is waited for then.
    const largest = connection.writeBuffer.length > 0 ? backlog.largest : 0;
    const { answers, answering, lastWords } = backlog;
    connection[BACKLOG] = Object.assign(backlog, newBacklog(), { largest, answers, answering, lastWords });
    letGo(connection, backlog);
  }

  /** Socket.IO's own way to one socket, in which a message may take the place of what waits with its key. */
  write(socket: Recipient, { encoded, options, key }: Broadcast): void {
    if (key === undefined) writeEncoded(socket, encoded, options);
    else this.replace(socket.client.conn as Counted, key, () => writeEncoded(socket, encoded, options));
  }

  /** Puts in line, by `write`, what takes the place of all that waits with this key where the peer is behind. */
  replace(connection: Counted, key: string, write: () => void): void {
    const backlog = connection[BACKLOG];
    const { writeBuffer } = connection;
    const before = writeBuffer.length;
    write();
    // Another one, where it went out at once; and as long as before where it is dropped, as by a connection that closes.
    if (backlog?.isWatched !== true || connection.writeBuffer !== writeBuffer || writeBuffer.length <= before) return;
    backlog.byKey ??= new Map();
    const older = backlog.byKey.get(key);
    const now = performance.now();
    const packets = writeBuffer.slice(before);
    if (older === undefined) backlog.queued += key.length + WEIGHT_OF_A_PACKET;
    backlog.isBehind ||= this.#isLate(backlog, older === undefined ? 0 : now - older.since);
    if (older !== undefined && !backlog.isBehind) {
      older.packets.push(...packets);
      return;
    }
    for (const packet of older?.packets ?? []) {
      backlog.queued -= sizeOf(packet);
      backlog.replaced++;
      Object.assign(packet, { type: REPLACED, data: undefined, options: undefined });
    }
    backlog.byKey.set(key, { packets, since: older?.since ?? now });
    if (backlog.replaced >= FEWEST_TAKEN_OUT && backlog.replaced * 2 > writeBuffer.length) takeOut(connection, backlog);
  }

  /** Long before a client that only reads slowly would be closed. */
  #isLate({ queued }: Backlog, waitedMs: number): boolean {
    return waitedMs >= REPLACEABLE_AFTER_MS || queued > this.#mostBytes / 2;
  }
}

/** Tells ticks of the event loop apart, as far as somebody looks. */
class Ticks {
  // Taken as it is now: tests of programs put a clock of their own in its place.
  readonly #later = setImmediate;
  #current = 0;
  #isLooking = false;

  get current(): number {
    if (!this.#isLooking) {
      this.#isLooking = true;
      this.#later(() => {
        this.#isLooking = false;
        this.#current++;
      });
    }
    return this.#current;
  }
}

function newBacklog(): Backlog {
  return {
    ...{ isWatched: false, queued: 0, last: 0, largest: 0, answers: undefined, answering: 0, lastWords: undefined },
    ...{ lateMs: undefined, seenAt: 0, seenIn: 0, isTooSlow: false, isBehind: false, byKey: undefined },
    replaced: 0,
  };
}

function waitingFor({ transport, writeBuffer }: Counted, { queued, answering }: Backlog): number {
  const unread = transport.unread ?? transport.socket?.bufferedAmount ?? 0;
  return queued + writeBuffer.length * WEIGHT_OF_A_PACKET + answering + unread;
}

function isLate(backlog: Backlog, ticks: Ticks): boolean {
  const tick = ticks.current;
  const now = performance.now();
  if (backlog.lateMs === undefined) backlog.lateMs = 0;
  else if (backlog.seenIn === tick) return false;
  else backlog.lateMs += Math.min(now - backlog.seenAt, PATIENCE_OF_A_TICK_MS);
  backlog.seenAt = now;
  backlog.seenIn = tick;
  return backlog.lateMs >= PATIENCE_MS;
}

function count(backlog: Backlog, packet: AnyPacket): void {
  const bytes = sizeOf(packet);
  backlog.queued += bytes;
  // Attachments come right behind the text that they belong to.
  backlog.last = typeof packet.data === 'string' ? bytes : backlog.last + bytes;
  backlog.largest = Math.max(backlog.largest, backlog.last);
}

/** All that was queued goes out with one answer, or into the connection. */
function flushed(connection: Counted, backlog: Backlog | undefined): void {
  if (backlog === undefined) return;
  takeOut(connection, backlog);
  const { queued } = backlog;
  backlog.queued = 0;
  backlog.byKey?.clear();
  backlog.isBehind = false;
  const { res } = connection.transport;
  if (typeof res?.once !== 'function') return;
  if (backlog.answers === undefined) {
    backlog.answers = new Map();
    connection.on('close', closed);
  }
  backlog.answers.set(res, queued);
  backlog.answering += queued;
  res.once('close', () => {
    backlog.answers?.delete(res);
    backlog.answering -= queued;
    letGo(connection, backlog);
  });
}

/** Answers that are on their way have a while to arrive. They don't belong to the connection, and would stay for ever. */
function closed(this: Counted): void {
  const backlog = this[BACKLOG];
  if (backlog?.answers === undefined || backlog.answers.size === 0) return;
  const { answers, isTooSlow } = backlog;
  const cut = (): void => {
    for (const answer of answers.keys()) answer.destroy?.();
  };
  backlog.lastWords = setTimeout(cut, isTooSlow ? 0 : LAST_WORDS_MS).unref();
}

/** Keeps nothing where nothing is counted and nothing is unread. */
function letGo(connection: Counted, backlog: Backlog): void {
  if (backlog.answering > 0) return;
  clearTimeout(backlog.lastWords);
  if (backlog.isWatched || backlog.largest > 0) return;
  connection[BACKLOG] = undefined;
  connection.removeListener('close', closed);
}

function takeOut({ writeBuffer }: Counted, backlog: Backlog): void {
  if (backlog.replaced === 0) return;
  let kept = 0;
  for (const packet of writeBuffer) if (packet.type !== REPLACED) writeBuffer[kept++] = packet;
  writeBuffer.length = kept;
  backlog.replaced = 0;
}

function sizeOf({ data, options }: AnyPacket): number {
  const frame = options?.wsPreEncodedFrame;
  if (frame !== undefined) return frame.reduce((sum, { length }) => sum + length, 0);
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? data.byteLength : 0;
}
