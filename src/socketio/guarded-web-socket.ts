import { WebSocket } from 'ws';
import { fullAfter, fullAfterBoth, tokensAt } from '../common/message-rate.js';
import type { Wire } from '../ports/wire.js';
import { bytesBeingWritten } from './being-written.js';
import type { EngineInflater, EngineReceiver, EngineWebSocket, ReceiverLimits } from './engine-types.js';
import { isMessage, isOneFrame } from './frame-scan.js';
import { PacedInput, type PacedSource } from './paced-input.js';
import { endPlain, paceReceiver, type ReceiverInput, writePlain } from './paced-receiver.js';
import type { Pacing } from './pacing.js';

/*
 * The WebSockets of the package `ws`. Its class, `pong()`, `send()`, `pause()`, `resume()` and `terminate()` are public. The receiver,
 * its limits and methods, and the limit of the compression extension are private; `ws-probe.ts` tries them.
 */

/** A filter between a connection and the receiver of its frames. */
export interface InputFilter {
  write(chunk: Buffer): boolean;
  /** Passes everything from now on. */
  lift(): void;
  /** Whether it passes everything. */
  readonly isDone: boolean;
}

/** How fast the messages of a WebSocket are passed to the engine. */
export interface Pace {
  readonly pacing: Pacing;
  /** It has to wait, so the answer of its peer to a ping may be late. */
  readonly keepAlive: (wire: Wire) => void;
  /** It was over its rate for too long. */
  readonly tooFast: (wire: Wire) => void;
  /** It sent a message that is larger than any may be, so its WebSocket is closed. */
  readonly tooLarge: (wire: Wire) => void;
}

/** The limits of a peer that is not authenticated. */
export interface StrangerOptions {
  /** Limits of one message in bytes and in frames, until they are lifted. */
  readonly mostBytes: number;
  readonly mostFragments: number;
  /** Makes the filter of one WebSocket. `pass` passes bytes to its receiver. */
  readonly filter: (webSocket: GuardedWebSocket, pass: (bytes: Buffer) => boolean) => InputFilter;
}

/** RFC 6455, section 7.4.1. */
const TOO_LARGE = 1009;

type PongCallback = (error: Error) => void;
type SentCallback = (error?: Error) => void;

/** The limits of one stranger, in one object, so that a WebSocket without limits is small. */
interface StrangerLimits {
  readonly filter: InputFilter;
  readonly full: ReceiverLimits;
  dropped: ((start: string | undefined) => void) | undefined;
  isLifted: boolean;
}

/** A WebSocket of `ws` whose peer is a stranger at first, and that never queues more than one pong. */
export class GuardedWebSocket extends WebSocket implements ReceiverInput {
  #limits: StrangerLimits | undefined = undefined;
  /** Its connection, once there is one. */
  owner: Wire | undefined = undefined;
  #pace: Pace | undefined = undefined;
  #input: PacedInput | undefined = undefined;
  /** When its rate is used up by nothing; see `MessageRate`. */
  #fullAt = 0.5;
  /** True while a pong is being sent; the data of the latest ping, if another ping arrived during that time. */
  #pong: boolean | Buffer = false;

  /**
   * RFC 6455, section 5.5.3, lets an endpoint answer only the latest ping. `ws` queues a pong for each ping, so a peer that does
   * not read could make it queue any number.
   */
  override pong(data?: unknown, mask?: boolean | PongCallback, callback?: PongCallback): void {
    const done = typeof mask === 'function' ? mask : typeof data === 'function' ? (data as PongCallback) : callback;
    if (this.#pong !== false && Buffer.isBuffer(data)) {
      // A copy, because the data is a part of its chunk. The callback of a replaced pong is not called; `ws` itself passes none.
      this.#pong = Buffer.from(data);
      return;
    }
    this.#pong = true;
    super.pong(typeof data === 'function' ? undefined : data, typeof mask === 'boolean' ? mask : undefined, (error) => {
      const latest = this.#pong;
      this.#pong = false;
      done?.(error);
      if (typeof latest !== 'boolean' && this.readyState === WebSocket.OPEN) this.pong(latest);
    });
  }

