// npm test: node
// npm run test:matrix: newest-node
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Log } from '../../src/client/log.js';
import type { Emitted, Sent } from '../../src/client/messages.js';
import { Outbox } from '../../src/client/outbox.js';
import type { RoomgateError } from '../../src/protocol/errors.js';
import { defer } from '../support/cleanup.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  defer(() => vi.useRealTimers());
});

function setUp(max = 3) {
  const failed: [topic: string, code: string | undefined][] = [];
  const message = (topic: string): Emitted => ({
    topic,
    args: [],
    doLog: false,
    cb: (error?: RoomgateError) => failed.push([topic, error?.code]),
  });
  const outbox = new Outbox({ max, ttl: 1_000 }, new Log('a client', undefined));
  return { outbox, failed, add: (topic: string) => outbox.add(message(topic)) };
}

describe('messages that wait for the connection', () => {
  it('are sent oldest first, including messages added meanwhile', () => {
    const { outbox, add } = setUp();
    const sent: string[] = [];
    for (const topic of ['a', 'b']) add(topic);
    outbox.flush(({ topic }) => {
      sent.push(topic);
      if (topic === 'a') add('c');
      return true;
    });
    expect(sent).toEqual(['a', 'b', 'c']);
    expect(outbox.isEmpty).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are refused beyond the limit', () => {
    const { outbox, add } = setUp(2);
    for (const topic of ['a', 'b']) add(topic);
    expect(() => add('c')).toThrow('emit("c"): the queue is full: it holds 2 messages');
    outbox.flush(() => true);
    add('c');
  });

  it('expire one by one', async () => {
    const { add, failed } = setUp();
    add('a');
    await vi.advanceTimersByTimeAsync(600);
    add('b');
    await vi.advanceTimersByTimeAsync(399);
    expect(failed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(failed).toEqual([['a', 'expired']]);
    await vi.advanceTimersByTimeAsync(600);
    expect(failed).toEqual([
      ['a', 'expired'],
      ['b', 'expired'],
    ]);
  });

  it('that were sent without effect are queued first again, expire as before, and call no callback twice', async () => {
    const { outbox, add, failed } = setUp();
    add('a');
    const kept: Sent[] = [];
    outbox.flush((emitted, expiresAt) => kept.push({ emitted, expiresAt }) > 0);
    await vi.advanceTimersByTimeAsync(600);
    add('b');
    outbox.putBack(kept);
    await vi.advanceTimersByTimeAsync(400);
    const sent: string[] = [];
    outbox.flush(({ topic }) => sent.push(topic) > 0);
    expect([sent, failed]).toEqual([['b'], []]);
    outbox.putBack([{ emitted: { ...kept[0]?.emitted, topic: 'c' } as Emitted, expiresAt: performance.now() + 1 }]);
    add('d');
    outbox.flush(({ topic }) => sent.push(topic) > 0);
    expect(sent).toEqual(['b', 'c', 'd']);
  });

  it('all fail on shutdown, and no timer keeps the process alive', async () => {
    const { outbox, add, failed } = setUp();
    for (const topic of ['a', 'b']) add(topic);
    outbox.fail('shut_down', 'this client was shut down');
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(failed).toEqual([
      ['a', 'shut_down'],
      ['b', 'shut_down'],
    ]);
  });

  it('that cannot be sent fail, and do not block the others', async () => {
    const { outbox, add, failed } = setUp();
    for (const topic of ['a', 'b']) add(topic);
    const sent: string[] = [];
    outbox.flush(({ topic }) => {
      if (topic === 'a') throw new Error('no');
      return sent.push(topic) > 0;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect([sent, failed]).toEqual([['b'], [['a', 'invalid_argument']]]);
  });
});
