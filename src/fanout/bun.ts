import type { Server } from 'socket.io';
import type { IAudience, IBroadcast, IConnection, IFanout, IRecipient } from '../server/ports.js';
import { Backlogs, type ICounted } from './backlog.js';
import {
  type IBunConnection,
  type IBunEngine,
  type IBunTransport,
  type IBunWire,
  probeBunEngine,
} from './bun-engine.js';
import { framesOfMessage, type TBunFrame } from './bun-frames.js';
import { BunLane, type ILaneEvents } from './bun-lane.js';
import { endOfTurn } from './bun-turn.js';
import { ChainQueue } from './chain.js';
import type { IFanoutOptions } from './options.js';

/**
 * Fan-out on Bun: what is sent over a WebSocket in one turn of the event loop goes out in one write, and a broadcast costs no
 * object for each of its recipients. Everything else takes Socket.IO's own way, in the same order. Bun's own topics are no
 * faster, and there who may hear what would stand in two places.
 */
export class BunFanout implements IFanout {
  readonly #options: IFanoutOptions;
  readonly #queue = new ChainQueue<TBunFrame>(endOfTurn);
  readonly #backlogs: Backlogs;
  readonly #events: ILaneEvents;
  // One for all connections, which are called with the connection as `this`.
  readonly #upgraded: (this: IBunConnection) => void;

  constructor(options: IFanoutOptions) {
    this.#options = options;
    this.#backlogs = new Backlogs(options.mostBytes, (connection, waitingBytes) =>
      options.tooSlow(connection as unknown as IConnection, waitingBytes),
    );
    const backlogs = this.#backlogs;
    this.#upgraded = function () {
      if (BunLane.take(this)) backlogs.unwatch(this as unknown as ICounted);
    };
    this.#events = {
      filled: (connection, bytes) => this.#backlogs.watch(connection as unknown as ICounted, bytes),
      drained: (connection) => this.#backlogs.unwatch(connection as unknown as ICounted),
    };
  }

  attach(io: Server): void {
    const engine = io.engine as unknown as IBunEngine;
    engine.on('connection', (connection) => this.#watch(connection));
    if (!this.#options.coalesce) return;
    if (typeof engine.onWebSocketOpen !== 'function' || typeof engine.handleRequest !== 'function') {
      this.#options.report({ type: 'fanout_plain', why: 'onWebSocketOpen() and handleRequest() of the engine' });
      return;
    }
    // It takes a few steps of promises, none of which waits: no client can come before.
    void probeBunEngine(engine).then((missing) => {
      if (missing === '') this.#standBefore(engine);
      else this.#options.report({ type: 'fanout_plain', why: missing });
    });
  }

  prepare(encoded: readonly unknown[]): TBunFrame | undefined {
    return framesOfMessage(encoded);
  }

  laneOf({ client }: IRecipient): BunLane | undefined {
    return BunLane.of((client.conn as IBunConnection).transport);
  }

  deliverAll(
    { sockets, lanes }: IAudience,
    broadcast: IBroadcast,
    one: (socket: IRecipient, lane: unknown) => void,
  ): void {
    const frame = broadcast.prepared as TBunFrame | undefined;
    const queue = this.#queue;
    for (let at = 0; at < sockets.length; at++) {
      const lane = lanes[at] as BunLane | undefined;
      if (frame !== undefined && lane?.isClear === true && queue.offer(lane, frame)) continue;
      const socket = sockets[at] as IRecipient;
      lanes[at] = lane ?? this.laneOf(socket);
      one(socket, lanes[at]);
    }
  }

  deliver(socket: IRecipient, broadcast: IBroadcast, known?: unknown): void {
    const { prepared } = broadcast;
    const lane = (known as BunLane | undefined) ?? this.laneOf(socket);
    if (prepared !== undefined && lane !== undefined) {
      const isReady = lane.isClear || lane.isReady(socket.client.conn as IBunConnection);
      if (isReady && this.#queue.offer(lane, prepared as TBunFrame)) return;
    }
    this.#backlogs.write(socket, broadcast);
  }

  close(): void {
    this.#queue.close();
  }

  #standBefore(engine: IBunEngine): void {
    const { onWebSocketOpen } = engine;
    engine.onWebSocketOpen = (webSocket) => {
      onWebSocketOpen.call(engine, webSocket);
      const transport = webSocket.data?.transport as IBunTransport | undefined;
      if (isGuarded(transport?.socket)) BunLane.make(transport as IBunTransport, this.#queue, this.#events);
    };
    this.#queue.open();
  }

  /** What waits is counted at all times, but for our own lanes, which say when they are full. */
  #watch(connection: IBunConnection): void {
    if (BunLane.take(connection)) return;
    this.#backlogs.watch(connection as unknown as ICounted);
    connection.on('upgrade', this.#upgraded);
  }
}

function isGuarded(socket: unknown): boolean {
  return typeof (socket as IBunWire | undefined)?.sendAll === 'function';
}