  /** Sets the limits of a stranger; the receiver must be there. */
  limit({ mostBytes, mostFragments, filter }: StrangerOptions, full: ReceiverLimits): void {
    const { _receiver: receiver }: EngineWebSocket = this;
    if (!receiver || typeof receiver._maxPayload !== 'number') return;
    receiver._maxPayload = Math.min(mostBytes, full.maxPayload);
    receiver._maxFragments = Math.min(mostFragments, full.maxFragments);
    this.#limitInflated(receiver._maxPayload);
    const made = filter(this, (bytes) => writePlain(receiver, bytes));
    this.#limits = { filter: made, full, dropped: undefined, isLifted: false };
    if (this.#pace === undefined) receiver.write = (chunk) => this.passOn(chunk);
  }

  /** From now on the bytes of the peer pass in slices, and at its rate; the receiver must be there. */
  pace(pace: Pace): void {
    const { _receiver: receiver }: EngineWebSocket = this;
    if (!receiver) return;
    this.#pace = pace;
    paceReceiver(receiver, this);
  }

  receive(bytes: Buffer): boolean {
    if (this.#input === undefined && isOneFrame(bytes) && this.#spendOne(bytes)) return this.passOn(bytes);
    const goesOn = this.#makeInput()?.write(bytes) ?? this.passOn(bytes);
    this.freeInput();
    return goesOn;
  }

  receiveEnd(): void {
    if (this.#input === undefined) this.passEnd();
    else this.#input.end();
  }

  /** To the filter of a stranger, if there is one, and otherwise to the receiver. */
  passOn(bytes: Buffer): boolean {
    const { _receiver: receiver }: EngineWebSocket = this;
    if (!receiver) return true;
    const filter = this.#limits?.filter;
    if (filter === undefined) return writePlain(receiver, bytes);
    const goesOn = filter.write(bytes);
    if (filter.isDone) this.#removeFilter(receiver);
    return goesOn;
  }

  passEnd(): void {
    const { _receiver: receiver }: EngineWebSocket = this;
    if (receiver) endPlain(receiver);
  }

  /** An idle client has no input of its own, because nearly all of what clients send needs none. */
  freeInput(): void {
    if (this.#input?.isIdle !== true) return;
    this.#fullAt = this.#input.fullAt;
    this.#input = undefined;
  }

  #makeInput(): PacedInput | undefined {
    if (this.#pace === undefined) return undefined;
    this.#input ??= new PacedInput(this.#pace.pacing, new ReceiverSource(this, this.#pace), this.#fullAt);
    return this.#input;
  }

  /** Returns false if the rate of this client has no token for the frame. */
  #spendOne(frame: Buffer): boolean {
    const { pacing } = this.#pace ?? {};
    if (pacing?.hasRate !== true || !isMessage(frame)) return pacing !== undefined;
    const now = performance.now();
    if (tokensAt(this.#fullAt, now, pacing.limits) < 1) return false;
    this.#fullAt = fullAfter(1, this.#fullAt, now, pacing.limits);
    return true;
  }

  /** Since when its rate delays its client; undefined if it does not. */
  get delayedSince(): number | undefined {
    return this.#input?.delayedSince;
  }

  /** Its client has upgraded to it, and sent this much by the transport before; see `MessageRate`. */
  continueRate(fullAt: number): void {
    const now = performance.now();
    if (this.#input === undefined) this.#fullAt = fullAfterBoth(this.#fullAt, fullAt, now);
    else this.#input.continueRate(fullAt, now);
  }

  /** Whether neither side has begun to close it. */
  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN;
  }

  /** Passes no bytes of the peer for this many milliseconds. */
  delay(ms: number): void {
    this.#makeInput()?.delay(ms);
  }

  override close(code?: number, reason?: string | Buffer): void {
    // `ws` does this if a message is larger than `maxPayload`. Where it repeats the code of its peer, it has a reason too.
    if (code === TOO_LARGE && reason === undefined && this.owner !== undefined) this.#pace?.tooLarge(this.owner);
    super.close(code, reason);
  }

  override terminate(): void {
    this.#input?.drop();
    super.terminate();
  }

  /** Sets the callback for messages that the filter drops because of their size; see `FrameFilterOptions`. */
  onDropped(dropped: (start: string | undefined) => void): void {
    if (this.#limits !== undefined) this.#limits.dropped = dropped;
  }

  /** The filter dropped a message. */
  dropped(start: string | undefined): void {
    this.#limits?.dropped?.(start);
  }

  /** Ends the limits, since the peer is authenticated. Harmless when called again. */
  lift(): void {
    const { _receiver: receiver }: EngineWebSocket = this;
    const limits = this.#limits;
    if (!receiver || limits === undefined || limits.isLifted) return;
    limits.isLifted = true;
    receiver._maxPayload = limits.full.maxPayload;
    receiver._maxFragments = limits.full.maxFragments;
    this.#limitInflated(limits.full.maxPayload);
    limits.filter.lift();
    if (limits.filter.isDone) this.#removeFilter(receiver);
  }

  /** Compresses nothing for a stranger: the first compressed message would allocate a context of 250 KB. */
  override send(data: unknown, options?: unknown, callback?: unknown): void {
    if (this.#limits === undefined || this.#limits.isLifted)
      super.send(data as string, options as object, callback as SentCallback);
    else if (typeof options === 'function') super.send(data as string, { compress: false }, options as SentCallback);
    else super.send(data as string, { ...(options as object), compress: false }, callback as SentCallback);
  }

  #limitInflated(mostBytes: number): void {
    const inflater = inflaterOf(this);
    if (typeof inflater?._maxPayload === 'number') inflater._maxPayload = mostBytes;
  }

  #removeFilter(receiver: EngineReceiver): void {
    this.#limits = undefined;
    if (this.#pace === undefined) Reflect.deleteProperty(receiver, 'write');
  }
}

/** The receiver of one WebSocket, whose bytes are paced. */
class ReceiverSource implements PacedSource {
  readonly #webSocket: GuardedWebSocket;
  readonly #pace: Pace;

  constructor(webSocket: GuardedWebSocket, pace: Pace) {
    this.#webSocket = webSocket;
    this.#pace = pace;
  }

  get isOpen(): boolean {
    return this.#webSocket.isOpen;
  }

  get unread(): number {
    return this.#pace.pacing.unreadOf(this.#webSocket.owner);
  }

  get beingWritten(): number {
    const { _socket: stream }: EngineWebSocket = this.#webSocket;
    return bytesBeingWritten(stream);
  }

  pass(bytes: Buffer): boolean {
    return this.#webSocket.passOn(bytes);
  }

  passEnd(): void {
    this.#webSocket.passEnd();
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
    this.#webSocket.freeInput();
  }

  keepAlive(): void {
    const { owner } = this.#webSocket;
    if (owner !== undefined) this.#pace.keepAlive(owner);
  }

  tooFast(): void {
    const { owner } = this.#webSocket;
    if (owner === undefined) this.#webSocket.terminate();
    else this.#pace.tooFast(owner);
  }
}

/** Its extension that inflates compressed messages, if the peer has agreed to it. */
export function inflaterOf({ _extensions: extensions }: EngineWebSocket): EngineInflater | undefined {
  return extensions?.['permessage-deflate'];
}
