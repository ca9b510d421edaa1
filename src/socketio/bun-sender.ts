import type { Wire } from '../ports/wire.js';
import { type BunFrame, frameOf, type Piece, Several } from './bun-frames.js';
import { type BunSocket, sendAll } from './bun-send.js';
import type { DirectSocket, DirectSocketUser } from './bun-socket.js';
import type { BunTransport } from './bun-types.js';
import { isHeard, PACKET_EVENTS } from './engine-packets.js';
import type { EngineConnection, EnginePacket } from './engine-types.js';
import { type FrameQueue, type FrameSender, framesOf, type QueuedFrame } from './frame-queue.js';

/** Bytes that wait in Bun, from which on a peer is slow: as many as Node.js lets a stream hold. */
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
  /** The peer takes no more, after so many bytes in one go. */
  filled(wire: Wire, bytes: number): void;
  drained(wire: Wire): void;
}

/**
 * The way out over one WebSocket, in place of `send()` and `doClose()` of its transport. An object of its own, as one that is
 * small is read faster: with a thousand recipients that is what a delivery costs.
 */
export class BunSender implements FrameSender<BunFrame>, DirectSocketUser {
  tail: QueuedFrame<BunFrame> | undefined = undefined;
  tick = 0;
  isBusy = false;
  writable = true;
  /** Whether nothing can wait elsewhere, and nobody wants to hear of each packet: found out once, and again after a change. */
  isClear = false;
  readonly #socket: DirectSocket;
  /** Undefined once nothing may go out any more. */
  #webSocket: BunSocket | undefined;
  /** Bytes that may wait in Bun, for all that is known. */
  #unseen = 0;
  readonly #queue: Queue;
  readonly #transport: BunTransport;
  readonly #events: BunSenderEvents;
  /** The wire that it sends over, once it is known. */
  #wire: Wire | undefined = undefined;
  /** Of what the engine gave at once: what has to wait until the peer has read. */
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
    // The same two for all: an idle connection would pay for its own.
    transport.send = send;
    transport.doClose = doClose;
  }

  /** The sender of a wire's transport. */
  static of(wire: Wire): BunSender | undefined {
    const { transport }: SendingConnection = wire;
    return transport?.[SENDER];
  }

  /** It is the way out of this wire from here on. */
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

  /** The engine on Bun calls nobody back who waits for a packet to be sent. */
  confirm(): void {}

  close(): void {
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

  /** Where they went out, if they did. */
  #send(pieces: readonly Piece[]): BunSocket | undefined {
    const webSocket = this.#webSocket;
    if (webSocket !== undefined && !sendAll(webSocket, pieces)) this.#socket.lost();
    return this.#webSocket;
  }

  /** Finds out whether it is clear; what is found holds until somebody wants to hear of packets. */
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

  /** What waited goes on, the oldest first, as far as the peer takes it. */
  #resume(): void {
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

/** In place of `on()` of a wire whose sender is clear. */
function on(this: Wire, event: string, listener: (...args: never[]) => void): unknown {
  const sender = BunSender.of(this);
  if (sender !== undefined && PACKET_EVENTS.includes(event)) sender.isClear = false;
  return Object.getPrototypeOf(this).on.call(this, event, listener);
}

function piecesOf(tail: QueuedFrame<BunFrame>): readonly Piece[] {
  return framesOf(tail).flatMap((frame) => (frame instanceof Several ? frame.pieces : [frame]));
}
