// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { MessageRate } from '../../src/common/message-rate.js';

const LIMITS = { messagesPerSecond: 10, messageBurst: 20 };

describe('the rate of a client', () => {
  it('allows a burst, and the rate after it', () => {
    const rate = new MessageRate(LIMITS, 0);
    expect(rate.take(25, 0)).toBe(20);
    expect(rate.take(5, 99)).toBe(0);
    expect(rate.take(5, 100)).toBe(1);
    expect(rate.take(100, 1_100)).toBe(10);
  });

  it('saves up a burst at most', () => {
    const rate = new MessageRate(LIMITS, 0);
    rate.take(20, 0);
    expect(rate.take(100, 60_000)).toBe(20);
  });

  it('says when messages may be handled', () => {
    const rate = new MessageRate(LIMITS, 0);
    expect(rate.msUntil(20, 0)).toBe(0);
    rate.take(20, 0);
    expect(rate.msUntil(1, 0)).toBe(100);
    expect(rate.msUntil(5, 200)).toBe(300);
    // More than a burst is never there at once.
    expect(rate.msUntil(1_000, 0)).toBe(rate.msUntil(20, 0));
  });

  it('counts messages that were handled in any case, and forgets a debt of more than a burst', () => {
    const rate = new MessageRate(LIMITS, 0);
    rate.owe(25, 0);
    expect(rate.msUntil(1, 0)).toBe(600);
    rate.owe(1_000, 0);
    expect(rate.msUntil(1, 0)).toBe(2_100);
  });

  it('knows for how long a client has been over it without a pause', () => {
    const rate = new MessageRate(LIMITS, 0);
    expect(rate.delayedMs(0)).toBe(0);
    for (let now = 0; now <= 5_000; now += 100) rate.take(100, now);
    expect(rate.delayedMs(5_000)).toBe(5_000);
    expect(rate.delayedMs(6_001)).toBe(0);
    // After a pause it begins anew.
    rate.take(100, 6_500);
    expect(rate.delayedMs(6_700)).toBe(200);
  });

  it('does not take a client for too fast that is within its rate', () => {
    const rate = new MessageRate(LIMITS, 0);
    rate.take(20, 0);
    for (let now = 100; now <= 10_000; now += 100) expect(rate.take(1, now)).toBe(1);
    expect(rate.delayedMs(10_000)).toBe(0);
  });

  it('has no limit if that is Infinity', () => {
    const none = Number.POSITIVE_INFINITY;
    const rate = new MessageRate({ messagesPerSecond: none, messageBurst: none }, 0);
    expect(rate.take(1_000_000, 0)).toBe(1_000_000);
    expect(rate.take(1_000_000, 0)).toBe(1_000_000);
    expect(rate.take(1, 5)).toBe(1);
    const finite = new MessageRate({ messagesPerSecond: none, messageBurst: 5 }, 0);
    expect(finite.take(5, 0)).toBe(5);
    expect(finite.take(5, 0)).toBe(0);
    expect(finite.take(5, 1)).toBe(5);
  });
});
