import type { Server } from 'socket.io';
import type { IRecipient } from '../server/ports.js';
import type { ICounted } from './backlog.js';
import {
  type IBunConnection,
  type IBunEngine,
  type IBunTransport,
  type IBunWire,
  probeBunEngine,
} from './bun-engine.js';
import { framesOfMessage, type TBunFrame } from './bun-frames.js';
import { BunLane, type ILaneEvents } from './bun-lane.js';
import { ChainQueue } from './chain.js';
import { ChainFanout } from './chain-fanout.js';
import type { IFanoutOptions } from './options.js';

/**
 * Fan-out on Bun: what is sent over a WebSocket in one turn of the event loop goes out in one write, and a broadcast costs no
 * object for each of its recipients. Everything else takes Socket.IO's own way, in the same order. With Bun's own
 * topics who may hear what would stand in two places, for little.
 */
export class BunFanout extends ChainFanout<TBunFrame, BunLane> {
  readonly #events: ILaneEvents;
  // One for all connections, which are called with the connection as `this`.
  readonly #upgraded: (this: IBunConnection) => void;

  constructor(options: IFanoutOptions) {
    super(options, new ChainQueue());
    const { backlogs } = this;
    this.#upgraded = function () {
      if (BunLane.take(this)) backlogs.unwatch(this as unknown as ICounted);
    };
    this.#events = {
      filled: (connection, bytes) => this.backlogs.watch(connection as unknown as ICounted, bytes),
      drained: (connection) => this.backlogs.unwatch(connection as unknown as ICounted),
    };
  }

  override attach(io: Server): void {
    const engine = io.engine as unknown as IBunEngine;
    engine.on('connection', (connection) => this.#watch(connection));
    if (!this.options.coalesce) return;
    if (typeof engine.onWebSocketOpen !== 'function' || typeof engine.handleRequest !== 'function') {
      this.options.report({ type: 'fanout_plain', why: 'onWebSocketOpen() and handleRequest() of the engine' });
      return;
    }
    // It takes a few steps of promises, none of which waits: no client can come before.
    void probeBunEngine(engine).then((missing) => {
      if (missing === '') this.#standBefore(engine);
      else this.options.report({ type: 'fanout_plain', why: missing });
    });
  }

  override prepare(encoded: readonly unknown[]): TBunFrame | undefined {
    return framesOfMessage(encoded);
  }

  override laneOf({ client }: IRecipient): BunLane | undefined {
    return BunLane.of((client.conn as IBunConnection).transport);
  }

  protected override clears(lane: BunLane, { client }: IRecipient): boolean {
    return lane.isReady(client.conn as IBunConnection);
  }

  #standBefore(engine: IBunEngine): void {
    const { onWebSocketOpen } = engine;
    engine.onWebSocketOpen = (webSocket) => {
      onWebSocketOpen.call(engine, webSocket);
      const transport = webSocket.data?.transport as IBunTransport | undefined;
      if (isGuarded(transport?.socket)) BunLane.make(transport as IBunTransport, this.queue, this.#events);
    };
    this.queue.open();
  }

  /** What waits is counted at all times, but for our own lanes, which say when they are full. */
  #watch(connection: IBunConnection): void {
    if (BunLane.take(connection)) return;
    this.backlogs.watch(connection as unknown as ICounted);
    connection.on('upgrade', this.#upgraded);
  }
}

function isGuarded(socket: unknown): boolean {
  return typeof (socket as IBunWire | undefined)?.lend === 'function';
}
