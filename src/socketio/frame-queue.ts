import { endOfTick } from './end-of-tick.js';

/**
 * A frame that is queued for this tick of the event loop. Each points to the one before it, so the last one stands for the whole
 * chain. Connections with the same queued messages share a chain, so that it is joined once for all of them.
 */
export interface QueuedFrame<Frame> {
  readonly before: QueuedFrame<Frame> | undefined;
  readonly frame: Frame;
  /** The bytes of the chain up to here, plus a constant for each message. */
  readonly weight: number;
  /** The latest frame that was queued after this one. The next connection most likely needs the same. */
  after: QueuedFrame<Frame> | undefined;
  /** The chain up to here in the form that the sender writes. */
  whole: unknown;
}

/** Writes to one connection. */
export interface FrameSender<Frame> {
  /** The last queued frame; undefined if none is queued, and while the peer is slow. */
  tail: QueuedFrame<Frame> | undefined;
  /** The last tick in which something was sent; 0 before. */
  tick: number;
  /** Whether more than one message is known to have been sent in the last tick. */
  isBusy: boolean;
  /** Whether its peer reads fast enough. */
  readonly writable: boolean;
  /** Writes a chain immediately. */
  write(tail: QueuedFrame<Frame>): void;
  /** The tick in which something was pushed has ended. */
  confirm(): void;
}

/** Ends each client whose access has expired. */
export type Sweep = () => void;

/** A sender that knows whether a message may be queued: no earlier one waits elsewhere, and no listener wants each packet. */
export interface DirectSender<Frame> extends FrameSender<Frame> {
  readonly isClear: boolean;
  /** Drops what is queued here and was not passed to the socket. */
  discard(): void;
}

export interface Sized {
  readonly length: number;
}

/** Bytes. A chain of this size is written before the tick ends: a longer one would not be cheaper, only larger. */
const LARGEST_CHAIN = 64 * 1024;
/** Approximate memory of a queued frame without its bytes. */
const WEIGHT_OF_A_FRAME = 64;
/** Recipients, each of which may be written to, after which `sweep` is called again: together they take a part of a millisecond. */
export const SWEEP_EVERY = 64;
/** After a flush, pause for this many times its duration, so that more comes together for the next one. */
const REST = 3;
const LONGEST_REST_MS = 5;

type Later = (flush: () => void, restMs: number) => unknown;

/** Queues that are flushed if the process exits in this tick. */
const open = new Set<{ flush(): void }>();
const flushAll = (): void => {
  for (const queue of open) queue.flush();
};

/**
 * Writes all messages of one tick to a connection with one write, when the tick ends. A tick is one tick of the event loop, or
 * a few milliseconds while writing takes much of the time.
 *
 * A message is not delayed if that gains nothing: in a tick of the event loop, the first message to a connection that got only
 * one in its last tick goes out immediately.
 */
