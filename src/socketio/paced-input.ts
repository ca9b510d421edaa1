import { MessageRate } from '../common/message-rate.js';
import { DONE, type SlicedWork } from '../common/turns.js';
import { FrameScan, MOST_FRAMES } from './frame-scan.js';
import { type Pacing, sleepMs } from './pacing.js';

/** The connection that a `PacedInput` reads from, and passes to. */
export interface PacedSource {
  /** Whether both sides are open. If not, what was read is passed without a rate, so that the end is found. */
  readonly isOpen: boolean;
  pass(bytes: Buffer): boolean;
  /** All bytes have passed, and no more will come. */
  passEnd(): void;
  /** Stops and resumes reading. */
  pause(): void;
  resume(): void;
  /** Bytes that the peer has to read first; see `Pacing`. */
  readonly unread: number;
  /** Bytes of the write that runs which the system has not taken. `unread` has all bytes of that write until it is done. */
  readonly beingWritten: number;
  /** The peer lives, although its answers to pings have to wait. */
  keepAlive(): void;
  /** It has been delayed for longer than `delayedFor`. */
  tooFast(): void;
}

/**
 * Passes the bytes of one WebSocket on in slices, so that a client that sends much does not keep others waiting, and at the rate that
 * the client may have. Nothing is dropped or copied: what was read waits here, and nothing more is read meanwhile. So it holds what
 * one read returned, 64 KB, and once more if the connection ends.
 */
export class PacedInput implements SlicedWork {
  readonly #pacing: Pacing;
  readonly #source: PacedSource;
  readonly #scan = new FrameScan();
  readonly #rate: MessageRate | undefined;
  /** What was read and has not passed, from `#at`. */
  #held: Buffer | undefined;
  #at = 0;
  /** The end of what may pass together first. It has been scanned, and its messages count. */
  #ready = 0;
  #hasEnded = false;
  /** When it may go on, by `performance.now()`. */
  #waitsUntil = 0;
  /** What its peer had to read a moment ago. */
  #left = 0;

  /** `fullAt`: of the client's rate so far. */
  constructor(pacing: Pacing, source: PacedSource, fullAt: number) {
    this.#pacing = pacing;
    this.#source = source;
    if (pacing.hasRate) this.#rate = new MessageRate(pacing.limits, fullAt);
  }

  /** Of the client's rate, by which another input can go on, if this one is idle. */
  get fullAt(): number {
    return this.#rate?.fullAt ?? 0;
  }

  /** Since when its rate delays its client; undefined if it does not. */
  get delayedSince(): number | undefined {
    return this.#rate?.delayedSince(performance.now());
  }

  /** Its client has sent this much by another transport. */
  continueRate(fullAt: number, now: number): void {
    this.#rate?.continue(fullAt, now);
  }

  /** Whether it holds nothing, is at the end of a message, and its client was not delayed a moment ago. */
  get isIdle(): boolean {
    if (this.#held !== undefined || this.#hasEnded || !this.#scan.isBetweenMessages) return false;
    return this.#rate === undefined || this.#rate.delayedMs(performance.now()) === 0;
  }

  /** Returns false if the receiver asks to wait. */
  write(chunk: Buffer): boolean {
    if (this.#held !== undefined) {
      // It was read before the pause, or when the connection ended.
      this.#held = Buffer.concat([this.#held.subarray(this.#at), chunk]);
      this.#ready = Math.max(0, this.#ready - this.#at);
      this.#at = 0;
      return true;
    }
    const end = this.#next(chunk, 0, false);
    if (end === chunk.length) return this.#source.pass(chunk);
    // Not even the first slice passes now: many clients may be read one after another, before any turn ends.
    this.#held = chunk;
    this.#at = 0;
    this.#ready = end;
    this.#source.pause();
    this.#pacing.turns.add(this);
    return true;
  }

  /** The connection has no more bytes. */
  end(): void {
    if (this.#held === undefined) this.#source.passEnd();
    else this.#hasEnded = true;
  }

  /** Drops what has not passed, because the connection was ended by force. */
  drop(): void {
    this.#pacing.turns.remove(this);
    this.#held = undefined;
    if (this.#hasEnded) this.#source.passEnd();
  }

  /** Reads on after this many milliseconds. */
  delay(ms: number): void {
    const until = performance.now() + ms;
    if (until <= this.#waitsUntil) return;
    this.#waitsUntil = until;
    if (this.#held !== undefined) return;
    this.#held = Buffer.alloc(0);
    this.#at = 0;
    this.#ready = 0;
    this.#source.pause();
    this.#pacing.turns.add(this);
  }

  slice(): number {
    const held = this.#held;
    if (held === undefined) return DONE;
    const wait = this.#source.isOpen ? this.#waitsUntil - performance.now() : 0;
    if (wait > 0) return this.#sleep(wait);
    if (this.#source.isOpen && this.#mustRead()) return sleepMs(0);
    const from = this.#at;
    const end = from < this.#ready ? this.#ready : this.#next(held, from, true);
    this.#at = end;
    if (end > from) this.#source.pass(held.subarray(from, end));
    // Passing a message may end the connection, or delay it.
    if (this.#held !== held) return this.#held === undefined ? DONE : 0;
    if (this.#at < held.length || this.#waitsUntil > performance.now()) return end === from ? this.#delayed() : 0;
    // Handlers of the last messages are called in the next tick, before the end.
    return this.#hasEnded && end > from ? 0 : this.#finish();
  }

  /** A peer that reads nothing of what its messages cause has to read first. It is alive as long as it reads. */
  #mustRead(): boolean {
    const { unread, beingWritten } = this.#source;
    const left = unread + beingWritten;
    if (unread > 0 && left < this.#left) this.#source.keepAlive();
    this.#left = left;
    return unread > 0;
  }

  #finish(): number {
    this.#held = undefined;
    if (this.#hasEnded) this.#source.passEnd();
    else this.#source.resume();
    return DONE;
  }

  /** The end of what may pass now. Its messages count. */
  #next(bytes: Buffer, from: number, isAlone: boolean): number {
    const rate = this.#source.isOpen ? this.#rate : undefined;
    if (rate === undefined) return this.#scan.scan(bytes, from, MOST_FRAMES, isAlone);
    const now = performance.now();
    const end = this.#scan.scan(bytes, from, rate.available(now), isAlone);
    rate.spend(this.#scan.messages, now);
    return end;
  }

  /** The rate does not allow the next message yet. */
  #delayed(): number {
    const rate = this.#rate;
    if (rate === undefined || !this.#source.isOpen) return 0;
    const ms = this.#pacing.wait(rate, performance.now());
    if (ms === undefined) {
      this.#source.tooFast();
      return this.#held === undefined ? DONE : sleepMs(0);
    }
    return this.#sleep(ms);
  }

  #sleep(ms: number): number {
    this.#source.keepAlive();
    return sleepMs(ms);
  }
}
