import { MessageRate } from '../common/message-rate.js';
import { DONE, type SlicedWork } from '../common/turns.js';
import type { MessageBody } from './bun-types.js';
import { HeldMessages, sizeOf } from './held-messages.js';
import type { MessageTurns, PausedReader } from './message-turns.js';
import { SLICE_MESSAGES, sleepMs } from './pacing.js';

/** Bytes that may pass together. */
const SLICE_BYTES = 64 * 1_024;
/** A message of this many bytes passes alone, because parsing it takes long. */
export const LARGE_BYTES = 16 * 1_024;
/** Messages that may pass before the clock is read again. */
const MOST_CREDIT = 64;

/** What a client sent before its messages were paced. */
export interface SentBefore {
  /** Messages that passed. */
  readonly messages: number;
  /** Of its rate by another transport; see `MessageRate`. */
  readonly fullAt: number | undefined;
}

/** The connection that a `PacedMessages` gets its messages from, and passes them to. */
export interface MessageSource {
  /** Whether both sides are open. If not, the rest passes without a rate, so that the end is reached. */
  readonly isOpen: boolean;
  /** Whether reading can be stopped. */
  readonly canPause: boolean;
  /** Bytes that the peer has to read first; see `Pacing`. */
  readonly unread: number;
  pass(message: MessageBody): void;
  pause(): void;
  resume(): void;
  /** The peer lives, although its answers to pings have to wait. */
  keepAlive(): void;
  /** It has been delayed for longer than `delayedFor`, or more is held than may be. */
  tooFast(): void;
}

/**
 * Passes the messages of one WebSocket of Bun on in slices, so that a client that sends much does not keep others waiting, and at the
 * rate that the client may have. Nothing is dropped. Bun delivers all messages of one read at once, at most 512 KB: those that have to
 * wait are held here as they came, and nothing more is read meanwhile, if this Bun can pause a WebSocket. Otherwise the amount is bounded.
 */
export class PacedMessages implements SlicedWork, PausedReader {
  /** Bytes of the last read that were held or dropped. */
  readBytes = 0;
  readonly #shared: MessageTurns;
  readonly #source: MessageSource;
  readonly #rate: MessageRate | undefined;
  /** Messages that are counted already and may pass. */
  #credit = 0;
  /** Messages and bytes that passed in this turn. */
  #turn = 0;
  #messages = 0;
  #bytes = 0;
  /** What has not passed. */
  #held: HeldMessages | undefined;
  #isPaused = false;
  /** Passes the end of the connection. */
  #end: (() => void) | undefined;
  #isOver = false;
  /** When it may go on, by `performance.now()`. */
  #waitsUntil = 0;
  /** What its peer had not read a moment ago. */
  #unread = 0;

  constructor(shared: MessageTurns, source: MessageSource, before: SentBefore) {
    this.#shared = shared;
    this.#source = source;
    if (!shared.pacing.hasRate) return;
    this.#rate = new MessageRate(shared.pacing.limits, before.fullAt);
    this.#rate.spend(before.messages, performance.now());
  }

  /** Since when its rate delays its client; undefined if it does not. */
  get delayedSince(): number | undefined {
    return this.#rate?.delayedSince(performance.now());
  }

