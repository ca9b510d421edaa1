import type { Server } from 'socket.io';
import type { Connection } from '../ports/connection.js';
import type { Audience, Broadcast, Fanout, PacketOptions, Recipient } from '../ports/fanout.js';
import type { DirectSender, FrameQueue, Sized } from '../socketio/frame-queue.js';
import { Backlogs, type Counted } from './backlog.js';
import type { FanoutOptions } from './options.js';

/** What is the same on each runtime: recipients are served by their senders where these are clear, else Socket.IO's own way. */
export abstract class QueueFanout<Frame extends Sized, Sender extends DirectSender<Frame>> implements Fanout {
  protected readonly options: FanoutOptions;
  protected readonly queue: FrameQueue<Frame>;
  protected readonly backlogs: Backlogs;

  constructor(options: FanoutOptions, queue: FrameQueue<Frame>) {
    this.options = options;
    this.queue = queue;
    this.backlogs = new Backlogs(options.mostBytes, (connection, waitingBytes) =>
      options.tooSlow(connection as unknown as Connection, waitingBytes),
    );
  }

  abstract attach(io: Server): void;
  abstract prepare(encoded: readonly unknown[], options: PacketOptions): Frame | undefined;
  abstract senderOf(socket: Recipient): Sender | undefined;

  deliverAll(
    { sockets, senders }: Audience,
    broadcast: Broadcast,
    one: (socket: Recipient, sender: unknown) => void,
  ): void {
    const frame = broadcast.prepared as Frame | undefined;
    const { queue } = this;
    for (let at = 0; at < sockets.length; at++) {
      const sender = senders[at] as Sender | undefined;
      if (frame !== undefined && sender?.isClear === true && queue.offer(sender, frame)) continue;
      const socket = sockets[at] as Recipient;
      senders[at] = sender ?? this.senderOf(socket);
      one(socket, senders[at]);
    }
  }

  deliver(socket: Recipient, broadcast: Broadcast, known?: unknown): void {
    const frame = broadcast.prepared as Frame | undefined;
    const sender = (known as Sender | undefined) ?? this.senderOf(socket);
    if (frame !== undefined && sender !== undefined && (sender.isClear || this.clears(sender, socket))) {
      if (this.queue.offer(sender, frame)) return;
    }
    this.backlogs.write(socket, broadcast);
  }

  check(connection: Connection): void {
    this.backlogs.check(connection as unknown as Counted);
  }

  close(): void {
    this.queue.close();
  }

  /** Looks again at a sender that was not clear; only where senders don't notice by themselves that they are. */
  protected clears(_lane: Sender, _socket: Recipient): boolean {
    return false;
  }
}
