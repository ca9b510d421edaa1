import type { Server } from 'socket.io';
import type { IBroadcastOptions, IRecipient } from '../server/ports.js';
import type { ICounted } from './backlog.js';
import { ChainQueue } from './chain.js';
import { ChainFanout } from './chain-fanout.js';
import { messageFrame, type TFrame } from './frames.js';
import {
  type IEngineConnection,
  type INodeEngine,
  isOrdinary,
  keepFromClosingEarly,
  probeTransport,
} from './node-engine.js';
import { type IFanoutOptions, PACKET_EVENTS } from './options.js';
import { type IOutlet, outletsOver } from './outlet.js';

/**
 * Fan-out on Node.js: what is sent over a WebSocket in one turn of the event loop goes out in one write, and a broadcast
 * costs no object for each of its recipients. Everything else takes Socket.IO's own way, in the same order.
 */
export class NodeFanout extends ChainFanout<TFrame, IOutlet> {
  #isOutlet: (transport: unknown) => transport is IOutlet = (_): _ is IOutlet => false;
  #engine: INodeEngine | undefined;
  // One for all connections, which are called with the connection as `this`.
  readonly #listened: (this: IEngineConnection, event: string | symbol) => void;

  constructor(options: IFanoutOptions) {
    super(options, new ChainQueue());
    const isOutlet = (transport: unknown): transport is IOutlet => this.#isOutlet(transport);
    this.#listened = function (event) {
      const { transport } = this;
      if (PACKET_EVENTS.includes(String(event)) && isOutlet(transport)) transport.isHeard = true;
    };
  }

  override attach(io: Server): void {
    const engine = io.engine as unknown as INodeEngine;
    if (this.options.coalesce) this.#takeOver(engine);
    engine.on('connection', (connection) => this.#watch(connection));
  }

  /** From here on the transports over WebSocket are ours. */
  #takeOver(engine: INodeEngine): void {
    const { base, missing } = probeTransport(engine);
    if (base === undefined) {
      this.options.report({ type: 'fanout_plain', why: missing });
      return;
    }
    const { createTransport } = engine;
    const { make, isOutlet } = outletsOver(base, this.queue, {
      filled: (connection, bytes) => this.backlogs.watch(connection as unknown as ICounted, bytes),
      drained: (connection) => {
        this.backlogs.unwatch(connection as unknown as ICounted);
        // The counting listened itself.
        if (isOutlet(connection.transport)) connection.transport.isHeard = isHeard(connection);
      },
    });
    engine.createTransport = (name, request) =>
      name === 'websocket' && isOrdinary(request) ? make(request) : createTransport.call(engine, name, request);
    this.#engine = engine;
    this.#isOutlet = isOutlet;
    this.queue.open();
  }

  /** What waits is counted at all times, but for our own transports, which say when they are full. */
  #watch(connection: IEngineConnection): void {
    if (this.#isOutlet(connection.transport)) {
      this.#attach(connection, connection.transport);
      connection.transport.isHeard = isHeard(connection);
      return;
    }
    this.backlogs.watch(connection as unknown as ICounted);
    connection.once('upgrade', () => {
      const { transport } = connection;
      if (!this.#isOutlet(transport)) {
        keepFromClosingEarly(connection);
        return;
      }
      this.backlogs.unwatch(connection as unknown as ICounted);
      this.#attach(connection, transport);
      // Right behind this event engine.io hands over what waited so far, which nothing may overtake.
      queueMicrotask(() => {
        transport.isHeard = isHeard(connection);
      });
    });
  }

  #attach(connection: IEngineConnection, outlet: IOutlet): void {
    outlet.connection = connection;
    connection.on('newListener', this.#listened);
  }

  override prepare(encoded: readonly unknown[], options: IBroadcastOptions): TFrame | undefined {
    const engine = this.#engine;
    if (engine === undefined || hears(engine, 'flush') || hears(engine, 'drain')) return undefined;
    const { wsPreEncodedFrame } = options;
    if (wsPreEncodedFrame === undefined) return joinedFrames(encoded);
    const frame = Buffer.concat(wsPreEncodedFrame);
    // Whom this message waits for holds one buffer instead of two.
    options.wsPreEncodedFrame = [frame];
    return frame;
  }

  override laneOf({ client }: IRecipient): IOutlet | undefined {
    const { transport } = client.conn as IEngineConnection;
    return this.#isOutlet(transport) ? transport : undefined;
  }
}

function isHeard(connection: IEngineConnection): boolean {
  return PACKET_EVENTS.some((event) => hears(connection, event));
}

function joinedFrames(encoded: readonly unknown[]): TFrame | undefined {
  const frames = encoded.map(messageFrame);
  return frames.includes(undefined) ? undefined : Buffer.concat(frames as TFrame[]);
}

function hears(emitter: { listenerCount(event: string): number }, event: string): boolean {
  return emitter.listenerCount(event) > 0;
}
