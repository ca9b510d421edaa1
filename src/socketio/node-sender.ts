import type { Duplex } from 'node:stream';
import type { DirectSender } from './frame-queue.js';
import { type FrameQueue, framesOf, type QueuedFrame } from './frame-queue.js';
import { binaryFrame, textFrame, type WsFrame } from './frames.js';
import {
  type EngineConnection,
  type EnginePacket,
  type EngineRequest,
  type EngineTransport,
  isClosedTooEarly,
  type TransportClass,
  type WsSocket,
} from './node-engine.js';

/** A transport of engine.io over a WebSocket, which writes once in a tick of the event loop. */
export interface NodeSender extends EngineTransport, DirectSender<WsFrame> {
  /** Never while something waits in the connection's own queue, nor once this is closed. */
  writable: boolean;
  /** Whose transport it is, once it is. */
  connection: EngineConnection | undefined;
  /** Whether the program listens to each packet of the connection, or may, as long as it isn't known. */
  isHeard: boolean;
  /** Bytes that the kernel has not taken. */
  readonly unread: number;
}

export interface NodeSenderEvents {
  /** The kernel takes no more, after so many bytes in one go. */
  filled(connection: EngineConnection, bytes: number): void;
  drained(connection: EngineConnection): void;
}

const SENDER = Symbol('sender');
/** The state of a WebSocket that is open, as the standard numbers it. */
const OPEN = 1;

interface Marked {
  [SENDER]?: NodeSenderInside;
}
interface NodeSenderInside extends NodeSender {
  resume(): void;
}

// One of each for all connections: an idle one would pay for its own.
function heard(this: WsSocket & Marked, data: Buffer, isBinary: boolean): void {
  this[SENDER]?.onData(isBinary ? data : data.toString());
}
function closed(this: WsSocket & Marked): void {
  this[SENDER]?.onClose();
}
function failed(this: WsSocket & Marked, error: Error): void {
  this[SENDER]?.onError(error as unknown as string);
}
function drained(this: Duplex & Marked): void {
  this[SENDER]?.resume();
}
function writeFailed(this: Duplex & Marked, error: Error & { syscall?: string }): void {
  if (error.syscall?.startsWith('write')) this[SENDER]?.onError('write error', error.stack);
}

/** Makes transports that write through `queue`, derived from engine.io's class of all transports. */
export function nodeSendersOver(Transport: TransportClass, queue: FrameQueue<WsFrame>, events: NodeSenderEvents) {
  class Sender extends Transport implements NodeSenderInside {
    tail: QueuedFrame<WsFrame> | undefined = undefined;
    tick = 0;
    isBusy = false;
    connection: EngineConnection | undefined = undefined;
    isHeard = true;
    readonly socket: WsSocket;
    readonly #stream: Duplex;
    /** engine.io writes its option here; there is no compression on this way. */
    perMessageDeflate: unknown = null;
    /** Batches of engine.io that it has not been told of yet that they went out. */
    #unconfirmed = 0;

    constructor(request: EngineRequest) {
      super(request);
      const { websocket } = request;
      this.socket = websocket;
      const stream = websocket._socket as Duplex;
      this.#stream = stream;
      (websocket as Marked)[SENDER] = this;
      (stream as Marked)[SENDER] = this;
      websocket.on('message', heard);
      websocket.on('close', closed);
      websocket.on('error', failed);
      stream.on('error', writeFailed);
      this.writable = true;
    }

    get name(): string {
      return 'websocket';
    }

    get handlesUpgrades(): boolean {
      return true;
    }

    get isClear(): boolean {
      return this.writable && !this.isHeard;
    }

    get unread(): number {
      return this.#stream.writableLength;
    }

    send(packets: readonly EnginePacket[]): void {
      this.#unconfirmed++;
      queue.push(
        this,
        packets.map((packet) => frameOf(this, packet)),
      );
    }

    write(tail: QueuedFrame<WsFrame>): void {
      if (this.socket.readyState !== OPEN) return;
      const stream = this.#stream;
      const bytes = joined(tail);
      // What the kernel took at once doesn't count, however large it was.
      if (stream.write(bytes) || stream.writableLength < stream.writableHighWaterMark) return;
      if (this.writable) stream.once('drain', drained);
      this.writable = false;
      if (this.connection !== undefined) events.filled(this.connection, bytes.length);
    }

    confirm(): void {
      if (this.writable) this.#confirm();
    }

    resume(): void {
      if (this.connection !== undefined) events.drained(this.connection);
      this.#confirm();
      if (this.readyState !== 'open') return;
      this.writable = true;
      this.emit('ready');
    }

    override close(done?: () => void): void {
      if (!isClosedTooEarly(this, this.connection)) super.close(done);
    }

    doClose(done?: () => void): void {
      queue.flushSender(this);
      this.writable = false;
      this.socket.close();
      done?.();
    }

    override onClose(): void {
      this.writable = false;
      super.onClose();
    }

    /** engine.io calls back who waits for a batch to be sent, one batch at a time. */
    #confirm(): void {
      for (; this.#unconfirmed > 0; this.#unconfirmed--) {
        try {
          this.emit('drain');
        } catch (error) {
          // A callback of the program threw. The others are served first.
          process.nextTick(() => {
            throw error;
          });
        }
      }
    }
  }

  return {
    make: (request: EngineRequest): NodeSender => new Sender(request),
    isNodeSender: (transport: unknown): transport is NodeSender => transport instanceof Sender,
  };
}

function joined(tail: QueuedFrame<WsFrame>): Buffer {
  if (tail.before === undefined) return tail.frame;
  tail.whole ??= Buffer.concat(framesOf(tail));
  return tail.whole as Buffer;
}

function frameOf({ parser, supportsBinary }: EngineTransport, { type, data, options }: EnginePacket): WsFrame {
  if (options?.wsPreEncodedFrame !== undefined) return sharedFrame(options.wsPreEncodedFrame, options);
  let frame: WsFrame | undefined;
  parser.encodePacket({ type, data }, supportsBinary, (encoded) => {
    frame = typeof encoded === 'string' ? textFrame(encoded) : binaryFrame(encoded);
  });
  return frame as WsFrame;
}

/** Head and body in one buffer, for whoever else gets this message too: all have the same options. */
function sharedFrame(parts: readonly Buffer[], options: NonNullable<EnginePacket['options']>): WsFrame {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const frame = Buffer.concat(parts);
  options.wsPreEncodedFrame = [frame];
  return frame;
}
