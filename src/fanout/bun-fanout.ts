import type { Recipient } from '../ports/fanout.js';
import type { Wire } from '../ports/wire.js';
import type { BunEngine } from '../socketio/bun-engine.js';
import { type BunFrame, framesOfMessage } from '../socketio/bun-frames.js';
import { BunSender } from '../socketio/bun-sender.js';
import { FrameQueue } from '../socketio/frame-queue.js';
import type { FanoutOptions } from './options.js';
import { QueueFanout } from './queue-fanout.js';

/**
 * Fan-out on Bun: what is sent over a WebSocket in one tick of the event loop goes out in one write, and a broadcast costs no
 * object for each of its recipients. Everything else takes Socket.IO's own way, in the same order. With Bun's own
 * topics who may hear what would stand in two places, for little.
 */
export class BunFanout extends QueueFanout<BunEngine, BunFrame, BunSender> {
  // One for all wires, which are called with the wire as `this`.
  readonly #upgraded: (this: Wire) => void;

  constructor(options: FanoutOptions) {
    super(options, new FrameQueue());
    const { backlogs } = this;
    this.#upgraded = function () {
      const sender = BunSender.of(this);
      if (sender === undefined) return;
      sender.attach(this);
      // It has filled before it could say so: counting goes on until it has drained.
      if (sender.writable) backlogs.stop(this);
    };
  }

  override attach(engine: BunEngine): void {
    engine.onWire((wire) => this.#add(wire));
    if (!this.options.coalesce) return;
    const events = {
      filled: (wire: Wire, bytes: number) => this.backlogs.count(wire, bytes),
      drained: (wire: Wire) => this.backlogs.stop(wire),
    };
    // It takes a few steps of promises, none of which waits: no client can come before.
    void engine.useSenders(this.queue, events).then((missing) => {
      if (missing === '') this.queue.open();
      else this.options.report({ type: 'fanout_fallback', missing });
    });
  }

  override prepare(encoded: readonly unknown[]): BunFrame | undefined {
    return framesOfMessage(encoded);
  }

  override senderOf({ client }: Recipient): BunSender | undefined {
    return BunSender.of(client.conn);
  }

  protected override clears(sender: BunSender, { client }: Recipient): boolean {
    return sender.isReady(client.conn);
  }

  /** What waits is counted at all times, but for our own senders, which say when they are full. */
  #add(wire: Wire): void {
    const sender = BunSender.of(wire);
    if (sender !== undefined) sender.attach(wire);
    else {
      this.backlogs.count(wire);
      wire.on('upgrade', this.#upgraded);
    }
  }
}
