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
import { BunLane } from './bun-lane.js';
import { endOfTurn } from './bun-turn.js';
import { ChainQueue } from './chain.js';

const OWN_LANE = Symbol('lane of a socket');

/** A socket of Socket.IO, with the lane that was found for it: a WebSocket is never left for another transport. */
interface IReached extends IRecipient {
  [OWN_LANE]?: BunLane;
}

/**
 * Fan-out on Bun: what is sent over a WebSocket in one turn of the event loop goes out in one write, and a broadcast costs no
 * object for each of its recipients. Everything else takes Socket.IO's own way, in the same order. Bun's own topics are no
 * faster, and there who may hear what would stand in two places.
 */
export class BunFanout implements IFanout {
  readonly #report: TReporter;
  readonly #queue = new ChainQueue<TBunFrame>(endOfTurn);

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

  deliver(socket: IReached, broadcast: IBroadcast): void {
    const { prepared } = broadcast;
    const lane = socket[OWN_LANE] ?? findLane(socket);
    if (prepared !== undefined && lane !== undefined) {
      const isReady = lane.isClear || lane.isReady(socket.client.conn as IBunConnection);
      if (isReady && this.#queue.offer(lane, prepared as TBunFrame)) return;
    }
    socket.client.writeToEngine(broadcast.encoded, broadcast.options);
  }

  close(): void {
    this.#queue.close();
  }

  #standBefore(engine: IBunEngine): void {
    const { onWebSocketOpen } = engine;
    engine.onWebSocketOpen = (webSocket) => {
      onWebSocketOpen.call(engine, webSocket);
      const transport = webSocket.data?.transport as IBunTransport | undefined;
      if (isGuarded(transport?.socket)) BunLane.make(transport as IBunTransport, this.#queue);
    };
    this.#queue.open();
  }
}

function findLane(socket: IReached): BunLane | undefined {
  const lane = BunLane.of((socket.client.conn as IBunConnection).transport);
  if (lane !== undefined) socket[OWN_LANE] = lane;
  return lane;
}

function isGuarded(socket: unknown): boolean {
  return typeof (socket as IBunWire | undefined)?.sendAll === 'function';
}
