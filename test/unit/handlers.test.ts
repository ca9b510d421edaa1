// npm test: node
import { describe, expect, it } from 'vitest';
import { HandlerRegistry } from '../../src/handlers/registry.js';
import { TopicRate } from '../../src/handlers/topic-rate.js';

const handler = () => {};

describe('handle()', () => {
  it.each([
    [undefined, 'expected one object, received undefined. Write handle({ topic, handler })'],
    ['say', 'expected one object, received a string'],
    [{ handler }, 'topic: expected a non-empty string, received undefined'],
    [{ topic: '', handler }, 'topic: expected a non-empty string'],
    [{ topic: 'say' }, 'handler: expected a function, received undefined'],
    [{ topic: 'say', handler, event: 'x' }, '"event" does not exist'],
    [{ topic: 'say', handler, inputs: 1 }, 'did you mean "input"?'],
    [{ topic: 'disconnect', handler }, 'topic: "disconnect" is reserved. It is an event of Socket.IO'],
    [{ topic: 'connection', handler }, 'Write on({ topic: "connection", handler }).'],
    [{ topic: 'authenticate', handler }, 'Write an authenticateFn.'],
    [{ topic: 'join', handler }, 'Write a validateRoomFn.'],
    [{ topic: 'leave', handler }, 'is reserved'],
    [{ topic: 'roomgate:x', handler }, 'Names with "roomgate:" are the library\'s own.'],
    [{ topic: 'say', handler, input: { text: 'string' } }, 'input: expected a Standard Schema, received an object'],
    [{ topic: 'say', handler, output: () => {} }, 'output: expected a Standard Schema, received a function'],
    [{ topic: 'say', handler, memberOf: 'room' }, 'memberOf: expected a function that returns the name of a room'],
    [{ topic: 'say', handler, errors: 'away' }, 'errors: expected an array of codes, received a string'],
    [{ topic: 'say', handler, errors: ['away', 'Muted'] }, '"Muted" is not one'],
    [{ topic: 'say', handler, errors: ['1abc'] }, 'the first one a letter, received a string. "1abc" is not one'],
    [{ topic: 'say', handler, errors: [1] }, 'errors: expected codes of up to 64 lower-case letters'],
    [{ topic: 'say', handler, errors: ['busy'] }, 'errors: "busy" is a code of the library. Choose another one.'],
    [
      { topic: 'say', handler, schema: 1 },
      '"schema" does not exist. Expected: topic, input, output, errors, memberOf, limit, handler.',
    ],
    [{ topic: 'say', handler, limit: 5 }, 'limit: expected { messages, per }, received 5'],
    [{ topic: 'say', handler, limit: { messages: 0, per: 1 } }, 'limit.messages: expected a whole number of 1 or more'],
    [{ topic: 'say', handler, limit: { messages: 1 } }, 'limit.per: expected a number of milliseconds from 1'],
  ])('refuses %j', (opts, text) => {
    const add = () => new HandlerRegistry().add(opts);
    expect(add).toThrow(text);
    expect(add).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('refuses a second handler of a topic until the first one was removed', () => {
    const registry = new HandlerRegistry();
    const remove = registry.add({ topic: 'say', handler });
    expect(() => registry.add({ topic: 'say', handler })).toThrow('handle(): topic: "say" has a handler already.');
    remove();
    const removeSecond = registry.add({ topic: 'say', handler });
    // The first function has no effect on the second handler.
    remove();
    expect(registry.has('say')).toBe(true);
    removeSecond();
    expect(registry.has('say')).toBe(false);
  });
});

describe('TopicRate', () => {
  it('lets a burst of its size through, then as many as time allows', () => {
    const rate = new TopicRate({ messages: 10, per: 1_000 });
    const counted = Array.from({ length: 10 }, () => rate.count('ann', 0));
    expect(counted).toEqual(Array(10).fill(0));
    expect(rate.count('ann', 0)).toBe(100);
    expect(rate.count('ann', 60)).toBe(40);
    expect(rate.count('ann', 100)).toBe(0);
    expect(rate.count('ann', 100)).toBe(100);
    expect(rate.count('bob', 100)).toBe(0);
    // A pause earns no more than the burst.
    expect(Array.from({ length: 11 }, () => rate.count('ann', 1_000_000)).filter((ms) => ms === 0)).toHaveLength(10);
  });

  it('forgets users that it need not limit', () => {
    const rate = new TopicRate({ messages: 1, per: 10 });
    for (let user = 0; user < 100_000; user++) rate.count(`${user}`, user);
    expect(rate.users).toBeLessThan(2_000);
  });
});
