// npm test: node
// npm run test:matrix: newest-node
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Log } from '../../src/client/log.js';
import { type IEmitted, Outbox } from '../../src/client/outbox.js';
import type { RoomgateError } from '../../src/protocol/errors.js';
import { defer } from '../support/cleanup.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  defer(() => vi.useRealTimers());
});

function setUp(max = 3) {
  const returned: [topic: string, code: string | undefined][] = [];
  const message = (topic: string): IEmitted => ({
    topic,
    args: [],
    doLog: false,
    cb: (error?: RoomgateError) => returned.push([topic, error?.code]),
  });
  const outbox = new Outbox({ max, ttl: 1_000 }, new Log('a client', undefined));
  return { outbox, returned, add: (topic: string) => outbox.add(message(topic)) };
}

describe('messages of a client that wait for their connection', () => {
  it('are handed over, the oldest first, with what is added meanwhile', () => {
    const { outbox, add } = setUp();
    const sent: string[] = [];
    for (const topic of ['a', 'b']) add(topic);
    outbox.flush(({ topic }) => {
      sent.push(topic);
      if (topic === 'a') add('c');
    });
    expect(sent).toEqual(['a', 'b', 'c']);
    expect(outbox.isEmpty).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are no more than the limit', () => {
    const { outbox, add } = setUp(2);
    for (const topic of ['a', 'b']) add(topic);
    expect(() => add('c')).toThrow(/"c" can't wait: 2 messages do already/);
    outbox.flush(() => {});
    add('c');
  });

  it('are given back one by one when their time is over', async () => {
    const { add, returned } = setUp();
    add('a');
    await vi.advanceTimersByTimeAsync(600);
    add('b');
    await vi.advanceTimersByTimeAsync(399);
    expect(returned).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(returned).toEqual([['a', 'expired']]);
    await vi.advanceTimersByTimeAsync(600);
    expect(returned).toEqual([
      ['a', 'expired'],
      ['b', 'expired'],
    ]);
  });

  it('are given back all at once where there is no more hope, and leave no timer that would keep a process', async () => {
    const { outbox, add, returned } = setUp();
    for (const topic of ['a', 'b']) add(topic);
    outbox.fail('shut_down', 'this client was shut down');
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(returned).toEqual([
      ['a', 'shut_down'],
      ['b', 'shut_down'],
    ]);
  });

  it('that can not be sent are given back, and hold up no other', async () => {
    const { outbox, add, returned } = setUp();
    for (const topic of ['a', 'b']) add(topic);
    const sent: string[] = [];
    outbox.flush(({ topic }) => {
      if (topic === 'a') throw new Error('no');
      sent.push(topic);
    });
    await vi.advanceTimersByTimeAsync(0);
    expect([sent, returned]).toEqual([['b'], [['a', 'invalid_argument']]]);
  });
});
