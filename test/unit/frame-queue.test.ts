// npm test: node
// npm run test:matrix: newest-node
import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { FrameQueue, type FrameSender, framesOf, type QueuedFrame } from '../../src/socketio/frame-queue.js';
import { binaryFrame, messageFrame, textFrame } from '../../src/socketio/frames.js';
import { takeTheTime } from '../support/clock.js';

/** A sender that records each write, as the messages in it. */
class Sender implements FrameSender<string> {
  tail: QueuedFrame<string> | undefined;
  tick = 0;
  isBusy = false;
  writable = true;
  confirmed = 0;
  readonly writes: string[] = [];
  readonly chains: QueuedFrame<string>[] = [];
  /** Runs during each write. */
  passes = (): void => {};
  /** The peer is slow after this many writes. */
  slowAfter = Number.POSITIVE_INFINITY;

  write(tail: QueuedFrame<string>): void {
    this.chains.push(tail);
    this.writes.push(framesOf(tail).join(' '));
    this.passes();
    if (this.writes.length >= this.slowAfter) this.writable = false;
  }

  confirm(): void {
    this.confirmed++;
  }
}

describe('the messages of one tick', () => {
  it('the first is written at once, the others together at the end of the tick', async () => {
    const queue = new FrameQueue<string>();
    const sender = new Sender();
    for (const frame of ['a', 'b', 'c']) expect(queue.offer(sender, frame)).toBe(true);
    expect(sender.writes).toEqual(['a']);
    await tick();
    expect(sender.writes).toEqual(['a', 'b c']);
  });

  it('are written together after a tick had more than one message, until a tick has one again', async () => {
    // The clock is fixed, because a queue pauses after a slow flush, and on a busy machine any flush may be slow.
    takeTheTime();
    const queue = new FrameQueue<string>();
    const sender = new Sender();
    for (const frame of ['a', 'b']) queue.offer(sender, frame);
    await tick();
    for (const frame of ['c', 'd', 'e']) queue.offer(sender, frame);
    expect(sender.writes).toEqual(['a', 'b']);
    await tick();
    expect(sender.writes).toEqual(['a', 'b', 'c d e']);
    queue.offer(sender, 'f');
    await tick();
    queue.offer(sender, 'g');
    expect(sender.writes).toEqual(['a', 'b', 'c d e', 'f', 'g']);
  });

  describe('if writing took long', () => {
    const setUp = () => {
      const time = takeTheTime();
      const asked: { then: () => void; restMs: number }[] = [];
      const queue = new FrameQueue<string>((then, restMs) => asked.push({ then, restMs }));
      const sender = new Sender();
      sender.isBusy = true;
      queue.offer(sender, 'a');
      sender.passes = () => time.pass(20);
      const happens = (at: number) => asked[at]?.then();
      happens(0);
      sender.passes = () => {};
      return { queue, sender, happens, restsMs: () => asked.map(({ restMs }) => restMs) };
    };

    it('the queue waits for more if more arrived meanwhile', () => {
      const { queue, sender, happens, restsMs } = setUp();
      queue.offer(sender, 'b');
      expect(restsMs()).toEqual([0, 0, 5]);
      happens(1);
      expect(sender.writes).toEqual(['a']);
      const other = new Sender();
      queue.offer(other, 'c');
      queue.offer(sender, 'c');
      expect(other.writes).toEqual([]);
      happens(2);
      expect([sender.writes, other.writes]).toEqual([['a', 'b c'], ['c']]);
    });

    it('the queue is flushed at the end of the tick if nothing arrived meanwhile and writing took no time', () => {
      const { queue, sender, happens, restsMs } = setUp();
      happens(1);
      queue.offer(sender, 'b');
      happens(2);
      const other = new Sender();
      queue.offer(other, 'c');
      expect(restsMs()).toEqual([0, 0, 0, 0]);
      expect(other.writes).toEqual(['c']);
    });
  });

  it('senders that wait for the same flush share one chain', async () => {
    const queue = new FrameQueue<string>();
    const senders = [new Sender(), new Sender(), new Sender()];
    const [first, second, third] = senders as [Sender, Sender, Sender];
    for (const sender of senders) sender.isBusy = true;
    for (const sender of senders) queue.offer(sender, 'a');
    queue.push(third, ['of its own']);
    for (const sender of senders) queue.offer(sender, 'b');
    await tick();
    expect(first.chains[0]).toBe(second.chains[0]);
    expect(senders.map(({ writes }) => writes)).toEqual([['a b'], ['a b'], ['a of its own b']]);
  });

  it('a large queue is flushed before the tick ends, in order', async () => {
    const queue = new FrameQueue<string>();
    const sender = new Sender();
    sender.isBusy = true;
    const frames = Array.from({ length: 10 }, (_, n) => `${n}${'x'.repeat(20_000)}`);
    for (const frame of frames) queue.offer(sender, frame);
    const early = sender.writes.length;
    expect(early).toBeGreaterThan(1);
    await tick();
    expect(sender.writes.join(' ')).toBe(frames.join(' '));
    expect(Math.max(...sender.writes.map(({ length }) => length))).toBeLessThan(64 * 1024);
  });

  it('the queue is not flushed further if the peer becomes slow during the flush', () => {
    const queue = new FrameQueue<string>();
    const sender = new Sender();
    sender.isBusy = true;
    sender.slowAfter = 1;
    const large = 'x'.repeat(60_000);
    expect(queue.offer(sender, large)).toBe(true);
    expect(queue.offer(sender, 'y'.repeat(60_000))).toBe(false);
    expect([sender.writes, sender.tail]).toEqual([[large], undefined]);
  });

  it('a message that cannot be buffered elsewhere is written anyway, in order', async () => {
    const queue = new FrameQueue<string>();
    const sender = new Sender();
    sender.slowAfter = 1;
    const frames = ['x'.repeat(60_000), 'y'.repeat(60_000), 'z', 'z'];
    queue.push(sender, frames);
    expect([sender.writes, sender.tail]).toEqual([frames, undefined]);
    expect(sender.confirmed).toBe(0);
    await tick();
    expect(sender.confirmed).toBeGreaterThan(0);
  });

  it('the queue is written by close(), and at process exit while it is open', () => {
    const before = process.listenerCount('exit');
    const queues = [new FrameQueue<string>(), new FrameQueue<string>()] as const;
    const sender = new Sender();
    sender.isBusy = true;
    for (const queue of queues) queue.open();
    expect(process.listenerCount('exit')).toBe(before + 1);
    queues[0].offer(sender, 'a');
    (process.listeners('exit').at(-1) as () => void)();
    expect(sender.writes).toEqual(['a']);
    queues[0].close();
    expect(process.listenerCount('exit')).toBe(before + 1);
    sender.isBusy = true;
    queues[1].offer(sender, 'b');
    queues[1].close();
    expect(sender.writes).toEqual(['a', 'b']);
    expect(process.listenerCount('exit')).toBe(before);
  });
});

