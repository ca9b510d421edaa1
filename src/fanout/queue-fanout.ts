import type { Audience, Broadcast, EngineFanout, PacketOptions, Recipient } from '../ports/fanout.js';
import type { Wire } from '../ports/wire.js';
import { type DirectSender, type FrameQueue, type Sized, SWEEP_EVERY } from '../socketio/frame-queue.js';
import { emptyQueue, unreadBytes } from '../socketio/send-queue.js';
import { Backlogs } from './backlogs.js';
import type { FanoutOptions } from './options.js';

/** The fan-out that all runtimes share: recipients with a clear sender get the frame in their queue, others by Socket.IO's path. */
export abstract class QueueFanout<Engine, Frame extends Sized, Sender extends DirectSender<Frame>>
  implements EngineFanout<Engine>
{
  protected readonly options: FanoutOptions;
  protected readonly queue: FrameQueue<Frame>;
  protected readonly backlogs: Backlogs;

  constructor(options: FanoutOptions, queue: FrameQueue<Frame>) {
    this.options = options;
    this.queue = queue;
    this.backlogs = new Backlogs(options.mostBytes, options.tooSlow, options.sweep);
  }

  abstract attach(engine: Engine): void;
  abstract prepare(encoded: readonly unknown[], options: PacketOptions): Frame | undefined;
  abstract senderOn(wire: Wire): Sender | undefined;

  senderOf({ client }: Recipient): Sender | undefined {
    return this.senderOn(client.conn);
  }

  deliverAll(
    { sockets, senders }: Audience<Sender>,
    { prepared: frame }: Broadcast<Frame>,
    one: (socket: Recipient, sender: Sender | undefined) => void,
  ): void {
    const { queue } = this;
    for (let at = 0; at < sockets.length; at++) {
      if (at > 0 && at % SWEEP_EVERY === 0) queue.sweep();
      const sender = senders[at];
      if (frame !== undefined && sender?.isClear === true && queue.offer(sender, frame)) continue;
      const socket = sockets[at];
      if (socket === undefined) continue;
      const known = sender ?? this.senderOf(socket);
      senders[at] = known;
      one(socket, known);
    }
  }

  deliver(socket: Recipient, broadcast: Broadcast<Frame>, known?: Sender): void {
    const { prepared: frame } = broadcast;
    const sender = known ?? this.senderOf(socket);
    if (frame !== undefined && sender !== undefined && (sender.isClear || this.clears(sender, socket))) {
      if (this.queue.offer(sender, frame)) return;
    }
    this.backlogs.write(socket, broadcast);
  }

  check(wire: Wire): void {
    this.backlogs.check(wire);
  }

  unread(wire: Wire): number {
    return this.backlogs.waiting(wire);
  }

  discard(wire: Wire): 'clean' | 'unread' {
    this.senderOn(wire)?.discard();
    emptyQueue(wire);
    const hasUnread = this.backlogs.discard(wire);
    return hasUnread || unreadBytes(wire) > 0 ? 'unread' : 'clean';
  }

  close(): void {
    this.queue.close();
  }

  /** Checks a sender again that was not clear; false if senders notice by themselves that they are clear. */
  protected abstract clears(sender: Sender, socket: Recipient): boolean;
}
