import type { Duplex } from 'node:stream';
import { isBytes } from '../common/is-bytes.js';
import type { Wire } from '../ports/wire.js';
import { isHeard, PACKET_EVENTS, textOf } from './engine-packets.js';
import type {
  EngineConnection,
  EnginePacket,
  EnginePacketOptions,
  EngineTransport,
  EngineWebSocket,
  OrdinaryRequest,
  OrdinaryWebSocket,
  TransportClass,
} from './engine-types.js';
import { type DirectSender, type FrameQueue, framesOf, type QueuedFrame } from './frame-queue.js';
import { binaryFrame, joinedFrames, textFrame, type WsFrame } from './frames.js';
import { OPEN } from './ready-states.js';

export interface NodeSenderEvents {
  /** The kernel accepts no more. The argument is the number of bytes that were sent in one write. */
  filled(wire: Wire, bytes: number): void;
  drained(wire: Wire): void;
}

const SENDER = Symbol('sender');

interface Marked {
  [SENDER]?: NodeSender;
}

// One function of each for all connections: own ones would cost each idle connection memory.
function received(this: EngineWebSocket & Marked, data: Buffer, isBinary: boolean): void {
  this[SENDER]?.onData(isBinary ? data : data.toString());
}
function closed(this: EngineWebSocket & Marked): void {
  this[SENDER]?.onClose();
}
function failed(this: EngineWebSocket & Marked, error: Error): void {
  this[SENDER]?.onError(error);
}
function drained(this: Duplex & Marked): void {
  this[SENDER]?.resume();
}
function writeFailed(this: Duplex & Marked, error: Error & { syscall?: string }): void {
  if (error.syscall?.startsWith('write')) this[SENDER]?.onError('write error', error.stack);
}
function listened(this: Wire, event: string | symbol): void {
  const sender = nodeSenderOf(this);
  if (sender !== undefined && PACKET_EVENTS.includes(String(event))) sender.isHeard = true;
}

/** Placeholder for engine.io's base class of transports. Importing that is not safe: there may be two copies of the package. */
const Transport = class {} as unknown as TransportClass;

/** A WebSocket transport of engine.io that writes once per tick of the event loop. */
export class NodeSender extends Transport implements DirectSender<WsFrame> {
  /** On the prototype, because they are the same for all senders of an engine. */
  declare readonly queue: FrameQueue<WsFrame>;
  declare readonly events: NodeSenderEvents;

  tail: QueuedFrame<WsFrame> | undefined = undefined;
  tick = 0;
  isBusy = false;
  /** The wire whose transport it is; undefined before the connection opens or upgrades. */
  wire: Wire | undefined = undefined;
  /** Whether the program listens to each packet of the connection. True while that is unknown. */
  isHeard = true;
  override readonly socket: OrdinaryWebSocket;
  readonly #stream: Duplex;
  /** engine.io sets it from its option. Unused, because senders do not compress. */
  perMessageDeflate: unknown = null;
  /** Batches of engine.io that were sent, or are queued, and not confirmed by `drain` yet. */
  #unconfirmed = 0;

  constructor(request: OrdinaryRequest) {
    super(request);
    const { websocket } = request;
    this.socket = websocket;
    const { _socket: stream } = websocket;
    this.#stream = stream;
    (websocket as Marked)[SENDER] = this;
    (stream as Marked)[SENDER] = this;
    websocket.on('message', received);
    websocket.on('close', closed);
    websocket.on('error', failed);
    stream.on('error', writeFailed);
    this.writable = true;
  }

  override get name(): string {
    return 'websocket';
  }

  get handlesUpgrades(): boolean {
    return true;
  }

  get isClear(): boolean {
    return this.writable && !this.isHeard;
  }

  /** Bytes that the kernel has not accepted. */
  override get unread(): number {
    return this.#stream.writableLength;
  }

  /** Makes it the transport of this wire. It then notices new listeners for packets. */
  attach(wire: Wire): void {
    this.wire = wire;
    wire.on('newListener', listened);
  }

  /** Allows direct messages, unless the wire has a listener for each packet. */
  clear(wire: Wire): void {
    this.isHeard = isHeard(wire);
  }

  override send(packets: readonly EnginePacket[]): void {
    this.#unconfirmed++;
    this.queue.push(this, packets.map(frameOf));
  }

  write(tail: QueuedFrame<WsFrame>): void {
    if (this.socket.readyState !== OPEN) return;
    const stream = this.#stream;
    const bytes = joined(tail);
    // Bytes that the kernel accepted immediately do not count.
    if (stream.write(bytes) || stream.writableLength < stream.writableHighWaterMark) return;
    if (this.writable) stream.once('drain', drained);
    this.writable = false;
    if (this.wire !== undefined) this.events.filled(this.wire, bytes.length);
  }

