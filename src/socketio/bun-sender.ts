import type { Wire } from '../ports/wire.js';
import { type BunFrame, frameOf, type Piece, Several } from './bun-frames.js';
import { sendAll } from './bun-send.js';
import type { DirectSocket, DirectSocketUser } from './bun-socket.js';
import type { BunSocket, BunTransport } from './bun-types.js';
import { isHeard, PACKET_EVENTS } from './engine-packets.js';
import type { EngineConnection, EnginePacket } from './engine-types.js';
import { type FrameQueue, type FrameSender, framesOf, type QueuedFrame } from './frame-queue.js';

/** Bytes buffered in Bun from which a peer counts as slow: the high-water mark of a stream of Node.js. */
const SLOW = 16 * 1024;

const SENDER = Symbol('sender');

interface WithSender extends BunTransport {
  [SENDER]?: BunSender;
}
interface SendingConnection extends EngineConnection {
  readonly transport?: WithSender;
}
type Queue = FrameQueue<BunFrame>;

export interface BunSenderEvents {
  /** The peer accepts no more. The argument is the number of bytes that were sent in one write. */
  filled(wire: Wire, bytes: number): void;
  drained(wire: Wire): void;
}

/**
 * Sends over one WebSocket, instead of `send()` and `doClose()` of its transport. It is a separate object, because a small
 * object is read faster, and with a thousand recipients these reads are the cost of a delivery.
 */
export class BunSender implements FrameSender<BunFrame>, DirectSocketUser {
  tail: QueuedFrame<BunFrame> | undefined = undefined;
  tick = 0;
  isBusy = false;
  writable = true;
  /** True if nothing is queued elsewhere and no listener wants each packet. Checked once, and again after a change. */
  isClear = false;
  readonly #socket: DirectSocket;
  /** Undefined once sending has been stopped. */
  #webSocket: BunSocket | undefined;
  /** Upper bound of the bytes that Bun has buffered since its buffer was last checked. */
  #unseen = 0;
  readonly #queue: Queue;
  readonly #transport: BunTransport;
  readonly #events: BunSenderEvents;
  /** The wire that it sends over, once it is known. */
  #wire: Wire | undefined = undefined;
  /** Packets of a batch of the engine that wait until the peer has read. */
  #rest: EnginePacket[] | undefined = undefined;

  private constructor(transport: BunTransport, socket: DirectSocket, queue: Queue, events: BunSenderEvents) {
    this.#socket = socket;
    this.#webSocket = socket.bypass(this);
    this.#queue = queue;
    this.#transport = transport;
    this.#events = events;
  }

  /** Makes one for a transport that is open over `socket`. */
  static make(transport: WithSender, socket: DirectSocket, queue: Queue, events: BunSenderEvents): void {
    transport[SENDER] = new BunSender(transport, socket, queue, events);
    // The same two functions for all connections: own ones would cost each idle connection memory.
    transport.send = send;
    transport.doClose = doClose;
  }

  /** The sender of a wire's transport. */
  static of(wire: Wire): BunSender | undefined {
    const { transport }: SendingConnection = wire;
    return transport?.[SENDER];
  }

  /** From now on it sends for this wire. */
  attach(wire: Wire): void {
    this.#wire = wire;
  }

  /** Whether a message may be queued. */
  isReady(wire: Wire): boolean {
    return this.isClear || (this.writable && this.#clear(wire));
  }

  send(packets: readonly EnginePacket[]): void {
    this.isBusy ||= packets.length > 1;
    for (let at = 0; at < packets.length; at++) {
      if (!this.writable) {
        this.#rest ??= [];
        for (const packet of packets.slice(at)) this.#rest.push(packet);
        return;
      }
      this.#queue.push(this, [frameOf(packets[at] as EnginePacket)]);
    }
  }

  write(tail: QueuedFrame<BunFrame>): void {
    tail.whole ??= piecesOf(tail);
    const webSocket = this.#send(tail.whole as Piece[]);
    this.#unseen += tail.weight;
    if (webSocket === undefined || this.#unseen < SLOW) return;
    this.#unseen = webSocket.getBufferedAmount();
    if (this.#unseen < SLOW || !this.writable) return;
    this.#setWritable(false);
    this.#socket.afterDrain(() => this.#resume());
    if (this.#wire !== undefined) this.#events.filled(this.#wire, tail.weight);
  }

  /** Nothing to do: the engine on Bun has no callbacks for sent packets. */
  confirm(): void {}

  discard(): void {
    this.tail = undefined;
    this.#rest = undefined;
  }

  close(): void {
    this.#queue.sweep();
    this.#queue.flushSender(this);
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#send(rest.map(frameOf));
    this.#setWritable(false);
    this.#socket.close();
  }

  stop(): void {
    this.#webSocket = undefined;
  }

  /** Returns the WebSocket that took the pieces; undefined if sending has been stopped. */
  #send(pieces: readonly Piece[]): BunSocket | undefined {
    const webSocket = this.#webSocket;
    if (webSocket !== undefined && !sendAll(webSocket, pieces)) this.#socket.lost();
    return this.#webSocket;
  }

  /** Checks whether it is clear. A positive result holds until a listener for packets is added. */
  #clear(wire: Wire): boolean {
    const connection: EngineConnection = wire;
    const { readyState, writeBuffer } = connection;
    if (readyState !== 'open' || writeBuffer?.length !== 0 || isHeard(wire)) return false;
    connection.on = on as Wire['on'];
    this.isClear = true;
    return true;
  }

  #setWritable(writable: boolean): void {
    this.writable = writable;
    this.isClear = false;
    this.#transport.writable = writable;
  }

  /** Sends the packets that waited, the oldest first, until the peer is slow again. */
  #resume(): void {
    this.#queue.sweep();
    this.#setWritable(true);
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.send(rest);
    if (!this.writable) return;
    if (this.#wire !== undefined) this.#events.drained(this.#wire);
    this.#transport.emit('drain');
  }
}

function send(this: WithSender, packets: readonly EnginePacket[]): void {
  this[SENDER]?.send(packets);
}

function doClose(this: WithSender): void {
  this[SENDER]?.close();
}

/** Replaces `on()` of a wire whose sender is clear, to notice listeners for packets. */
function on(this: Wire, event: string, listener: (...args: never[]) => void): unknown {
  const sender = BunSender.of(this);
  if (sender !== undefined && PACKET_EVENTS.includes(event)) sender.isClear = false;
  return Object.getPrototypeOf(this).on.call(this, event, listener);
}

function piecesOf(tail: QueuedFrame<BunFrame>): readonly Piece[] {
  return framesOf(tail).flatMap((frame) => (frame instanceof Several ? frame.pieces : [frame]));
}
