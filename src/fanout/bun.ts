import type { Server } from 'socket.io';
import type { IBroadcast, IFanout, IRecipient, TReporter } from '../server/ports.js';
import {
  type IBunConnection,
  type IBunEngine,
  type IBunTransport,
  type IBunWire,
  probeBunEngine,
} from './bun-engine.js';
import { framesOfMessage, type TBunFrame } from './bun-frames.js';
import { type IBunLane, lanesOver } from './bun-lane.js';
import { ChainQueue } from './chain.js';

/** What is written into a connection of the engine's when what wanted to hear of each packet hears of none. */
const PACKET_EVENTS = ['packetCreate', 'flush', 'drain'] as const;

/**
 * Fan-out on Bun: what is sent over a WebSocket in one turn of the event loop goes out in one write, and a broadcast costs no
 * object for each of its recipients. Everything else takes Socket.IO's own way, in the same order. Bun's own topics are no
 * faster, and there who may hear what would stand in two places.
 */
export class BunFanout implements IFanout {
  readonly #report: TReporter;
  readonly #queue = new ChainQueue<TBunFrame>();
  readonly #lanes = lanesOver(this.#queue);

  constructor(report: TReporter) {
    this.#report = report;
  }

  attach(io: Server): void {
    const engine = io.engine as unknown as IBunEngine;
    if (typeof engine?.onWebSocketOpen !== 'function' || typeof engine.handleRequest !== 'function') {
      this.#report({ type: 'fanout_plain', why: 'onWebSocketOpen() and handleRequest() of the engine' });
      return;
    }
    // It takes a few steps of promises, none of which waits: no client can come before.
    void probeBunEngine(engine).then((missing) => {
      if (missing === '') this.#standBefore(engine);
      else this.#report({ type: 'fanout_plain', why: missing });
    });
  }

  prepare(encoded: readonly unknown[]): TBunFrame | undefined {
    return framesOfMessage(encoded);
  }

  deliver({ client }: IRecipient, { prepared, encoded, options }: IBroadcast): void {
    const connection = client.conn as IBunConnection;
    const { transport } = connection;
    if (prepared !== undefined && this.#lanes.isLane(transport) && isReady(connection, transport)) {
      if (this.#queue.offer(transport, prepared as TBunFrame)) return;
    }
    client.writeToEngine(encoded, options);
  }

  close(): void {
    this.#queue.close();
  }

  #standBefore(engine: IBunEngine): void {
    const { onWebSocketOpen } = engine;
    engine.onWebSocketOpen = (webSocket) => {
      onWebSocketOpen.call(engine, webSocket);
      const transport = webSocket.data?.transport as IBunTransport | undefined;
      if (isGuarded(transport?.socket)) this.#lanes.make(transport as IBunTransport);
    };
    this.#queue.open();
  }
}

/** Whether a message may be put in line, with nothing before it that waits elsewhere. */
function isReady(connection: IBunConnection, lane: IBunLane): boolean {
  if (!lane.writable) return false;
  // Where something waits in this line it was asked before, and nothing can have come between.
  if (lane.tail !== undefined) return true;
  return (
    connection.readyState === 'open' &&
    connection.writeBuffer.length === 0 &&
    !PACKET_EVENTS.some((event) => connection.listeners(event).length > 0)
  );
}

function isGuarded(socket: unknown): boolean {
  return typeof (socket as IBunWire | undefined)?.sendAll === 'function';
}
