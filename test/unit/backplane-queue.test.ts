// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MessageQueue } from '../../src/backplane/redis/queue.js';
import { RejectedMessages } from '../../src/backplane/rejected-messages.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';

describe('MessageQueue', () => {
  it('returns its messages in order, once', () => {
    const queue = new MessageQueue();
    queue.push('a', '1');
    queue.push('b', Buffer.from('2'));
    expect(queue.size).toBe(2);
    expect(queue.drain()).toEqual({
      messages: [expect.objectContaining({ channel: 'a', message: '1' }), expect.objectContaining({ channel: 'b' })],
      dropped: 0,
    });
    expect(queue.drain()).toEqual({ messages: [], dropped: 0 });
  });

  it('drops the oldest of more than 10 000 messages', () => {
    const queue = new MessageQueue();
    let dropped = 0;
    for (let number = 0; number < 35_000; number++) dropped += queue.push('c', String(number));
    expect(dropped).toBe(25_000);
    const { messages } = queue.drain();
    expect(messages.map(({ message }) => message)).toEqual(
      Array.from({ length: 10_000 }, (_, i) => String(i + 25_000)),
    );
  });

  it('drops the oldest of more than 16 MB, including a single larger message', () => {
    const queue = new MessageQueue();
    queue.push('c', 'first');
    expect(queue.push('c', Buffer.alloc(16 * 1_024 * 1_024 - 100))).toBe(0);
    expect(queue.push('c', 'ü'.repeat(100))).toBe(2);
    expect(queue.push('c', Buffer.alloc(17 * 1_024 * 1_024))).toBe(2);
    expect(queue.size).toBe(0);
    expect(queue.push('c', 'last')).toBe(0);
  });

  it('drops and counts messages older than 30 s', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const queue = new MessageQueue();
    queue.push('c', 'old');
    vi.advanceTimersByTime(20_000);
    queue.push('c', 'young');
    vi.advanceTimersByTime(10_001);
    expect(queue.drain()).toMatchObject({ messages: [{ message: 'young' }], dropped: 1 });
  });
});

describe('RejectedMessages', () => {
  it('reports each kind at once, then every ten ticks with a count, then no more', () => {
    const reports: BackplaneReport[] = [];
    const rejected = new RejectedMessages((report) => reports.push(report));
    const tick = (count: number) => {
      for (let i = 0; i < count; i++) rejected.tick();
    };
    rejected.add('a', new Error('first'));
    rejected.add('a', new Error('second'));
    rejected.add('b', 'no error at all');
    expect(reports).toMatchObject([
      { channel: 'a', reason: 'first', count: 1 },
      { channel: 'b', count: 1 },
    ]);
    tick(9);
    expect(reports).toHaveLength(2);
    tick(30);
    expect(reports.slice(2)).toMatchObject([{ channel: 'a', reason: 'second', count: 1 }]);
    rejected.add('a', new Error('third'));
    expect(reports.at(-1)).toMatchObject({ channel: 'a', reason: 'third', count: 1 });
  });
});
