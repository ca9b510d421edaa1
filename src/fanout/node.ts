import type { Server } from 'socket.io';
import type { IBroadcast, IBroadcastOptions, IFanout, IRecipient, TReporter } from '../server/ports.js';
import { ChainQueue } from './chain.js';
import { messageFrame, type TFrame } from './frames.js';
import { type IEngineConnection, type INodeEngine, isOrdinary, probeTransport } from './node-engine.js';
import { type IOutlet, outletsOver } from './outlet.js';

/** What is written into a connection of engine.io's when what wanted to hear of each packet hears of none. */
const PACKET_EVENTS = ['packetCreate', 'flush', 'drain'] as const;

/**
 * Fan-out on Node.js: what is sent over a WebSocket in one turn of the event loop goes out in one write, and a broadcast
 * costs no object for each of its recipients. Everything else takes Socket.IO's own way, in the same order.
 */
export class NodeFanout implements IFanout {
  readonly #report: TReporter;
  readonly #queue = new ChainQueue<TFrame>();
  #isOutlet: ((transport: unknown) => transport is IOutlet) | undefined;
  #engine: INodeEngine | undefined;

  constructor(report: TReporter) {
    this.#report = report;
  }

  attach(io: Server): void {
    const engine = io.engine as unknown as INodeEngine;
    const { base, missing } = probeTransport(engine);
    if (base === undefined) {
      this.#report({ type: 'fanout_plain', why: missing });
      return;
    }
    const { createTransport } = engine;
    const { make, isOutlet } = outletsOver(base, this.#queue);
    engine.createTransport = (name, request) =>
      name === 'websocket' && isOrdinary(request) ? make(request) : createTransport.call(engine, name, request);
    this.#engine = engine;
    this.#isOutlet = isOutlet;
    this.#queue.open();
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

  deliver({ client }: IRecipient, { prepared, encoded, options }: IBroadcast): void {
    const connection = client.conn as IEngineConnection;
    const { transport } = connection;
    if (prepared !== undefined && this.#isOutlet?.(transport) && isReady(connection, transport)) {
      if (this.#queue.offer(transport, prepared as TFrame)) return;
    }
    client.writeToEngine(encoded, options);
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
