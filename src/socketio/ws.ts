import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { fullAfter, tokensAt } from '../common/message-rate.js';
import type { Wire } from '../ports/wire.js';
import type { EngineInflater, EngineReceiver, EngineWebSocket, ReceiverLimits } from './engine-types.js';
import { isMessage, isOneFrame, MOST_FRAMES } from './frame-scan.js';
import { PacedInput, type PacedSource } from './paced-input.js';
import { Pacing } from './pacing.js';

/*
 * The package `ws`. Its server class, which engine.io takes as `wsEngine`, its options `WebSocket` and `closeTimeout`, and `pong()`
 * `send()`, `pause()` and `resume()` of a WebSocket are public. The receiver, its limits, and those of the compression extension are
 * private, and this file is the only one that touches them for limits. They are tried once. Without the limits of the receiver
 * `maxPayload` is the only limit before authentication; without that of the extension nothing is compressed; if the receiver gets its
 * bytes in another way, they are not paced.
 */

/** A filter between a connection and the receiver of its frames. */
export interface InputFilter {
  write(chunk: Buffer): boolean;
  /** Passes everything from now on. */
  lift(): void;
  /** Whether it passes everything. */
  readonly isDone: boolean;
}

export interface GuardOptions {
  /** Limits of one message in bytes and in frames, until they are lifted. */
  readonly mostBytes: number;
  readonly mostFragments: number;
  /** How long a peer may take for the closing handshake, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** Makes the filter of one WebSocket. `pass` passes bytes to its receiver. */
  readonly filter: (webSocket: GuardedWebSocket, pass: (bytes: Buffer) => boolean) => InputFilter;
  /** Whether the request belongs to a connection that is authenticated already: its WebSocket has no limits from the start. */
  readonly isAdmitted: (request: IncomingMessage) => boolean;
  /** The socket of a request became a WebSocket. The engine has not seen it yet. */
  readonly opened: (socket: Duplex, webSocket: GuardedWebSocket, request: IncomingMessage) => void;
  /** The limits can't be set: `ws` is not as expected. */
  readonly unlimited: () => void;
  /** The limit of compressed messages can't be set, so none are compressed. */
  readonly uncompressed: () => void;
  readonly pace: Pace;
  /** Messages can't be paced: `ws` is not as expected. */
  readonly unpaced: () => void;
}

/** How fast the messages of a WebSocket are passed to the engine. */
export interface Pace {
  readonly pacing: Pacing;
  /** It has to wait, so the answer of its peer to a ping may be late. */
  readonly keepAlive: (wire: Wire) => void;
  /** It was over its rate for too long. */
  readonly tooFast: (wire: Wire) => void;
}

type StrangerOptions = Pick<GuardOptions, 'mostBytes' | 'mostFragments' | 'filter'>;

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
export class GuardedWebSocket extends WebSocket {
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
    const { write } = plainOf(receiver);
    const made = filter(this, (bytes) => write.call(receiver, bytes));
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

