import type { PacketOptions, Recipient } from '../ports/fanout.js';
import type { Wire } from '../ports/wire.js';
import { FrameQueue } from '../socketio/frame-queue.js';
import type { WsFrame } from '../socketio/frames.js';
import type { NodeEngine } from '../socketio/node-engine.js';
import { frameOfMessage, keepFromClosingEarly, type NodeSender, nodeSenderOf } from '../socketio/node-sender.js';
import type { FanoutOptions } from './options.js';
import { QueueFanout } from './queue-fanout.js';

/**
 * Fan-out on Node.js: what is sent over a WebSocket in one tick of the event loop goes out in one write, and a broadcast
 * costs no object for each of its recipients. Everything else takes Socket.IO's own way, in the same order.
 */
export class NodeFanout extends QueueFanout<NodeEngine, WsFrame, NodeSender> {
  #engine: NodeEngine | undefined;
  // One for all wires, which are called with the wire as `this`.
  readonly #upgraded: (this: Wire) => void;

  constructor(options: FanoutOptions) {
    super(options, new FrameQueue());
    const upgraded = (wire: Wire) => this.#upgrade(wire);
    this.#upgraded = function () {
      upgraded(this);
    };
  }

  override attach(engine: NodeEngine): void {
    if (this.options.coalesce) this.#takeOver(engine);
    engine.onWire((wire) => this.#add(wire));
  }

  /** From here on the transports over WebSocket are ours. */
  #takeOver(engine: NodeEngine): void {
    const missing = engine.useSenders(this.queue, {
      filled: (wire, bytes) => this.backlogs.count(wire, bytes),
      drained: (wire) => {
        this.backlogs.stop(wire);
        // The counting listened itself.
        nodeSenderOf(wire)?.clear(wire);
      },
    });
    if (missing !== '') {
      this.options.report({ type: 'fanout_fallback', missing });
      return;
    }
    this.#engine = engine;
    this.queue.open();
    // It takes a few steps of promises, none of which waits: no client can come before.
    void engine.probe().then((moved) => {
      if (moved !== '') this.options.report({ type: 'fanout_fallback', missing: moved });
    });
  }

  /** What waits is counted at all times, but for our own transports, which say when they are full. */
  #add(wire: Wire): void {
    const sender = nodeSenderOf(wire);
    if (sender === undefined) {
      this.backlogs.count(wire);
      wire.once('upgrade', this.#upgraded);
    } else {
      sender.attach(wire);
      sender.clear(wire);
    }
  }

  #upgrade(wire: Wire): void {
    const sender = nodeSenderOf(wire);
    if (sender === undefined) {
      keepFromClosingEarly(wire);
      return;
    }
    sender.attach(wire);
    // It has filled before it could say so: counting goes on until it has drained.
    if (!sender.writable) return;
    // Nothing may overtake what was queued so far, which the sender is given right behind the event `flush`.
    this.backlogs.stopAtFlush(wire, () => sender.clear(wire));
  }

  override prepare(encoded: readonly unknown[], options: PacketOptions): WsFrame | undefined {
    return this.#engine?.canSendDirectly === true ? frameOfMessage(encoded, options) : undefined;
  }

  override senderOf({ client }: Recipient): NodeSender | undefined {
    return nodeSenderOf(client.conn);
  }
}
