import { fullAfter, tokensAt } from '../common/message-rate.js';
import type { Wire } from '../ports/wire.js';
import { type GuardedBunSocket, isWithin } from './bun-socket.js';
import type { MessageBody } from './bun-types.js';
import type { EngineConnection } from './engine-types.js';
import { sizeOf } from './held-messages.js';
import { MessageTurns } from './message-turns.js';
import { LARGE_BYTES, type MessageSource, PacedMessages } from './paced-messages.js';
import { type Pacing, SLICE_MESSAGES } from './pacing.js';

/** How fast messages are passed to the engine. */
export interface BunPace {
  readonly pacing: Pacing;
  /** A wire's peer was over its rate for too long. */
  readonly tooFast: (wire: Wire) => void;
}

export interface BunInputsOptions {
  readonly pace: BunPace;
  /** The largest message, in bytes. */
  readonly mostBytes: () => number;
  /** Passes a message to the engine. */
  readonly pass: (socket: GuardedBunSocket, message: MessageBody) => void;
  readonly wireOf: (socket: GuardedBunSocket) => EngineConnection | undefined;
  /** The WebSocket of a wire; undefined for polling. */
  readonly socketOf: (wire: Wire) => GuardedBunSocket | undefined;
  /** How much a wire's client has sent by polling, before it upgraded. */
  readonly fullAt: (wire: Wire) => number | undefined;
  /** A wire's peer sent a message that is larger than any may be. */
  readonly tooLarge: (wire: Wire) => void;
}

/** Pings that are counted together, because a look at the clock costs as much as several of them. */
const PINGS_AT_ONCE = 64;
/** Bytes that are held of one WebSocket that can't be paused, at least. */
const LEAST_HELD_BYTES = 4_000_000;
/** The same as a multiple of the largest message. */
const HELD_TIMES = 4;
/** The reason of Bun's close event after a message that was larger than `maxPayloadLength`. */
const TOO_BIG = 'Received too big message';

/**
 * Paces the messages of Bun's WebSockets. Most clients send a message now and then, and all of their messages pass at once; the first
 * few of a connection pass without being counted.
 */
export class BunInputs {
  readonly #options: BunInputsOptions;
  readonly #turns: MessageTurns;

  constructor(options: BunInputsOptions) {
    this.#options = options;
    const mostHeldBytes = Math.max(LEAST_HELD_BYTES, HELD_TIMES * options.mostBytes());
    this.#turns = new MessageTurns(options.pace.pacing, mostHeldBytes);
  }

  receive(socket: GuardedBunSocket, message: MessageBody): void {
    if (socket.input !== undefined) socket.input.receive(message);
    else if (socket.received < SLICE_MESSAGES && sizeOf(message) < LARGE_BYTES) {
      socket.received += 1;
      this.#pass(socket, message);
    } else this.#inputOf(socket).receive(message);
  }

  /**
   * Bun has answered a ping by itself. It handles all pings of a read at once, tens of thousands, and does so first. So a client that
   * sends more of them than it may send messages is ended.
   */
  pinged(socket: GuardedBunSocket): void {
    socket.pings += 1;
    const { pacing } = this.#options.pace;
    if (socket.pings < PINGS_AT_ONCE || !pacing.hasRate || !socket.isOpen) return;
    socket.pings = 0;
    const now = performance.now();
    if (tokensAt(socket.pingsFullAt, now, pacing.limits) < PINGS_AT_ONCE) this.#endPinger(socket);
    else socket.pingsFullAt = fullAfter(PINGS_AT_ONCE, socket.pingsFullAt, now, pacing.limits);
  }

  /** By force, because until then it would go on. */
  #endPinger(socket: GuardedBunSocket): void {
    const wire = this.#options.wireOf(socket);
    if (wire !== undefined) this.#options.pace.tooFast(wire);
    socket.terminate();
  }

  /** Passes no message of the WebSocket of this wire for this many milliseconds. */
  delay(wire: Wire, ms: number): void {
    const socket = this.#options.socketOf(wire);
    if (socket !== undefined) this.#inputOf(socket).delay(ms);
  }

  /** Since when the rate of its WebSocket delays a client; undefined if it does not. */
  delayedSince(wire: Wire): number | undefined {
    return this.#options.socketOf(wire)?.input?.delayedSince;
  }

  /** A socket is closed; `pass` tells the engine. */
  end(socket: GuardedBunSocket | undefined, reason: string, pass: () => void): void {
    if (socket !== undefined && reason === TOO_BIG) this.#tellLarge(socket);
    if (socket?.input === undefined) pass();
    else socket.input.end(pass);
  }

  #inputOf(socket: GuardedBunSocket): PacedMessages {
    if (socket.input !== undefined) return socket.input;
    const source = new BunSource(socket, this.#options, (message) => this.#pass(socket, message));
    const wire = this.#options.wireOf(socket);
    const fullAt = wire === undefined ? undefined : this.#options.fullAt(wire);
    socket.input = new PacedMessages(this.#turns, source, { messages: socket.received, fullAt });
    return socket.input;
  }

  #pass(socket: GuardedBunSocket, message: MessageBody): void {
    if (isWithin(this.#options.mostBytes(), message)) this.#options.pass(socket, message);
    else {
      this.#tellLarge(socket);
      socket.refuseLarge();
    }
  }

  #tellLarge(socket: GuardedBunSocket): void {
    const wire = this.#options.wireOf(socket);
    if (wire !== undefined) this.#options.tooLarge(wire);
  }
}

class BunSource implements MessageSource {
  readonly #socket: GuardedBunSocket;
  readonly #options: BunInputsOptions;
  readonly #pass: (message: MessageBody) => void;

  constructor(socket: GuardedBunSocket, options: BunInputsOptions, pass: (message: MessageBody) => void) {
    this.#socket = socket;
    this.#options = options;
    this.#pass = pass;
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  get unread(): number {
    return this.#options.pace.pacing.unreadOf(this.#options.wireOf(this.#socket));
  }

  get canPause(): boolean {
    return this.#socket.canPause;
  }

  pass(message: MessageBody): void {
    this.#pass(message);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  keepAlive(): void {
    // A timer that was cleared stays so. Before the first ping there is none.
    this.#options.wireOf(this.#socket)?.pingTimeoutTimer?.refresh();
  }

  tooFast(): void {
    const wire = this.#options.wireOf(this.#socket);
    if (wire === undefined) this.#socket.terminate();
    else this.#options.pace.tooFast(wire);
  }
}