  /** Bytes of the peer. Returns false if the receiver asks to wait. */
  receive(bytes: Buffer): boolean {
    if (this.#input === undefined && isOneFrame(bytes) && this.#spendOne(bytes)) return this.passOn(bytes);
    const goesOn = this.#makeInput()?.write(bytes) ?? this.passOn(bytes);
    this.freeInput();
    return goesOn;
  }

  /** The peer sends no more bytes. */
  receiveEnd(): void {
    if (this.#input === undefined) this.passEnd();
    else this.#input.end();
  }

  /** To the filter of a stranger, if there is one, and otherwise to the receiver. */
  passOn(bytes: Buffer): boolean {
    const { _receiver: receiver }: EngineWebSocket = this;
    if (!receiver) return true;
    const filter = this.#limits?.filter;
    if (filter === undefined) return plainOf(receiver).write.call(receiver, bytes);
    const goesOn = filter.write(bytes);
    if (filter.isDone) this.#removeFilter(receiver);
    return goesOn;
  }

  passEnd(): void {
    const { _receiver: receiver }: EngineWebSocket = this;
    if (receiver) plainOf(receiver).end.call(receiver);
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

  /** Whether neither side has begun to close it. */
  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN;
  }

  /** Passes no bytes of the peer for this many milliseconds. */
  delay(ms: number): void {
    this.#makeInput()?.delay(ms);
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

const WEB_SOCKET = Symbol('webSocket');

interface PacedReceiver extends EngineReceiver {
  [WEB_SOCKET]?: GuardedWebSocket;
}

/** Prototypes of paced receivers, by those of `ws`. One for all, because functions of its own would cost each idle client memory. */
const paced = new WeakMap<object, object>();

/** Its WebSocket gets what the receiver would. */
function paceReceiver(receiver: PacedReceiver, webSocket: GuardedWebSocket): void {
  const plain: object = Object.getPrototypeOf(receiver);
  let prototype = paced.get(plain);
  if (prototype === undefined) {
    const methods: Pick<EngineReceiver, 'write' | 'end'> & ThisType<PacedReceiver> = {
      write(chunk) {
        return this[WEB_SOCKET]?.receive(chunk) ?? true;
      },
      end() {
        this[WEB_SOCKET]?.receiveEnd();
      },
    };
    prototype = Object.assign(Object.create(plain) as object, methods);
    paced.set(plain, prototype);
  }
  receiver[WEB_SOCKET] = webSocket;
  Object.setPrototypeOf(receiver, prototype);
}

/** The methods of `ws`. */
function plainOf(receiver: PacedReceiver): EngineReceiver {
  const own: EngineReceiver = Object.getPrototypeOf(receiver);
  return receiver[WEB_SOCKET] === undefined ? own : Object.getPrototypeOf(own);
}

/** The class of engine.io's WebSocket server. */
export function guardedWsEngine(options: GuardOptions, Used = GuardedWebSocket): typeof WebSocketServer {
  const limits = limitsHold(options, Used);
  if (!limits) options.unlimited();
  const paces = canPace(Used);
  if (!paces) options.unpaced();
  return class extends WebSocketServer<typeof GuardedWebSocket> {
    readonly #full: ReceiverLimits;

    constructor(given: ConstructorParameters<typeof WebSocketServer>[0]) {
      const isUnbounded = limits && Boolean(given?.perMessageDeflate) && !boundsInflated(Used);
      if (isUnbounded) options.uncompressed();
      const compression = isUnbounded ? { perMessageDeflate: false } : {};
      super({ ...given, ...compression, WebSocket: Used, closeTimeout: options.closeTimeoutMs } as object);
      const { maxPayload = 0, maxFragments = 0 } = this.options as Partial<ReceiverLimits>;
      this.#full = { maxPayload, maxFragments };
    }

    override handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (webSocket: GuardedWebSocket, request: IncomingMessage) => void,
    ): void {
      super.handleUpgrade(request, socket, head, (webSocket) => {
        options.opened(socket, webSocket, request);
        // The receiver has no bytes yet: a socket begins to flow in the next tick.
        if (paces) webSocket.pace(options.pace);
        if (limits && !options.isAdmitted(request)) webSocket.limit(options, this.#full);
        done(webSocket, request);
      });
    }
  } as unknown as typeof WebSocketServer;
}

/** Whether the limits of a receiver hold and can be lifted, tried with a WebSocket without a peer. */
export function limitsHold(
  { mostBytes, mostFragments, closeTimeoutMs }: Pick<GuardOptions, 'mostBytes' | 'mostFragments' | 'closeTimeoutMs'>,
  Tried = GuardedWebSocket,
): boolean {
  try {
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() });
    const webSocket = new Tried(null as never, undefined, { closeTimeout: closeTimeoutMs } as object);
    const full = { maxPayload: mostBytes + 2, maxFragments: mostFragments };
    const heard: number[] = [];
    webSocket.on('message', (data: Buffer) => heard.push(data.length));
    // The last message is too large; without a listener its error would be thrown.
    webSocket.on('error', () => {});
    const inside: EngineWebSocket = webSocket;
    inside.setSocket?.(socket, Buffer.alloc(0), full);
    const seen: number[] = [];
    webSocket.limit(
      {
        mostBytes,
        mostFragments,
        filter: (_, pass) => new ProbeFilter(seen, pass),
      },
      full,
    );
    const { _receiver: receiver } = inside;
    const limited = receiver?._maxPayload === mostBytes;
    receiver?.write(frameOf(mostBytes));
    webSocket.lift();
    receiver?.write(frameOf(mostBytes + 1));
    receiver?.write(frameOf(mostBytes + 3));
    const holds = limited && heard.join() === `${mostBytes},${mostBytes + 1}` && seen.length === 1;
    webSocket.terminate();
    return holds;
  } catch {
    return false;
  }
}

/** Whether the bytes of a WebSocket can be passed in slices, tried with a WebSocket without a peer. */
export function canPace(Tried = GuardedWebSocket): boolean {
  const none = Number.POSITIVE_INFINITY;
  const pacing = new Pacing({ messagesPerSecond: none, messageBurst: none, delayedFor: none });
  try {
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() });
    const webSocket = new Tried(null as never, undefined, { closeTimeout: 1 } as object);
    let heard = 0;
    webSocket.on('message', () => {
      heard += 1;
    });
    webSocket.on('error', () => {});
    const inside: EngineWebSocket = webSocket;
    inside.setSocket?.(socket, Buffer.alloc(0), { maxPayload: 1_000, maxFragments: 1 });
    webSocket.pace({ pacing, keepAlive() {}, tooFast() {} });
    socket.emit('data', Buffer.concat(Array.from({ length: MOST_FRAMES + 1 }, () => frameOf(200))));
    const holds = heard === MOST_FRAMES && webSocket.isPaused;
    webSocket.terminate();
    return holds;
  } catch {
    return false;
  } finally {
    pacing.turns.clear();
  }
}

