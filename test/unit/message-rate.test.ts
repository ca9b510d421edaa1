// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { MessageRate } from '../../src/common/message-rate.js';

const LIMITS = { messagesPerSecond: 10, messageBurst: 20 };

/** Handles as many of `wanted` messages as it may. */
function take(rate: MessageRate, wanted: number, now: number): number {
  const taken = Math.min(wanted, rate.available(now));
  rate.spend(taken, now);
  if (taken < wanted) rate.delay(now);
  return taken;
}

describe('the rate of a client', () => {
  it('allows a burst, and the rate after it', () => {
    const rate = new MessageRate(LIMITS);
    expect(take(rate, 25, 0)).toBe(20);
    expect(take(rate, 5, 99)).toBe(0);
    expect(take(rate, 5, 100)).toBe(1);
    expect(take(rate, 100, 1_100)).toBe(10);
  });

  it('goes on by another transport with what was sent before', () => {
    const [before, rate] = [new MessageRate(LIMITS), new MessageRate(LIMITS)];
    take(before, 15, 0);
    take(rate, 2, 0);
    rate.continue(before.fullAt, 0);
    expect(rate.available(0)).toBe(3);
    // A rate that is full again changes nothing.
    rate.continue(new MessageRate(LIMITS).fullAt, 0);
    expect(rate.available(0)).toBe(3);
    rate.continue(before.fullAt, 60_000);
    expect(rate.available(60_000)).toBe(20);
  });

  it('saves up a burst at most', () => {
    const rate = new MessageRate(LIMITS);
    take(rate, 20, 0);
    expect(take(rate, 100, 60_000)).toBe(20);
  });

  it('says when messages may be handled', () => {
    const rate = new MessageRate(LIMITS);
    expect(rate.msUntil(20, 0)).toBe(0);
    take(rate, 20, 0);
    expect(rate.msUntil(1, 0)).toBe(100);
    expect(rate.msUntil(5, 200)).toBe(300);
    // More than a burst is never there at once.
    expect(rate.msUntil(1_000, 0)).toBe(rate.msUntil(20, 0));
  });

  it('counts messages that were handled in any case, and forgets a debt of more than a burst', () => {
    const rate = new MessageRate(LIMITS);
    rate.spend(25, 0);
    expect(rate.available(0)).toBe(0);
    expect(rate.msUntil(1, 0)).toBe(600);
    rate.spend(1_000, 0);
    expect(rate.msUntil(1, 0)).toBe(2_100);
  });

  it('knows for how long a client has been over it without a pause', () => {
    const rate = new MessageRate(LIMITS);
    expect(rate.delayedMs(0)).toBe(0);
    for (let now = 0; now <= 5_000; now += 100) take(rate, 100, now);
    expect(rate.delayedMs(5_000)).toBe(5_000);
    expect(rate.delayedSince(5_000)).toBe(0);
    expect(rate.delayedMs(7_001)).toBe(0);
    expect(rate.delayedSince(7_001)).toBeUndefined();
    // After a pause it begins anew.
    take(rate, 100, 7_500);
    expect(rate.delayedMs(7_700)).toBe(200);
  });

  it('does not take a client for too fast that is within its rate', () => {
    const rate = new MessageRate(LIMITS);
    take(rate, 20, 0);
    for (let now = 100; now <= 10_000; now += 100) expect(take(rate, 1, now)).toBe(1);
    expect(rate.delayedMs(10_000)).toBe(0);
  });

  it('allows a burst of any size', () => {
    const rate = new MessageRate({ messagesPerSecond: 10, messageBurst: Number.POSITIVE_INFINITY });
    expect(take(rate, 1_000_000, 0)).toBe(1_000_000);
    expect(take(rate, 1_000_000, 0)).toBe(1_000_000);
  });

  it('is described by one number', () => {
    const rate = new MessageRate(LIMITS);
    take(rate, 15, 0);
    expect(rate.fullAt).toBe(1_500);
    const same = new MessageRate(LIMITS, rate.fullAt);
    expect(same.available(0)).toBe(5);
    expect(same.available(1_000)).toBe(15);
  });
});
