// npm test: node
// npm run test:matrix: newest-node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Topics } from '../../src/backplane/topics.js';
import { namesIn, RejectedMessageError } from '../../src/common/instance-messages.js';
import type { InstanceMessage } from '../../src/ports/backplane/bus.js';
import { SocketSearch } from '../../src/rooms/socket-search.js';

/** Topics of the instance `me`, to which the test delivers bytes. */
function setUp(subscriber: (message: InstanceMessage, from: string) => void | Promise<void>) {
  const rejections: unknown[][] = [];
  const sent: string[][] = [];
  const listeners: ((bytes: Buffer) => void)[] = [];
  const carrier = {
    publish: async (channel: string, message: string) => void sent.push([channel, message]),
    subscribe: (_: string, listener: (bytes: Buffer) => void) => void listeners.push(listener),
  };
  const topics = new Topics({ id: 'me', carrier, onRejected: (...args) => rejections.push(args) });
  topics.subscribe('topic', subscriber);
  const deliver = async (bytes: string | Uint8Array): Promise<void> => {
    listeners[0]?.(Buffer.from(bytes));
    await Promise.resolve();
  };
  return { topics, sent, rejections, deliver };
}

describe('Topics', () => {
  it('rejects anything but a JSON object with a sender, and throws nothing', async () => {
    const heard: unknown[] = [];
    const { rejections, deliver } = setUp((message) => void heard.push(message));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const before = rejections.length;
        await deliver(bytes);
        expect(rejections.length).toBe(before + 1);
      }),
    );
    const long = JSON.stringify({ from: 'x'.repeat(256) });
    for (const text of ['', '{', 'null', '[]', '{}', '{"from":""}', '{"from":5}', long]) await deliver(text);
    expect(heard).toEqual([]);
    for (const [kind, error] of rejections) {
      expect(kind).toBe('topic');
      expect(error).toBeInstanceOf(RejectedMessageError);
    }
  });

  it('adds the sender’s id, and drops its own messages', async () => {
    const heard: unknown[] = [];
    const { topics, sent, rejections, deliver } = setUp((message, from) => void heard.push([from, message]));
    await topics.publish('topic', { from: 'forged', value: 1 });
    expect(sent).toEqual([['topic', '{"from":"me","value":1}']]);
    for (const [, message] of sent) await deliver(message ?? '');
    await deliver('{"from":"you","value":1}');
    expect([heard, rejections]).toEqual([[['you', { value: 1 }]], []]);
  });

  it('rejects a message whose subscriber throws or rejects', async () => {
    for (const subscriber of [
      () => Promise.reject(new Error('odd')),
      () => {
        throw new Error('odd');
      },
    ]) {
      const { rejections, deliver } = setUp(subscriber);
      await deliver('{"from":"you"}');
      await Promise.resolve();
      expect(rejections).toEqual([['topic', new Error('odd')]]);
    }
  });
});

describe('names in a message', () => {
  it('are bounded in number and length', () => {
    expect(namesIn(['a', 'b'], 2)).toEqual(['a', 'b']);
    for (const value of [['a', 'b', 'c'], 'ab', undefined, ['a', ''], ['a', 5], ['x'.repeat(256)]]) {
      expect(() => namesIn(value, 2)).toThrow(RejectedMessageError);
    }
  });
});

describe('SocketSearch', () => {
  it('keeps the wire format of version 0.1', async () => {
    const { topics, sent } = setUp(() => {});
    const asked: unknown[] = [];
    const bus = {
      answer: (topic: string, answerer: (question: InstanceMessage) => unknown) =>
        void asked.push(topic, answerer({ ids: ['mine', 'other'] })),
      ask: async ({ topic, question }: { topic: string; question: InstanceMessage }) => {
        await topics.publish(topic, { ...question, ask: '0' });
        return { answers: new Map(), unanswered: [], complete: true };
      },
    };
    const search = new SocketSearch(bus as never, (id) => id === 'mine');
    expect(asked).toEqual(['ask', { has: ['mine'] }]);
    expect([...(await search.find(['a', 'b', 'a', ''], 1_000))]).toEqual([
      ['a', 'nowhere'],
      ['b', 'nowhere'],
      ['', 'nowhere'],
    ]);
    expect(sent.map(([channel, message]) => [channel, JSON.parse(message ?? '')])).toEqual([
      ['ask', { ask: '0', from: 'me', ids: ['a', 'b'] }],
    ]);
  });
});
