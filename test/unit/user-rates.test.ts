// npm test: node
// npm run test:matrix: newest-node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LimitsReport } from '../../src/limits/reports.js';
import { type UserRate, UserRates } from '../../src/limits/user-rates.js';
import { defer } from '../support/cleanup.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  vi.advanceTimersByTime(1_000);
});
afterEach(() => void vi.useRealTimers());

function createRates(messagesPerUser: number, tell?: (rate: UserRate) => void) {
  const reports: LimitsReport[] = [];
  const rates = new UserRates({ messagesPerUser, tell, report: (it) => reports.push(it) });
  defer(() => rates.close());
  const send = (count: number, canRefuse: boolean, user = 'ann') => {
    let last = 0;
    for (let n = 0; n < count; n++) last = rates.count(user, 'client', canRefuse);
    return last;
  };
  return { rates, reports, send };
}

describe('the rate of a user', () => {
  it('allows ten seconds of the limit at once, and then the limit', () => {
    const { rates, send } = createRates(10);
    expect(send(100, true)).toBe(0);
    expect(send(1, true)).toBe(100);
    expect(rates.waitMs('ann')).toBe(100);
    vi.advanceTimersByTime(100);
    expect(rates.waitMs('ann')).toBe(0);
    expect(send(1, true)).toBe(0);
    expect(send(1, true)).toBe(100);
    for (let second = 0; second < 20; second++) {
      vi.advanceTimersByTime(1_000);
      expect(send(10, true)).toBe(0);
      expect(send(1, true)).toBe(100);
    }
    expect(send(1, true, 'bob')).toBe(0);
  });

  it('does not count events that are refused, and counts the others up to a bound', () => {
    const { rates, send } = createRates(10);
    send(100, true);
    expect(send(1_000, true)).toBe(100);
    expect(send(10, false)).toBe(1_000);
    send(10_000, false);
    expect(rates.waitMs('ann')).toBe(10_100);
    vi.advanceTimersByTime(10_100);
    expect(send(1, true)).toBe(0);
  });

  it('is reported once while the user stays at its limit, with the state for explain()', () => {
    const { rates, reports, send } = createRates(10);
    send(100, true);
    expect(rates.find('ann')).toBeUndefined();
    for (let n = 0; n < 50; n++) {
      send(1, true);
      vi.advanceTimersByTime(100);
      send(1, true);
    }
    const limited = { type: 'user_limited', client: 'client', limit: 'messages_per_user', retryAfterMs: 100 };
    expect(reports).toEqual([limited]);
    const now = performance.now();
    expect(rates.find('ann')).toEqual({ rule: 'messages_per_user', since: now - 5_000, until: now + 1_000 });
    vi.advanceTimersByTime(1_200);
    expect(rates.find('ann')).toBeUndefined();
    send(1, true);
    send(100, true);
    expect(reports).toHaveLength(2);
  });

  it('is forgotten once its events are paid for, and no earlier', () => {
    const { rates, send } = createRates(10);
    send(1, true, 'bob');
    send(150, false);
    vi.advanceTimersByTime(10_000);
    expect(rates.size).toBe(1);
    expect(rates.waitMs('ann')).toBe(0);
    expect(send(60, true)).toBe(100);
    vi.advanceTimersByTime(20_000);
    expect(rates.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(send(100, true)).toBe(0);
  });

  it('is kept for 100 000 users', () => {
    const { rates, send } = createRates(10);
    for (let n = 0; n < 100_001; n++) send(1, true, `user ${n}`);
    expect(rates.size).toBe(100_000);
  });

  it('counts what all instances told', () => {
    const told: UserRate[] = [];
    const { rates, reports, send } = createRates(Number.POSITIVE_INFINITY, (rate) => told.push(rate));
    expect(send(1_000, true)).toBe(0);
    expect(told).toHaveLength(1_000);
    const [rate] = told;
    if (rate === undefined) throw new Error('unreachable');
    rate.closedUntil = performance.now() + 3_000;
    expect(send(1, true)).toBe(3_000);
    expect(told).toHaveLength(1_000);
    expect(send(1, false)).toBe(3_000);
    expect(told).toHaveLength(1_001);
    expect(rates.waitMs('ann')).toBe(3_000);
    expect(rates.find('ann')).toMatchObject({ rule: 'messages_per_user_of_all' });
    expect(reports).toMatchObject([{ limit: 'messages_per_user_of_all', retryAfterMs: 3_000 }]);
    vi.advanceTimersByTime(3_000);
    expect(send(1, true)).toBe(0);
  });
});
