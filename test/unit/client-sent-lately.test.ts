// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { SentLately } from '../../src/client/sent-lately.js';

/** A socket that only counts its listeners, and a way to send over it. */
function setUp(most = 10) {
  const listeners = new Set<() => void>();
  const socket = {
    onAnyOutgoing: (listener: () => void) => listeners.add(listener),
    offAnyOutgoing: (listener: () => void) => listeners.delete(listener),
  };
  const lately = new SentLately(most);
  const sendRaw = (): void => {
    for (const listener of listeners) listener();
  };
  const send = (topic: string): void => {
    sendRaw();
    lately.keep({ emitted: { topic, args: [], doLog: false, cb: undefined }, expiresAt: 0 });
  };
  const topicsAfter = (handled: unknown) => lately.take(handled).map(({ emitted }) => emitted.topic);
  return { lately, listeners, send, sendRaw, topicsAfter, begin: () => lately.begin(socket as never) };
}

describe('messages that were sent lately', () => {
  it('are returned after those that the server has handled, raw events included', () => {
    const { lately, begin, send, sendRaw, topicsAfter } = setUp();
    begin();
    lately.authenticated();
    send('a');
    sendRaw();
    send('b');
    send('c');
    expect(topicsAfter(3)).toEqual(['c']);
    expect(topicsAfter(0)).toEqual([]);
  });

  it.each([undefined, null, '1', {}])('are not returned if the server reports %j', (handled) => {
    const { lately, begin, send, topicsAfter } = setUp();
    begin();
    lately.authenticated();
    send('a');
    expect(topicsAfter(handled)).toEqual([]);
  });

  it('are not returned if an event was sent before `authenticated`, which may count or not', () => {
    const { lately, begin, send, sendRaw, topicsAfter } = setUp();
    begin();
    sendRaw();
    lately.authenticated();
    send('a');
    expect(topicsAfter(0)).toEqual([]);
  });

  it('are not returned if the program authenticated over the raw socket', () => {
    const { lately, send, topicsAfter } = setUp();
    lately.authenticated();
    send('a');
    expect(topicsAfter(0)).toEqual([]);
  });

  it('are limited: the oldest ones are forgotten', () => {
    const { lately, begin, send, topicsAfter } = setUp(2);
    begin();
    lately.authenticated();
    for (const topic of ['a', 'b', 'c']) send(topic);
    expect(topicsAfter(0)).toEqual(['b', 'c']);
  });

  it('are forgotten with their listener once the connection has lasted', () => {
    const { lately, begin, listeners, send, topicsAfter } = setUp();
    begin();
    lately.authenticated();
    send('a');
    expect(listeners.size).toBe(1);
    lately.stop();
    expect(listeners.size).toBe(0);
    expect(topicsAfter(0)).toEqual([]);
  });
});
