import type { Recipient } from '../ports/fanout.js';
import type { Wire } from '../ports/wire.js';
import type { BunEngine } from '../socketio/bun-engine.js';
import { type BunFrame, framesOfMessage } from '../socketio/bun-frames.js';
import { BunSender } from '../socketio/bun-sender.js';
import { FrameQueue } from '../socketio/frame-queue.js';
import type { FanoutOptions } from './options.js';
import { QueueFanout } from './queue-fanout.js';

/**
 * Fan-out on Bun: all messages to a WebSocket in one tick of the event loop go out in one write, and a broadcast allocates
 * nothing per recipient. Other packets take Socket.IO's own path, in the same order. Bun's own topics are not used: they would
 * be a second record of the members of rooms, for a small gain.
 */
export class BunFanout extends QueueFanout<BunEngine, BunFrame, BunSender> {
  // One listener for all wires, called with the wire as `this`.
  readonly #upgraded: (this: Wire) => void;

  constructor(options: FanoutOptions) {
    super(options, new FrameQueue(undefined, options.sweep));
    const { backlogs } = this;
    this.#upgraded = function () {
      const sender = BunSender.of(this);
      if (sender === undefined) return;
      sender.attach(this);
      // If the sender was already full before it knew its wire, counting continues until `drained`.
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
    // This takes a few microtasks, so no client can connect before it is done.
    void engine.useSenders(this.queue, events).then((missing) => {
      if (missing === '') this.queue.open();
      else this.options.report({ type: 'fanout_fallback', missing });
    });
  }

  override prepare(encoded: readonly unknown[]): BunFrame | undefined {
    return framesOfMessage(encoded);
  }

  override senderOn(wire: Wire): BunSender | undefined {
    return BunSender.of(wire);
  }

  protected override clears(sender: BunSender, { client }: Recipient): boolean {
    return sender.isReady(client.conn);
  }

  /** Packets are counted from the start, except for our senders: these report when they are full. */
  #add(wire: Wire): void {
    const sender = BunSender.of(wire);
    if (sender !== undefined) sender.attach(wire);
    else {
      this.backlogs.count(wire);
      wire.on('upgrade', this.#upgraded);
    }
  }
}
