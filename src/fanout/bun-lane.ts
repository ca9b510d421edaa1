import type { IBunTransport, IBunWire } from './bun-engine.js';
import { frameOf, type IEnginePacket, Several, type TBunFrame, type TPiece } from './bun-frames.js';
import { type ChainQueue, framesOf, type ILane, type ILink } from './chain.js';

/** A transport of the engine over a WebSocket, which writes once in a turn of the event loop. */
export interface IBunLane extends IBunTransport, ILane<TBunFrame> {
  readonly socket: IBunWire;
  writable: boolean;
  /** Of what the engine gave at once: what has to wait until the peer has read. */
  rest: readonly IEnginePacket[] | undefined;
}

/** Bytes that wait in Bun, from which on a peer is slow: as many as Node.js lets a stream hold. */
const SLOW = 16 * 1024;

/** Makes lanes of transports that are open, all of them with the same few functions: an idle one would pay for its own. */
export function lanesOver(queue: ChainQueue<TBunFrame>) {
  function send(this: IBunLane, packets: readonly IEnginePacket[]): void {
    for (let at = 0; at < packets.length; at++) {
      if (!this.writable) {
        this.rest = [...(this.rest ?? []), ...packets.slice(at)];
        return;
      }
      queue.push(this, frameOf(packets[at] as IEnginePacket));
    }
  }

  function write(this: IBunLane, tail: ILink<TBunFrame>): void {
    tail.whole ??= piecesOf(tail);
    const waiting = this.socket.sendAll(tail.whole as TPiece[]);
    if (waiting < SLOW || !this.writable) return;
    this.writable = false;
    this.socket.afterDrain(() => resume(this));
  }

  function doClose(this: IBunLane): void {
    queue.flushLane(this);
    const { rest } = this;
    this.rest = undefined;
    if (rest !== undefined) this.socket.sendAll(rest.map(frameOf));
    this.socket.close();
  }

  return {
    make(transport: IBunTransport): void {
      Object.assign(transport, { tail: undefined, rest: undefined, write, send, doClose });
    },
    isLane: (transport: unknown): transport is IBunLane => (transport as IBunLane).write === write,
  };
}

/** What waited goes on, the oldest first, as far as the peer takes it. */
function resume(lane: IBunLane): void {
  lane.writable = true;
  const { rest } = lane;
  lane.rest = undefined;
  if (rest !== undefined) lane.send(rest);
  if (lane.writable) lane.emit('drain');
}

function piecesOf(tail: ILink<TBunFrame>): readonly TPiece[] {
  return framesOf(tail).flatMap((frame) => (frame instanceof Several ? frame.pieces : [frame]));
}
