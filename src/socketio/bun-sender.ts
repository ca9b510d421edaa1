import type { Borrower, BunConnection, BunTransport, BunWire } from './bun-fanout-probe.js';
import { type BunFrame, type EnginePacket, frameOf, type Piece, Several } from './bun-frames.js';
import { type BunSocket, sendAll } from './bun-send.js';
import { type FrameQueue, type FrameSender, framesOf, type QueuedFrame } from './frame-queue.js';
import { PACKET_EVENTS } from './packet-events.js';

/** Bytes that wait in Bun, from which on a peer is slow: as many as Node.js lets a stream hold. */
const SLOW = 16 * 1024;

const SENDER = Symbol('sender');

interface WithSender extends BunTransport {
  [SENDER]?: BunSender;
}
type Queue = FrameQueue<BunFrame>;

export interface BunSenderEvents {
  /** The peer takes no more, after so many bytes in one go. */
  filled(connection: BunConnection, bytes: number): void;
  drained(connection: BunConnection): void;
}

/**
 * The way out over one WebSocket, in place of `send()` and `doClose()` of its transport. An object of its own, as one that is
 * small is read faster: with a thousand recipients that is what a delivery costs.
 */
export class BunSender implements FrameSender<BunFrame>, Borrower {
  tail: QueuedFrame<BunFrame> | undefined = undefined;
  tick = 0;
  isBusy = false;
  writable = true;
  /** Whether nothing can wait elsewhere, and nobody wants to hear of each packet: looked at once, and again after a change. */
  isClear = false;
  readonly #wire: BunWire;
  /** Undefined once nothing may go out any more. */
  #webSocket: BunSocket | undefined;
  /** Bytes that may wait in Bun, for all that is known. */
  #unseen = 0;
  readonly #queue: Queue;
  readonly #transport: BunTransport;
  readonly #events: BunSenderEvents;
  /** Whose way out it is, once it is. */
  #connection: BunConnection | undefined = undefined;
  /** Of what the engine gave at once: what has to wait until the peer has read. */
  #rest: EnginePacket[] | undefined = undefined;

  private constructor(transport: WithSender, queue: Queue, events: BunSenderEvents) {
    this.#wire = transport.socket as BunWire;
    this.#webSocket = this.#wire.lend(this) as BunSocket;
    this.#queue = queue;
    this.#transport = transport;
    this.#events = events;
  }

  /** Makes one for a transport that is open. */
  static make(transport: WithSender, queue: Queue, events: BunSenderEvents): void {
    transport[SENDER] = new BunSender(transport, queue, events);
    // The same two for all: an idle connection would pay for its own.
    transport.send = send;
    transport.doClose = doClose;
  }

  static of(transport: unknown): BunSender | undefined {
    return (transport as WithSender | undefined)?.[SENDER];
  }

  /** Whether the connection has a sender by now, which is its own from here on. */
  static take(connection: BunConnection): boolean {
    const sender = BunSender.of(connection.transport);
    if (sender !== undefined) sender.#connection = connection;
    return sender !== undefined;
  }

  /** Whether a message may be put in line. */
  isReady(connection: BunConnection): boolean {
    return this.isClear || (this.writable && this.#look(connection));
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
    this.#wire.afterDrain(() => this.#resume());
    if (this.#connection !== undefined) this.#events.filled(this.#connection, tail.weight);
  }

  /** The engine on Bun calls nobody back who waits for a packet to be sent. */
  confirm(): void {}

  close(): void {
    this.#queue.flushSender(this);
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#send(rest.map(frameOf));
    this.#setWritable(false);
    this.#wire.close();
  }

  stop(): void {
    this.#webSocket = undefined;
  }

  /** Where they went out, if they did. */
  #send(pieces: readonly Piece[]): BunSocket | undefined {
    const webSocket = this.#webSocket;
    if (webSocket !== undefined && !sendAll(webSocket, pieces)) this.#wire.lost();
    return this.#webSocket;
  }

  #look(connection: BunConnection): boolean {
    const { readyState, writeBuffer } = connection;
    if (readyState !== 'open' || writeBuffer.length > 0) return false;
    if (PACKET_EVENTS.some((event) => connection.listeners(event).length > 0)) return false;
    connection.on = on;
    this.isClear = true;
    return true;
  }

  #setWritable(writable: boolean): void {
    this.writable = writable;
    this.isClear = false;
    this.#transport.writable = writable;
  }

  /** What waited goes on, the oldest first, as far as the peer takes it. */
  #resume(): void {
    this.#setWritable(true);
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.send(rest);
    if (!this.writable) return;
    if (this.#connection !== undefined) this.#events.drained(this.#connection);
    this.#transport.emit('drain');
  }
}

function send(this: WithSender, packets: readonly EnginePacket[]): void {
  this[SENDER]?.send(packets);
}

function doClose(this: WithSender): void {
  this[SENDER]?.close();
}

/** Of a connection that was looked at: what was found holds until somebody wants to hear of its packets. */
function on(this: BunConnection, event: string, listener: (...args: never[]) => void): unknown {
  const sender = BunSender.of(this.transport);
  if (sender !== undefined && PACKET_EVENTS.includes(event)) sender.isClear = false;
  return (Object.getPrototypeOf(this) as BunConnection).on.call(this, event, listener);
}

function piecesOf(tail: QueuedFrame<BunFrame>): readonly Piece[] {
  return framesOf(tail).flatMap((frame) => (frame instanceof Several ? frame.pieces : [frame]));
}
