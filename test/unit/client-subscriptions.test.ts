// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Log } from '../../src/client/log.js';
import { Subscriptions } from '../../src/client/subscriptions.js';
import { eventually } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';

function setUp() {
  const source = new EventEmitter();
  const log = new LogLines();
  return { source, log, subscriptions: new Subscriptions(source, new Log('tester', log)) };
}

function recorder() {
  const calls: unknown[][] = [];
  return { calls, handler: (...args: unknown[]) => void calls.push(args) };
}

describe('subscribing', () => {
  it('passes all arguments of the event to the handler', () => {
    const { source, subscriptions } = setUp();
    const { calls, handler } = recorder();
    subscriptions.add('news', handler, true);
    source.emit('news', 0, undefined, 'x');
    expect(calls).toEqual([[0, undefined, 'x']]);
  });

  it('ignores a second handler, another or the same, and does not count it', () => {
    const { source, subscriptions } = setUp();
    const [first, second] = [recorder(), recorder()];
    source.on('news', () => {});
    subscriptions.add('news', first.handler, true);
    subscriptions.add('news', second.handler, true);
    subscriptions.add('news', first.handler, true);
    source.emit('news', 1);
    expect([first.calls.length, second.calls.length]).toEqual([1, 0]);
  });

  it('warns once for each event whose second handler is ignored, and names the option and the harmless case', () => {
    const { subscriptions, log } = setUp();
    for (const event of ['news', 'news', 'news', 'weather', 'weather']) subscriptions.add(event, () => {}, true);
    expect(log.lines.map((line) => line.slice(0, 5))).toEqual(['warn:', 'debug', 'warn:']);
    expect(log.lines[0]).toContain('subscribe("news"): the event already has a handler, so this one was ignored');
    expect(log.lines[0]).toContain('expected after a reconnect if you subscribe in onConnected or onAuthenticated');
    expect(log.lines[0]).toContain('pass ignoreDuplicate: false');
    expect(log.lines[2]).toContain('subscribe("weather")');
  });

  it('warns once also if the event had no handler in between', () => {
    const { subscriptions, log } = setUp();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2; i++) subscriptions.add('news', () => {}, true);
      subscriptions.remove('news');
    }
    expect(log.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
  });

  it('returns a function that removes this handler and no other, and is harmless a second time', () => {
    const { source, subscriptions } = setUp();
    const { calls, handler } = recorder();
    const first = subscriptions.add('news', handler, false);
    subscriptions.add('news', handler, false);
    first();
    first();
    source.emit('news', 1);
    expect(calls).toHaveLength(1);
  });

  it('returns a function that does nothing for a duplicate that was ignored, even after the first handler has gone', () => {
    const { source, subscriptions } = setUp();
    const { calls, handler } = recorder();
    const first = subscriptions.add('news', handler, true);
    const ignored = subscriptions.add('news', handler, true);
    ignored();
    source.emit('news', 1);
    first();
    subscriptions.add('news', handler, true);
    for (const stale of [first, ignored]) stale();
    source.emit('news', 2);
    expect(calls).toEqual([[1], [2]]);
  });

  it('adds a second handler if duplicates are not ignored, even the same one', () => {
    const { source, subscriptions } = setUp();
    const [first, second] = [recorder(), recorder()];
    subscriptions.add('news', first.handler, true);
    subscriptions.add('news', second.handler, false);
    subscriptions.add('news', first.handler, false);
    source.emit('news', 1);
    expect([first.calls.length, second.calls.length]).toEqual([2, 1]);
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])('accepts %s as a name', (event) => {
    const { source, subscriptions } = setUp();
    const { calls, handler } = recorder();
    subscriptions.add(event, handler, true);
    source.emit(event, 1);
    subscriptions.remove(event, handler);
    source.emit(event, 2);
    expect(calls).toEqual([[1]]);
  });

  it('warns of a missing event and of a missing handler, and changes nothing', () => {
    const { source, subscriptions, log } = setUp();
    for (const event of ['', undefined, null, 5]) subscriptions.add(event, () => {}, true);
    for (const handler of [undefined, null, 'x']) subscriptions.add('news', handler, true);
    subscriptions.remove('');
    expect(log.lines).toHaveLength(8);
    expect(log.lines.every((line) => line.startsWith('warn: '))).toBe(true);
    expect(source.eventNames()).toEqual([]);
  });
});

describe('a handler that fails', () => {
  it('affects no other handler, whether it throws or rejects, and is logged', async () => {
    const { source, subscriptions, log } = setUp();
    const { calls, handler } = recorder();
    subscriptions.add('news', () => Promise.reject(new Error('later')), false);
    subscriptions.add(
      'news',
      () => {
        throw new Error('at once');
      },
      false,
    );
    subscriptions.add('news', handler, false);
    source.emit('news', 'secret payload');
    expect(calls).toHaveLength(1);
    await eventually(() => expect(log.lines).toHaveLength(2));
    expect(log.lines.join()).toMatch(/at once/);
    expect(log.lines.join()).toMatch(/later/);
    expect(log.lines.join()).not.toMatch(/secret/);
  });

  it('affects no other handler even if the logger fails', () => {
    const fail = () => {
      throw new Error('the disk is full');
    };
    const source = new EventEmitter();
    const failing = new Log('tester', { debug: fail, info: fail, warn: fail, error: fail });
    const subscriptions = new Subscriptions(source, failing);
    const { calls, handler } = recorder();
    subscriptions.add('news', fail, false);
    subscriptions.add('news', handler, false);
    source.emit('news', 1);
    expect(calls).toEqual([[1]]);
  });
});

describe('unsubscribing', () => {
  it('removes every subscription of the given handler, and no other handler', () => {
    const { source, subscriptions } = setUp();
    const [first, second] = [recorder(), recorder()];
    for (const { handler } of [first, second, first]) subscriptions.add('news', handler, false);
    subscriptions.remove('news', first.handler);
    source.emit('news', 1);
    expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
  });

  it('removes all subscribed handlers without an argument, and no other listener', () => {
    const { source, subscriptions } = setUp();
    const [first, second, raw] = [recorder(), recorder(), recorder()];
    source.on('news', raw.handler);
    for (const { handler } of [first, second]) subscriptions.add('news', handler, false);
    subscriptions.remove('news');
    source.emit('news', 1);
    expect([first.calls.length, second.calls.length, raw.calls.length]).toEqual([0, 0, 1]);
  });

  it('allows a new handler', () => {
    const { source, subscriptions } = setUp();
    const { calls, handler } = recorder();
    const gone = () => {};
    subscriptions.add('news', gone, true);
    subscriptions.remove('news', gone);
    subscriptions.add('news', handler, true);
    source.emit('news', 1);
    expect(calls).toEqual([[1]]);
  });

  it('does nothing for a handler or an event that was never subscribed', () => {
    const { source, subscriptions } = setUp();
    const { calls, handler } = recorder();
    subscriptions.add('news', handler, true);
    subscriptions.remove('news', () => {});
    subscriptions.remove('weather');
    source.emit('news', 1);
    expect(calls).toEqual([[1]]);
  });

  it('removes everything on shutdown', () => {
    const { source, subscriptions } = setUp();
    subscriptions.add('a', () => {}, false);
    subscriptions.add('b', () => {}, false);
    subscriptions.add('b', () => {}, false);
    subscriptions.clear();
    expect(source.eventNames()).toEqual([]);
  });
});