describe('a frame', () => {
  const OPTIONS = { fin: true, mask: false, rsv1: false, readOnly: true };
  // The frames that `ws` itself writes; `Sender` has no type.
  const { frame } = (ws as unknown as { Sender: unknown }).Sender as { frame(data: Buffer, options: object): Buffer[] };
  const asWs = (data: Buffer, opcode: number) => Buffer.concat(frame(data, { ...OPTIONS, opcode }));

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])('of %d bytes equals the frame that ws writes', (length) => {
    const text = 'x'.repeat(length);
    expect(textFrame(text).equals(asWs(Buffer.from(text), 1))).toBe(true);
    const bytes = Buffer.alloc(length, 7);
    expect(binaryFrame(bytes).equals(asWs(bytes, 2))).toBe(true);
  });

  it('is measured in bytes, not characters', () => {
    for (const text of ['ä'.repeat(63), '世'.repeat(42), '😀'.repeat(32), '\ud800']) {
      expect(textFrame(text).equals(asWs(Buffer.from(text), 1))).toBe(true);
    }
  });

  it('has its own bytes, and copies only the view of a buffer', () => {
    const whole = Uint8Array.from([1, 2, 3, 4]);
    const made = binaryFrame(whole.subarray(1, 3));
    whole.fill(9);
    expect([...made]).toEqual([0x82, 2, 2, 3]);
    expect([...binaryFrame(Uint8Array.from([5]).buffer)]).toEqual([0x82, 1, 5]);
  });

  it('of an Engine.IO message begins with 4 if it is a text; other values give no frame', () => {
    expect(messageFrame('2["a"]')?.toString('latin1')).toBe('\x81\x0742["a"]');
    expect(messageFrame({})).toBeUndefined();
  });
});
