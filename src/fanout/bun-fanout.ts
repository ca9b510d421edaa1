import type { Server } from 'socket.io';
import type { Recipient } from '../ports/fanout.js';
import {
  type BunConnection,
  type BunEngine,
  type BunTransport,
  type BunWire,
  probeBunEngine,
} from '../socketio/bun-fanout-probe.js';
import { type BunFrame, framesOfMessage } from '../socketio/bun-frames.js';
import { BunSender, type BunSenderEvents } from '../socketio/bun-sender.js';
import { FrameQueue } from '../socketio/frame-queue.js';
import type { Counted } from './backlog.js';
import type { FanoutOptions } from './options.js';
import { QueueFanout } from './queue-fanout.js';

/**
 * Fan-out on Bun: what is sent over a WebSocket in one tick of the event loop goes out in one write, and a broadcast costs no
 * object for each of its recipients. Everything else takes Socket.IO's own way, in the same order. With Bun's own
 * topics who may hear what would stand in two places, for little.
 */
export class BunFanout extends QueueFanout<BunFrame, BunSender> {
  readonly #events: BunSenderEvents;
  // One for all connections, which are called with the connection as `this`.
  readonly #upgraded: (this: BunConnection) => void;

  constructor(options: FanoutOptions) {
    super(options, new FrameQueue());
    const { backlogs } = this;
    this.#upgraded = function () {
      if (BunSender.take(this)) backlogs.unwatch(this as unknown as Counted);
    };
    this.#events = {
      filled: (connection, bytes) => this.backlogs.watch(connection as unknown as Counted, bytes),
      drained: (connection) => this.backlogs.unwatch(connection as unknown as Counted),
    };
  }

  override attach(io: Server): void {
    const engine = io.engine as unknown as BunEngine;
    engine.on('connection', (connection) => this.#watch(connection));
    if (!this.options.coalesce) return;
    if (typeof engine.onWebSocketOpen !== 'function' || typeof engine.handleRequest !== 'function') {
      this.options.report({ type: 'fanout_fallback', missing: 'onWebSocketOpen() and handleRequest() of the engine' });
      return;
    }
    // It takes a few steps of promises, none of which waits: no client can come before.
    void probeBunEngine(engine).then((missing) => {
      if (missing === '') this.#standBefore(engine);
      else this.options.report({ type: 'fanout_fallback', missing });
    });
  }

  override prepare(encoded: readonly unknown[]): BunFrame | undefined {
    return framesOfMessage(encoded);
  }

  override senderOf({ client }: Recipient): BunSender | undefined {
    return BunSender.of((client.conn as BunConnection).transport);
  }

  protected override clears(sender: BunSender, { client }: Recipient): boolean {
    return sender.isReady(client.conn as BunConnection);
  }

  #standBefore(engine: BunEngine): void {
    const { onWebSocketOpen } = engine;
    engine.onWebSocketOpen = (webSocket) => {
      onWebSocketOpen.call(engine, webSocket);
      const transport = webSocket.data?.transport as BunTransport | undefined;
      if (isGuarded(transport?.socket)) BunSender.make(transport as BunTransport, this.queue, this.#events);
    };
    this.queue.open();
  }

  /** What waits is counted at all times, but for our own senders, which say when they are full. */
  #watch(connection: BunConnection): void {
    if (BunSender.take(connection)) return;
    this.backlogs.watch(connection as unknown as Counted);
    connection.on('upgrade', this.#upgraded);
  }
}

function isGuarded(socket: unknown): boolean {
  return typeof (socket as BunWire | undefined)?.lend === 'function';
}
