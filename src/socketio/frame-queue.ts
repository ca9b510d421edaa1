import { endOfTick } from './end-of-tick.js';

/**
 * A frame that waits to go out over one connection in this tick of the event loop. Each names the one before it, so the last one
 * stands for the whole chain. Connections for which the same messages wait share the chain, so that it is joined once for all.
 */
export interface QueuedFrame<Frame> {
  readonly before: QueuedFrame<Frame> | undefined;
  readonly frame: Frame;
  /** Of the chain up to here: its bytes, and a little for each message. */
  readonly weight: number;
  /** The last frame that was queued behind this one, which the next connection most likely needs as well. */
  after: QueuedFrame<Frame> | undefined;
  /** What the sender made of the chain up to here. */
  whole: unknown;
}

/** The way out over one connection. */
export interface FrameSender<Frame> {
  /** The last of what waits; undefined where nothing does, and as long as the peer is slow. */
  tail: QueuedFrame<Frame> | undefined;
  /** The last tick in which something was sent; 0 before. */
  tick: number;
  /** Whether more than one message was sent in the last tick, as far as is known. */
  isBusy: boolean;
  /** Whether its peer reads as fast as it is sent to. */
  readonly writable: boolean;
  /** Writes a chain at once. */
  write(tail: QueuedFrame<Frame>): void;
  /** The tick in which something was pushed has ended. */
  confirm(): void;
}

/** A sender that says whether a message may be queued: nothing before it waits elsewhere, nobody wants to be told of it. */
export interface DirectSender<Frame> extends FrameSender<Frame> {
  readonly isClear: boolean;
}

export interface Sized {
  readonly length: number;
}

/** Bytes. What grew to this goes out before the tick ends: more would not make it cheaper, only larger. */
const LARGEST_CHAIN = 64 * 1024;
/** Memory of a queued frame beside its bytes, about. */
const WEIGHT_OF_A_FRAME = 64;
/** After a flush, pause for this many times its duration, so that more comes together for the next one. */
const REST = 3;
const LONGEST_REST_MS = 5;

type Later = (flush: () => void, restMs: number) => unknown;

/** Queues that write what waits also where the process ends in this very tick. */
const open = new Set<{ flush(): void }>();
const flushAll = (): void => {
  for (const queue of open) queue.flush();
};

/**
 * Gives the messages that one connection is sent in one tick to it in one write, when the tick ends. A tick is one of the
 * event loop, and a few milliseconds where writing takes up much of the time.
 *
 * Where nothing is gained by waiting nothing waits: in a tick of the event loop the first message to a connection that got one
 * in its last tick goes out at once.
 */
export class FrameQueue<Frame extends Sized> {
  readonly #later: Later;
  readonly #flush = (): void => this.flush();
  readonly #stopResting = (): void => {
    this.#restMs = 0;
  };
  #tick = 1;
  #isTickOpen = false;
  /** Whether this tick is one of some milliseconds. */
  #isTickLong = false;
  /** How long what comes next waits for more, in milliseconds. */
  #restMs = 0;
  #first: QueuedFrame<Frame> | undefined;
  #dirty: FrameSender<Frame>[] = [];

  /** `later` calls at the end of a tick of the event loop, or after so many milliseconds where these are some. */
  constructor(later: Later = endOfTick) {
    this.#later = later;
  }

  open(): void {
    if (open.size === 0) process.on('exit', flushAll);
    open.add(this);
  }

  /** Writes what waits; harmless when closed. What comes after is written at the end of its tick all the same. */
  close(): void {
    this.flush();
    if (open.delete(this) && open.size === 0) process.off('exit', flushAll);
  }

  /** Queues a message. False where what waited had to be written first, and its peer turned out to be slow. */
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

  /** The same for messages that can't wait elsewhere. `confirm()` is called once they went out. */
  push(sender: FrameSender<Frame>, frames: readonly Frame[]): void {
    sender.isBusy ||= frames.length > 1;
    for (const frame of frames) {
      // Nothing waits here for a peer that is slow: what comes next is kept from it elsewhere, and would be overtaken.
      if (!sender.writable || !this.offer(sender, frame)) sender.write(this.#alone(frame));
    }
    this.#dirty.push(sender);
  }

  /** Writes now what waits for this sender. */
  flushSender(sender: FrameSender<Frame>): void {
    const { tail } = sender;
    sender.tail = undefined;
    if (tail === undefined) return;
    sender.isBusy ||= tail.before !== undefined;
    sender.write(tail);
  }

  /** Writes now what waits, and ends the tick. */
  flush(): void {
    const begin = performance.now();
    const senders = this.#dirty;
    this.#dirty = [];
    this.#first = undefined;
    this.#isTickOpen = false;
    this.#isTickLong = false;
    this.#tick++;
    for (const sender of senders) {
      this.flushSender(sender);
      sender.confirm();
    }
    this.#rest(performance.now() - begin);
  }

  /** Only where more is sent right after this, by what came in meanwhile: otherwise nothing is likely to come together. */
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

  /** Shared by all for which it is the first that waits. */
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

/** The messages of a chain, the first one first. */
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