export class FrameQueue<Frame extends Sized> {
  /** Called before messages that were queued earlier are written: code that blocks may have run meanwhile. */
  readonly sweep: Sweep;
  readonly #later: Later;
  readonly #flush = (): void => this.flush();
  readonly #stopResting = (): void => {
    this.#restMs = 0;
  };
  #tick = 1;
  #isTickOpen = false;
  /** Whether this tick lasts for some milliseconds. */
  #isTickLong = false;
  /** How long the next tick collects messages, in milliseconds; 0 for a tick of the event loop. */
  #restMs = 0;
  #first: QueuedFrame<Frame> | undefined;
  #dirty: FrameSender<Frame>[] = [];

  /** `later` calls back at the end of a tick of the event loop, or after `restMs` if that is not 0. */
  constructor(later: Later = endOfTick, sweep: Sweep = () => {}) {
    this.sweep = sweep;
    this.#later = later;
  }

  open(): void {
    if (open.size === 0) process.on('exit', flushAll);
    open.add(this);
  }

  /** Writes what is queued; harmless when closed. Later messages are still written at the end of their tick. */
  close(): void {
    this.flush();
    if (open.delete(this) && open.size === 0) process.off('exit', flushAll);
  }

  /** Queues a message. Returns false if the queue had to be flushed first and that filled the socket. */
  offer(sender: FrameSender<Frame>, frame: Frame): boolean {
    const { tail } = sender;
    if (tail === undefined) this.#begin(sender, frame);
    else if (tail.after?.frame === frame) sender.tail = tail.after;
    else if (!isFull(tail, frame)) sender.tail = tail.after = queuedBehind(tail, frame);
    else {
      this.flushSender(sender);
      if (!sender.writable) return false;
      this.#wait(sender, frame);
    }
    return true;
  }

  /** Queues messages that no other queue can hold. `confirm()` is called once they were written. */
  push(sender: FrameSender<Frame>, frames: readonly Frame[]): void {
    sender.isBusy ||= frames.length > 1;
    for (const frame of frames) {
      // Nothing is queued here for a slow peer: its next messages are queued elsewhere, and this one would come after them.
      if (!sender.writable || !this.offer(sender, frame)) sender.write(this.#alone(frame));
    }
    this.#dirty.push(sender);
  }

  /** Writes now what is queued for this sender. */
  flushSender(sender: FrameSender<Frame>): void {
    const { tail } = sender;
    sender.tail = undefined;
    if (tail === undefined) return;
    sender.isBusy ||= tail.before !== undefined;
    sender.write(tail);
  }

  /** Writes now what is queued, and ends the tick. */
  flush(): void {
    const begin = performance.now();
    const senders = this.#dirty;
    this.#dirty = [];
    this.#first = undefined;
    this.#isTickOpen = false;
    this.#isTickLong = false;
    this.#tick++;
    for (let at = 0; at < senders.length; at++) {
      if (at % SWEEP_EVERY === 0) this.sweep();
      const sender = senders[at] as FrameSender<Frame>;
      this.flushSender(sender);
      sender.confirm();
    }
    this.#rest(performance.now() - begin);
  }

  /** The delay applies only to messages that follow immediately. If the next tick has none, there is nothing to collect. */
  #rest(afterMs: number): void {
    const restMs = Math.min(LONGEST_REST_MS, afterMs * REST);
    this.#restMs = restMs < 1 ? 0 : restMs;
    if (this.#restMs > 0) this.#later(this.#stopResting, 0);
  }

  #begin(sender: FrameSender<Frame>, frame: Frame): void {
    const isSecond = sender.tick === this.#tick;
    const waits = isSecond || sender.isBusy || this.#isTickLong || this.#restMs > 0;
    sender.tick = this.#tick;
    sender.isBusy = isSecond;
    if (waits) this.#wait(sender, frame);
    else sender.write(this.#alone(frame));
  }

  #wait(sender: FrameSender<Frame>, frame: Frame): void {
    sender.tail = this.#alone(frame);
    this.#dirty.push(sender);
  }

  /** A chain of one frame, shared by all connections that begin with it. */
  #alone(frame: Frame): QueuedFrame<Frame> {
    if (this.#first?.frame === frame) return this.#first;
    if (!this.#isTickOpen) {
      this.#isTickOpen = true;
      this.#isTickLong = this.#restMs > 0;
      this.#later(this.#flush, this.#restMs);
    }
    this.#first = queuedBehind(undefined, frame);
    return this.#first;
  }
}

/** The messages of a chain, in order. */
export function framesOf<Frame>(tail: QueuedFrame<Frame>): Frame[] {
  const frames: Frame[] = [];
  for (let at: QueuedFrame<Frame> | undefined = tail; at !== undefined; at = at.before) frames.push(at.frame);
  return frames.reverse();
}

function isFull(tail: QueuedFrame<Sized>, frame: Sized): boolean {
  return tail.weight + frame.length + WEIGHT_OF_A_FRAME > LARGEST_CHAIN;
}

function queuedBehind<Frame extends Sized>(before: QueuedFrame<Frame> | undefined, frame: Frame): QueuedFrame<Frame> {
  const weight = (before?.weight ?? 0) + frame.length + WEIGHT_OF_A_FRAME;
  return { before, frame, weight, after: undefined, whole: undefined };
}
