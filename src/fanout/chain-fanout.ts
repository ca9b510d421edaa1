import type { Server } from 'socket.io';
import type { IAudience, IBroadcast, IBroadcastOptions, IConnection, IFanout, IRecipient } from '../server/ports.js';
import { Backlogs, type ICounted } from './backlog.js';
import type { ChainQueue, ILane, ISized } from './chain.js';
import type { IFanoutOptions } from './options.js';

/** A lane that says whether a message may be put in line: nothing before it waits elsewhere, nobody wants to be told of it. */
export interface IClearLane<Frame> extends ILane<Frame> {
  readonly isClear: boolean;
}

/** What is the same on each runtime: recipients are served by their lanes where these are clear, else Socket.IO's own way. */
export abstract class ChainFanout<Frame extends ISized, Lane extends IClearLane<Frame>> implements IFanout {
  protected readonly options: IFanoutOptions;
  protected readonly queue: ChainQueue<Frame>;
  protected readonly backlogs: Backlogs;

  constructor(options: IFanoutOptions, queue: ChainQueue<Frame>) {
    this.options = options;
    this.queue = queue;
    this.backlogs = new Backlogs(options.mostBytes, (connection, waitingBytes) =>
      options.tooSlow(connection as unknown as IConnection, waitingBytes),
    );
  }

  abstract attach(io: Server): void;
  abstract prepare(encoded: readonly unknown[], options: IBroadcastOptions): Frame | undefined;
  abstract laneOf(socket: IRecipient): Lane | undefined;

  deliverAll(
    { sockets, lanes }: IAudience,
    broadcast: IBroadcast,
    one: (socket: IRecipient, lane: unknown) => void,
  ): void {
    const frame = broadcast.prepared as Frame | undefined;
    const { queue } = this;
    for (let at = 0; at < sockets.length; at++) {
      const lane = lanes[at] as Lane | undefined;
      if (frame !== undefined && lane?.isClear === true && queue.offer(lane, frame)) continue;
      const socket = sockets[at] as IRecipient;
      lanes[at] = lane ?? this.laneOf(socket);
      one(socket, lanes[at]);
    }
  }

  deliver(socket: IRecipient, broadcast: IBroadcast, known?: unknown): void {
    const frame = broadcast.prepared as Frame | undefined;
    const lane = (known as Lane | undefined) ?? this.laneOf(socket);
    if (frame !== undefined && lane !== undefined && (lane.isClear || this.clears(lane, socket))) {
      if (this.queue.offer(lane, frame)) return;
    }
    this.backlogs.write(socket, broadcast);
  }

  check(connection: IConnection): void {
    this.backlogs.check(connection as unknown as ICounted);
  }

  close(): void {
    this.queue.close();
  }

  /** Looks again at a lane that was not clear; only where lanes don't notice by themselves that they are. */
  protected clears(_lane: Lane, _socket: IRecipient): boolean {
    return false;
  }
}
