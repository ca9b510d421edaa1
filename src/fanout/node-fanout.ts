import type { PacketOptions } from '../ports/fanout.js';
import type { Wire } from '../ports/wire.js';
import { FrameQueue } from '../socketio/frame-queue.js';
import type { WsFrame } from '../socketio/frames.js';
import type { NodeEngine } from '../socketio/node-engine.js';
import { frameOfMessage, keepFromClosingEarly, type NodeSender, nodeSenderOf } from '../socketio/node-sender.js';
import type { FanoutOptions } from './options.js';
import { QueueFanout } from './queue-fanout.js';

/**
 * Fan-out on Node.js: all messages to a WebSocket in one tick of the event loop go out in one write, and a broadcast allocates
 * nothing per recipient. Other packets take Socket.IO's own path, in the same order.
 */
export class NodeFanout extends QueueFanout<NodeEngine, WsFrame, NodeSender> {
  #engine: NodeEngine | undefined;
  // One listener for all wires, called with the wire as `this`.
  readonly #upgraded: (this: Wire) => void;

  constructor(options: FanoutOptions) {
    super(options, new FrameQueue(undefined, options.sweep));
    const upgraded = (wire: Wire) => this.#upgrade(wire);
    this.#upgraded = function () {
      upgraded(this);
    };
  }

  override attach(engine: NodeEngine): void {
    if (this.options.coalesce) this.#takeOver(engine);
    engine.onWire((wire) => this.#add(wire));
  }

  /** From now on WebSocket transports are senders. */
  #takeOver(engine: NodeEngine): void {
    const missing = engine.useSenders(this.queue, {
      filled: (wire, bytes) => this.backlogs.count(wire, bytes),
      drained: (wire) => {
        this.backlogs.stop(wire);
        // The listeners of `Backlogs` made the sender assume a listener for each packet; they are removed now.
        nodeSenderOf(wire)?.clear(wire);
      },
    });
    if (missing !== '') {
      this.options.report({ type: 'fanout_fallback', missing });
      return;
    }
    this.#engine = engine;
    this.queue.open();
    // This takes a few microtasks, so no client can connect before it is done.
    void engine.probe().then((moved) => {
      if (moved !== '') this.options.report({ type: 'fanout_fallback', missing: moved });
    });
  }

  /** Packets are counted from the start, except for our senders: these report when they are full. */
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
    // If the sender was already full before it knew its wire, counting continues until `drained`.
    if (!sender.writable) return;
    // No message may overtake the packets that are queued now. engine.io passes them to the sender right after the event `flush`.
    this.backlogs.stopAtFlush(wire, () => sender.clear(wire));
  }

  override prepare(encoded: readonly unknown[], options: PacketOptions): WsFrame | undefined {
    return this.#engine?.canSendDirectly === true ? frameOfMessage(encoded, options) : undefined;
  }

  override senderOn(wire: Wire): NodeSender | undefined {
    return nodeSenderOf(wire);
  }

  protected override clears(): boolean {
    return false;
  }
}
