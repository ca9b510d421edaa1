import type { Server } from 'socket.io';
import type { PacketOptions, Recipient } from '../ports/fanout.js';
import { FrameQueue } from '../socketio/frame-queue.js';
import { messageFrame, type WsFrame } from '../socketio/frames.js';
import {
  type EngineConnection,
  isOrdinary,
  keepFromClosingEarly,
  type NodeEngine,
  probeTransport,
} from '../socketio/node-engine.js';
import { type NodeSender, nodeSendersOver } from '../socketio/node-sender.js';
import { PACKET_EVENTS } from '../socketio/packet-events.js';
import type { Counted } from './backlog.js';
import type { FanoutOptions } from './options.js';
import { QueueFanout } from './queue-fanout.js';

/**
 * Fan-out on Node.js: what is sent over a WebSocket in one tick of the event loop goes out in one write, and a broadcast
 * costs no object for each of its recipients. Everything else takes Socket.IO's own way, in the same order.
 */
export class NodeFanout extends QueueFanout<WsFrame, NodeSender> {
  #isNodeSender: (transport: unknown) => transport is NodeSender = (_): _ is NodeSender => false;
  #engine: NodeEngine | undefined;
  // One for all connections, which are called with the connection as `this`.
  readonly #listened: (this: EngineConnection, event: string | symbol) => void;

  constructor(options: FanoutOptions) {
    super(options, new FrameQueue());
    const isNodeSender = (transport: unknown): transport is NodeSender => this.#isNodeSender(transport);
    this.#listened = function (event) {
      const { transport } = this;
      if (PACKET_EVENTS.includes(String(event)) && isNodeSender(transport)) transport.isHeard = true;
    };
  }

  override attach(io: Server): void {
    const engine = io.engine as unknown as NodeEngine;
    if (this.options.coalesce) this.#takeOver(engine);
    engine.on('connection', (connection) => this.#watch(connection));
  }

  /** From here on the transports over WebSocket are ours. */
  #takeOver(engine: NodeEngine): void {
    const { base, missing } = probeTransport(engine);
    if (base === undefined) {
      this.options.report({ type: 'fanout_fallback', missing });
      return;
    }
    const { createTransport } = engine;
    const { make, isNodeSender } = nodeSendersOver(base, this.queue, {
      filled: (connection, bytes) => this.backlogs.watch(connection as unknown as Counted, bytes),
      drained: (connection) => {
        this.backlogs.unwatch(connection as unknown as Counted);
        // The counting listened itself.
        if (isNodeSender(connection.transport)) connection.transport.isHeard = isHeard(connection);
      },
    });
    engine.createTransport = (name, request) =>
      name === 'websocket' && isOrdinary(request) ? make(request) : createTransport.call(engine, name, request);
    this.#engine = engine;
    this.#isNodeSender = isNodeSender;
    this.queue.open();
  }

  /** What waits is counted at all times, but for our own transports, which say when they are full. */
  #watch(connection: EngineConnection): void {
    if (this.#isNodeSender(connection.transport)) {
      this.#attach(connection, connection.transport);
      connection.transport.isHeard = isHeard(connection);
      return;
    }
    this.backlogs.watch(connection as unknown as Counted);
    connection.once('upgrade', () => {
      const { transport } = connection;
      if (!this.#isNodeSender(transport)) {
        keepFromClosingEarly(connection);
        return;
      }
      this.backlogs.unwatch(connection as unknown as Counted);
      this.#attach(connection, transport);
      // Right behind this event engine.io hands over what waited so far, which nothing may overtake.
      queueMicrotask(() => {
        transport.isHeard = isHeard(connection);
      });
    });
  }

  #attach(connection: EngineConnection, sender: NodeSender): void {
    sender.connection = connection;
    connection.on('newListener', this.#listened);
  }

  override prepare(encoded: readonly unknown[], options: PacketOptions): WsFrame | undefined {
    const engine = this.#engine;
    if (engine === undefined || hears(engine, 'flush') || hears(engine, 'drain')) return undefined;
    const { wsPreEncodedFrame } = options;
    if (wsPreEncodedFrame === undefined) return joinedFrames(encoded);
    const frame = Buffer.concat(wsPreEncodedFrame);
    // Whom this message waits for holds one buffer instead of two.
    options.wsPreEncodedFrame = [frame];
    return frame;
  }

  override senderOf({ client }: Recipient): NodeSender | undefined {
    const { transport } = client.conn as EngineConnection;
    return this.#isNodeSender(transport) ? transport : undefined;
  }
}

function isHeard(connection: EngineConnection): boolean {
  return PACKET_EVENTS.some((event) => hears(connection, event));
}

function joinedFrames(encoded: readonly unknown[]): WsFrame | undefined {
  const frames = encoded.map(messageFrame);
  return frames.includes(undefined) ? undefined : Buffer.concat(frames as WsFrame[]);
}

function hears(emitter: { listenerCount(event: string): number }, event: string): boolean {
  return emitter.listenerCount(event) > 0;
}
