// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';
import { BackOff } from '../../src/client/back-off.js';
import { defer } from '../support/cleanup.js';

/** The next delays of a client that never authenticates. */
const delays = (backOff: BackOff, count: number): number[] => Array.from({ length: count }, () => backOff.duration());

/** `Math.random()` returns this value until the test ends. */
function drawn(value: number): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(value);
  defer(() => random.mockRestore());
}

describe('the delay before the next attempt', () => {
  it('doubles with each failed attempt, up to the maximum', () => {
    const backOff = new BackOff({ min: 100, max: 1_000, jitter: 0 });
    expect(delays(backOff, 6)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('is short again after authentication succeeded', () => {
    const backOff = new BackOff({ min: 100, max: 1_000, jitter: 0 });
    delays(backOff, 3);
    backOff.succeeded();
    expect(delays(backOff, 2)).toEqual([100, 200]);
  });

  it('stays long when only a transport opened, which resets the number of attempts', () => {
    const backOff = new BackOff({ min: 100, max: 1_000, jitter: 0 });
    delays(backOff, 3);
    expect(backOff.attempts).toBe(3);
    backOff.reset();
    expect(backOff.attempts).toBe(0);
    expect(delays(backOff, 1)).toEqual([800]);
  });

  it.each([
    ['none', 0, [0, 0, 0]],
    ['half', 0.5, [50, 100, 150]],
    ['nearly all', 0.999_999, [100, 200, 300]],
  ])('with full jitter is %s of a bound that doubles', (_, random, expected) => {
    drawn(random);
    expect(delays(new BackOff({ min: 100, max: 300, jitter: undefined }), 3)).toEqual(expected);
  });

  it.each([
    ['shorter', 0, [50, 100]],
    ['longer', 1, [150, 300]],
  ])('with a randomizationFactor is %s by that factor', (_, random, expected) => {
    drawn(random);
    expect(delays(new BackOff({ min: 100, max: 1_000, jitter: 0.5 }), 2)).toEqual(expected);
  });

  it('lasts at least as long as the server asked for, capped at one minute', () => {
    vi.useFakeTimers({ now: 0, toFake: ['Date', 'performance'] });
    defer(() => vi.useRealTimers());
    const backOff = new BackOff({ min: 100, max: 1_000, jitter: 0 });
    backOff.notSooner(5_000);
    expect(backOff.duration()).toBe(5_100);
    vi.advanceTimersByTime(4_000);
    // Changes of the system clock, by a person or by NTP, have no effect.
    vi.setSystemTime(1e12);
    expect(backOff.duration()).toBe(1_200);
    backOff.notSooner(1e12);
    expect(backOff.duration()).toBe(60_400);
    vi.advanceTimersByTime(96_000);
    for (const nonsense of [-1, Number.NaN, '5000', null, undefined]) backOff.notSooner(nonsense);
    expect(backOff.duration()).toBe(800);
  });

  it('is reported to a listener until the listener is removed', () => {
    const backOff = new BackOff({ min: 100, max: 1_000, jitter: 0 });
    const told: number[] = [];
    const stop = backOff.onDelay((delay) => told.push(delay));
    delays(backOff, 2);
    stop();
    delays(backOff, 1);
    expect(told).toEqual([100, 200]);
  });

  it("is changed by Socket.IO's setters", () => {
    const backOff = new BackOff({ min: 100, max: 1_000, jitter: undefined });
    backOff.setMin(10);
    backOff.setMax(30);
    backOff.setJitter(0);
    expect(delays(backOff, 3)).toEqual([10, 20, 30]);
  });
});