/** Whether the compression extension has its limit in the known member. Tried by an upgrade with compression, without a peer. */
export function boundsInflated(Tried = GuardedWebSocket): boolean {
  const maxPayload = 4321;
  let bound: number | undefined;
  const headers = {
    ...{ upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'A'.repeat(22).concat('==') },
    'sec-websocket-extensions': 'permessage-deflate',
  };
  try {
    const options = { noServer: true, perMessageDeflate: true, maxPayload, WebSocket: Tried };
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() });
    const request = { method: 'GET', headers } as unknown as IncomingMessage;
    new WebSocketServer(options).handleUpgrade(request, socket, Buffer.alloc(0), (webSocket) => {
      bound = inflaterOf(webSocket)?._maxPayload;
      webSocket.terminate();
    });
  } catch {
    // The request was not accepted.
  }
  return bound === maxPayload;
}

function inflaterOf({ _extensions: extensions }: EngineWebSocket): EngineInflater | undefined {
  return extensions?.['permessage-deflate'];
}

class ProbeFilter implements InputFilter {
  isDone = false;
  readonly #seen: number[];
  readonly #pass: (bytes: Buffer) => boolean;

  constructor(seen: number[], pass: (bytes: Buffer) => boolean) {
    this.#seen = seen;
    this.#pass = pass;
  }

  write(chunk: Buffer): boolean {
    this.#seen.push(chunk.length);
    return this.#pass(chunk);
  }

  lift(): void {
    this.isDone = true;
  }
}

/** A masked text frame with a payload of this many bytes. */
function frameOf(bytes: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(0x81, 0);
  head.writeUInt8(0x80 | 126, 1);
  head.writeUInt16BE(bytes, 2);
  return Buffer.concat([head, Buffer.alloc(bytes, 'a')]);
}
