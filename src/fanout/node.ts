import type { Server } from 'socket.io';
import type { IBroadcast, IBroadcastOptions, IConnection, IFanout, IRecipient, TReporter } from '../server/ports.js';
import { Backlogs, type ICounted } from './backlog.js';
import { ChainQueue } from './chain.js';
import { messageFrame, type TFrame } from './frames.js';
import { type IEngineConnection, type INodeEngine, isOrdinary, probeTransport } from './node-engine.js';
import { type IOutlet, outletsOver } from './outlet.js';

/** What is written into a connection of engine.io's when what wanted to hear of each packet hears of none. */
const PACKET_EVENTS = ['packetCreate', 'flush', 'drain'] as const;

export interface IFanoutOptions {
  /** Whether what one turn sends shares a write. */
  readonly coalesce: boolean;
  /** Bytes that may wait for one connection. */
  readonly mostBytes: number;
  /** Called once for a connection that more waits for; must not close it at once. */
  readonly tooSlow: (connection: IConnection, waitingBytes: number) => void;
  readonly report: TReporter;
}

/**
 * Fan-out on Node.js: what is sent over a WebSocket in one turn of the event loop goes out in one write, and a broadcast
 * costs no object for each of its recipients. Everything else takes Socket.IO's own way, in the same order.
 */
export class NodeFanout implements IFanout {
  readonly #options: IFanoutOptions;
  readonly #queue = new ChainQueue<TFrame>();
  readonly #backlogs: Backlogs;
  #isOutlet: (transport: unknown) => transport is IOutlet = (_): _ is IOutlet => false;
  #engine: INodeEngine | undefined;

  constructor(options: IFanoutOptions) {
    this.#options = options;
    this.#backlogs = new Backlogs(options.mostBytes, (connection, waitingBytes) =>
      options.tooSlow(connection as unknown as IConnection, waitingBytes),
    );
  }

  attach(io: Server): void {
    const engine = io.engine as unknown as INodeEngine;
    if (this.#options.coalesce) this.#takeOver(engine);
    engine.on('connection', (connection) => this.#watch(connection));
  }

  /** From here on the transports over WebSocket are ours. */
  #takeOver(engine: INodeEngine): void {
    const { base, missing } = probeTransport(engine);
    if (base === undefined) {
      this.#options.report({ type: 'fanout_plain', why: missing });
      return;
    }
    const { createTransport } = engine;
    const { make, isOutlet } = outletsOver(base, this.#queue, {
      filled: (connection, bytes) => this.#backlogs.watch(connection as unknown as ICounted, bytes),
      drained: (connection) => this.#backlogs.unwatch(connection as unknown as ICounted),
    });
    engine.createTransport = (name, request) =>
      name === 'websocket' && isOrdinary(request) ? make(request) : createTransport.call(engine, name, request);
    this.#engine = engine;
    this.#isOutlet = isOutlet;
    this.#queue.open();
  }

  /** What waits is counted at all times, but for our own transports, which say when they are full. */
  #watch(connection: IEngineConnection): void {
    if (this.#attached(connection)) return;
    this.#backlogs.watch(connection as unknown as ICounted);
    connection.once('upgrade', () => {
      if (this.#attached(connection)) this.#backlogs.unwatch(connection as unknown as ICounted);
    });
  }

  #attached(connection: IEngineConnection): boolean {
    const { transport } = connection;
    if (!this.#isOutlet(transport)) return false;
    transport.connection = connection;
    return true;
  }

  prepare(encoded: readonly unknown[], options: IBroadcastOptions): TFrame | undefined {
    const engine = this.#engine;
    if (engine === undefined || hears(engine, 'flush') || hears(engine, 'drain')) return undefined;
    const { wsPreEncodedFrame } = options;
    if (wsPreEncodedFrame === undefined) return joinedFrames(encoded);
    const frame = Buffer.concat(wsPreEncodedFrame);
    // Whom this message waits for holds one buffer instead of two.
    options.wsPreEncodedFrame = [frame];
    return frame;
  }

  deliver({ client }: IRecipient, { prepared, encoded, options, key }: IBroadcast): void {
    const connection = client.conn as IEngineConnection;
    const { transport } = connection;
    if (prepared !== undefined && this.#isOutlet(transport) && isReady(connection, transport)) {
      if (this.#queue.offer(transport, prepared as TFrame)) return;
    }
    if (key === undefined) client.writeToEngine(encoded, options);
    else {
      const write = () => client.writeToEngine(encoded, options);
      this.#backlogs.replace(connection as unknown as ICounted, key, write);
    }
  }

  close(): void {
    this.#queue.close();
  }
}

/** Whether a message may be put in line, with nothing before it that waits elsewhere. */
function isReady(connection: IEngineConnection, outlet: IOutlet): boolean {
  // Where something waits in this line it was asked before, and nothing can have come between.
  if (outlet.tail !== undefined) return true;
  return (
    connection.readyState === 'open' &&
    outlet.writable &&
    connection.writeBuffer.length === 0 &&
    !PACKET_EVENTS.some((event) => hears(connection, event))
  );
}

function joinedFrames(encoded: readonly unknown[]): TFrame | undefined {
  const frames = encoded.map(messageFrame);
  return frames.includes(undefined) ? undefined : Buffer.concat(frames as TFrame[]);
}

function hears(emitter: { listenerCount(event: string): number }, event: string): boolean {
  return emitter.listenerCount(event) > 0;
}
