import type { Server } from 'socket.io';
import type { Connection } from '../ports/connection.js';
import type { Audience, Broadcast, Fanout, PacketOptions, Recipient } from '../ports/fanout.js';
import type { ChainQueue, DirectSender, Sized } from '../socketio/frame-queue.js';
import { Backlogs, type Counted } from './backlog.js';
import type { FanoutOptions } from './options.js';

/** What is the same on each runtime: recipients are served by their lanes where these are clear, else Socket.IO's own way. */
export abstract class ChainFanout<Frame extends Sized, Lane extends DirectSender<Frame>> implements Fanout {
  protected readonly options: FanoutOptions;
  protected readonly queue: ChainQueue<Frame>;
  protected readonly backlogs: Backlogs;

  constructor(options: FanoutOptions, queue: ChainQueue<Frame>) {
    this.options = options;
    this.queue = queue;
    this.backlogs = new Backlogs(options.mostBytes, (connection, waitingBytes) =>
      options.tooSlow(connection as unknown as Connection, waitingBytes),
    );
  }

  abstract attach(io: Server): void;
  abstract prepare(encoded: readonly unknown[], options: PacketOptions): Frame | undefined;
  abstract laneOf(socket: Recipient): Lane | undefined;

  deliverAll(
    { sockets, lanes }: Audience,
    broadcast: Broadcast,
    one: (socket: Recipient, lane: unknown) => void,
  ): void {
    const frame = broadcast.prepared as Frame | undefined;
    const { queue } = this;
    for (let at = 0; at < sockets.length; at++) {
      const lane = lanes[at] as Lane | undefined;
      if (frame !== undefined && lane?.isClear === true && queue.offer(lane, frame)) continue;
      const socket = sockets[at] as Recipient;
      lanes[at] = lane ?? this.laneOf(socket);
      one(socket, lanes[at]);
    }
  }

  deliver(socket: Recipient, broadcast: Broadcast, known?: unknown): void {
    const frame = broadcast.prepared as Frame | undefined;
    const lane = (known as Lane | undefined) ?? this.laneOf(socket);
    if (frame !== undefined && lane !== undefined && (lane.isClear || this.clears(lane, socket))) {
      if (this.queue.offer(lane, frame)) return;
    }
    this.backlogs.write(socket, broadcast);
  }

  check(connection: Connection): void {
    this.backlogs.check(connection as unknown as Counted);
  }

  close(): void {
    this.queue.close();
  }

  /** Looks again at a lane that was not clear; only where lanes don't notice by themselves that they are. */
  protected clears(_lane: Lane, _socket: Recipient): boolean {
    return false;
  }
}