  receive(message: MessageBody): void {
    const size = sizeOf(message);
    if (this.#held !== undefined) this.#hold(this.#held, message, size);
    else if (this.#isOver) this.#dropLate(size);
    else if (this.#mayPass(size)) this.#source.pass(message);
    else this.#hold(this.#begin(), message, size);
  }

  /** The connection has ended; `pass` says so to the engine, after everything that came before. */
  end(pass: () => void): void {
    this.#shared.forget(this);
    if (this.#held === undefined || this.#isOver) pass();
    else this.#end = pass;
  }

  /** Drops what has not passed and what comes from now on, because this side ends the connection. */
  drop(): void {
    this.#isOver = true;
    this.#release();
    this.#shared.pacing.turns.remove(this);
    if (this.#isPaused) this.#shared.resume(this);
  }

  /** Passes nothing for this many milliseconds. */
  delay(ms: number): void {
    const until = performance.now() + ms;
    if (this.#isOver || until <= this.#waitsUntil) return;
    this.#waitsUntil = until;
    if (this.#held === undefined) this.#begin();
  }

  /** Called by `MessageTurns` when this connection may be read again. */
  readOn(): void {
    if (this.#held !== undefined || !this.#isPaused) return;
    this.#isPaused = false;
    this.#source.resume();
  }

  slice(): number {
    const held = this.#held;
    if (held === undefined) return DONE;
    const wait = this.#source.isOpen && this.#waitsUntil > 0 ? this.#waitsUntil - performance.now() : 0;
    if (wait > 0) return this.#sleep(wait);
    this.#waitsUntil = 0;
    if (this.#source.isOpen && this.#mustRead()) return sleepMs(0);
    const before = held.total;
    this.#passSlice(held);
    // Passing a message may end the connection.
    if (this.#held !== held) return DONE;
    if (held.total > 0) return held.total === before ? this.#delayed() : 0;
    // Socket.IO handles messages in the next tick, and none after the end.
    const isEndTooEarly = this.#end !== undefined && before > 0;
    return this.#waitsUntil > 0 || isEndTooEarly ? 0 : this.#finish();
  }

  /** A peer that reads nothing of what its messages cause has to read first. It is alive as long as it reads. */
  #mustRead(): boolean {
    const { unread } = this.#source;
    if (unread > 0 && unread < this.#unread) this.#source.keepAlive();
    this.#unread = unread;
    return unread > 0;
  }

  #passSlice(held: HeldMessages): void {
    let bytes = 0;
    for (let passed = 0; passed < SLICE_MESSAGES && held.total > 0; passed++) {
      const size = held.nextSize;
      if (passed > 0 && (size >= LARGE_BYTES || bytes + size > SLICE_BYTES)) return;
      if (this.#source.isOpen && !this.#pay()) return;
      bytes += size;
      this.#passHeld(held.shift());
      if (this.#held !== held || size >= LARGE_BYTES || this.#waitsUntil > 0) return;
    }
  }

  /** A listener of the program may throw. That must not keep the messages after it from passing. */
  #passHeld(message: MessageBody): void {
    let hasPassed = false;
    try {
      this.#source.pass(message);
      hasPassed = true;
    } finally {
      if (!hasPassed) queueMicrotask(() => this.#shared.pacing.turns.add(this));
    }
  }

  /** Whether a message may pass at once. If so, it is counted. */
  #mayPass(size: number): boolean {
    const { turn } = this.#shared;
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#messages = 0;
      this.#bytes = 0;
    }
    this.#messages += 1;
    this.#bytes += size;
    if (size >= LARGE_BYTES || this.#messages > SLICE_MESSAGES || this.#bytes > SLICE_BYTES) return false;
    // Not at each message: most clients send one at a time, and a look at the next turn costs as much as ten.
    if (this.#messages * 2 >= SLICE_MESSAGES || this.#bytes * 2 >= SLICE_BYTES) this.#shared.askForTurn();
    return this.#pay();
  }

  #pay(): boolean {
    const rate = this.#rate;
    if (rate === undefined) return true;
    if (this.#credit === 0) {
      const now = performance.now();
      this.#credit = Math.min(MOST_CREDIT, rate.available(now));
      if (this.#credit === 0) return false;
      rate.spend(this.#credit, now);
    }
    this.#credit -= 1;
    return true;
  }

  /** From now on messages are held. */
  #begin(): HeldMessages {
    const held = new HeldMessages();
    this.#held = held;
    this.readBytes = 0;
    this.#pause();
    this.#shared.pacing.turns.add(this);
    return held;
  }

  #hold(held: HeldMessages, message: MessageBody, size: number): void {
    held.push(message);
    this.readBytes += size;
    if (this.#isPaused || this.#end !== undefined) return;
    const { mostMessages, mostBytes } = this.#shared;
    if (held.total > mostMessages || held.bytes > mostBytes) this.#endTooFast();
  }

  /** A message that came after the end. The peer may send many, so each read waits for its turn, as before. */
  #dropLate(size: number): void {
    if (!this.#isPaused) {
      this.readBytes = 0;
      this.#pause();
      if (this.#isPaused) this.#shared.resume(this);
    }
    this.readBytes += size;
  }

  #pause(): void {
    if (this.#isPaused || !this.#source.canPause) return;
    this.#isPaused = true;
    this.#source.pause();
  }

  #endTooFast(): void {
    this.#source.tooFast();
    this.drop();
  }

  #finish(): number {
    this.#release();
    if (this.#isPaused) this.#shared.resume(this);
    return DONE;
  }

  #release(): void {
    const end = this.#end;
    this.#held = undefined;
    this.#waitsUntil = 0;
    this.#end = undefined;
    end?.();
  }

  /** The rate does not allow the next message yet. */
  #delayed(): number {
    const rate = this.#rate;
    if (rate === undefined || !this.#source.isOpen) return 0;
    const ms = this.#shared.pacing.wait(rate, performance.now());
    if (ms === undefined) {
      this.#endTooFast();
      return DONE;
    }
    return this.#sleep(ms);
  }

  #sleep(ms: number): number {
    this.#source.keepAlive();
    return sleepMs(ms);
  }
}