  confirm(): void {
    if (this.writable) this.#confirm();
  }

  discard(): void {
    this.tail = undefined;
  }

  resume(): void {
    // The packets that waited for this are sent below.
    this.queue.sweep();
    if (this.wire !== undefined) this.events.drained(this.wire);
    this.#confirm();
    if (this.readyState !== 'open') return;
    this.writable = true;
    this.emit('ready');
  }

  override close(done?: () => void): void {
    if (!isClosedTooEarly(this, this.wire)) super.close(done);
  }

  doClose(done?: () => void): void {
    this.queue.sweep();
    this.queue.flushSender(this);
    this.writable = false;
    this.socket.close();
    done?.();
  }

  override onClose(): void {
    this.writable = false;
    super.onClose();
  }

  /** At each `drain` engine.io runs the callbacks of one batch that was sent. */
  #confirm(): void {
    for (; this.#unconfirmed > 0; this.#unconfirmed--) {
      try {
        this.emit('drain');
      } catch (error) {
        // A callback of the program threw. The other callbacks run before its error is thrown.
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }
}

let derivedFrom: TransportClass | undefined;

/**
 * The class of senders that write through `queue`, derived from engine.io's base class of transports. Undefined if senders are
 * already derived from another copy of engine.io.
 */
export function nodeSendersOver(
  base: TransportClass,
  queue: FrameQueue<WsFrame>,
  events: NodeSenderEvents,
): typeof NodeSender | undefined {
  derivedFrom ??= base;
  if (derivedFrom !== base) return undefined;
  Object.setPrototypeOf(NodeSender, base);
  Object.setPrototypeOf(NodeSender.prototype, base.prototype);
  class Sender extends NodeSender {}
  Object.assign(Sender.prototype, { queue, events });
  return Sender;
}

/** The transport of a wire, if it is a sender. */
export function nodeSenderOf(wire: Wire): NodeSender | undefined {
  const { transport }: EngineConnection = wire;
  return transport instanceof NodeSender ? transport : undefined;
}

/**
 * Whether `close()` of a transport comes too early. When an `upgrade` listener closes the connection, engine.io closes the new
 * transport right after the listeners, even if packets still wait. Ignoring that call loses nothing: the connection calls
 * `close()` again when the last packet is sent. If an update of engine.io moves `discarded`, no call is ignored: one of
 * `close(true)` must end a peer that reads too slowly.
 */
function isClosedTooEarly({ discarded }: EngineTransport, connection: EngineConnection | undefined): boolean {
  return connection?.readyState === 'closing' && (connection.writeBuffer?.length ?? 0) > 0 && discarded === false;
}

/** Makes a transport of engine.io ignore a `close()` that comes too early. `NodeSender` has the same check. */
export function keepFromClosingEarly(wire: Wire): void {
  const { transport }: EngineConnection = wire;
  // If an update of engine.io moves it, the transport closes as engine.io wants.
  if (typeof transport?.close !== 'function') return;
  const { close } = transport;
  transport.close = function (done) {
    if (!isClosedTooEarly(this, wire)) close.call(this, done);
  };
}

function joined(tail: QueuedFrame<WsFrame>): Buffer {
  if (tail.before === undefined) return tail.frame;
  tail.whole ??= Buffer.concat(framesOf(tail));
  return tail.whole as Buffer;
}

/** Encoded here, because engine.io's encoder may call back after the write of this tick. Protocol 4 only. */
function frameOf(packet: EnginePacket): WsFrame {
  const { data, options } = packet;
  if (options?.wsPreEncodedFrame !== undefined) return sharedFrame(options.wsPreEncodedFrame, options);
  return isBytes(data) ? binaryFrame(data) : textFrame(textOf(packet));
}

/** A broadcast in one frame for all recipients. Undefined if a part is neither text nor bytes. */
export function frameOfMessage(encoded: readonly unknown[], options: EnginePacketOptions): WsFrame | undefined {
  return options.wsPreEncodedFrame === undefined
    ? joinedFrames(encoded)
    : sharedFrame(options.wsPreEncodedFrame, options);
}

/** Head and body in one buffer, kept in the options, which all recipients of the message share. */
function sharedFrame(parts: readonly Buffer[], options: EnginePacketOptions): WsFrame {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const frame = Buffer.concat(parts);
  options.wsPreEncodedFrame = [frame];
  return frame;
}
