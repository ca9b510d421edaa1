// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';
import { ReachTracker, thisMoment } from '../../src/backplane/reach-tracker.js';
import { HeldMessages } from '../../src/backplane/redis/held-messages.js';
import { defer } from '../support/cleanup.js';

const MOST = 10_000;
const MEGABYTE = 1_024 * 1_024;

/** Holds `count` messages of a kind, and records which are delivered. */
function fill(held: HeldMessages, kind: 'bus' | 'other', count: number, bytes = 1): string[] {
  const delivered: string[] = [];
  for (let number = 0; number < count; number++) held.add(kind, bytes, () => delivered.push(`${kind} ${number}`));
  return delivered;
}

describe('held messages', () => {
  it('are delivered in the order in which they arrived, once', () => {
    const held = new HeldMessages();
    expect(held.isHolding).toBe(false);
    held.begin();
    const delivered: number[] = [];
    for (const number of [1, 2, 3]) held.add(number === 2 ? 'bus' : 'other', 1, () => delivered.push(number));
    expect([held.isHolding, delivered]).toEqual([true, []]);
    held.ensureComplete();
    held.release();
    held.release();
    expect([held.isHolding, delivered]).toEqual([false, [1, 2, 3]]);
  });

  it('of an earlier connection are forgotten, and so is their overflow', () => {
    const held = new HeldMessages();
    held.begin();
    const earlier = fill(held, 'bus', MOST + 1);
    expect(() => held.ensureComplete()).toThrow('Too many messages');
    held.begin();
    const later = fill(held, 'bus', 1);
    held.ensureComplete();
    held.release();
    expect([earlier, later]).toEqual([[], ['bus 0']]);
  });

  it.each([
    ['10 000 messages', MOST, 1],
    ['16 MB', 16, MEGABYTE],
  ])('are at most %s: more broadcasts are dropped, more messages of the Bus are an error', (_, most, bytes) => {
    const held = new HeldMessages();
    held.begin();
    const broadcasts = fill(held, 'other', most + 5, bytes);
    held.ensureComplete();
    // Broadcasts take no space of the Bus.
    const messages = fill(held, 'bus', most, bytes);
    held.ensureComplete();
    fill(held, 'bus', 1, bytes);
    expect(() => held.ensureComplete()).toThrow('Too many messages');
    held.release();
    expect([broadcasts.length, messages.length]).toEqual([most, most]);
  });
});

describe('an absence', () => {
  it('includes time in which the machine slept, and is not shortened by a wall clock that goes back', () => {
    const reach = new ReachTracker();
    expect(reach.awayMs).toBe(0);
    const wall = vi.spyOn(Date, 'now');
    defer(() => wall.mockRestore());
    const now = performance.now();
    const monotonic = vi.spyOn(performance, 'now').mockReturnValue(now);
    defer(() => monotonic.mockRestore());
    wall.mockReturnValue(1_000_000);
    reach.lost(thisMoment());
    wall.mockReturnValue(1_000_000 + 7_200_000);
    expect([reach.awaySince, reach.awayMs]).toEqual([now, 7_200_000]);
    wall.mockReturnValue(0);
    monotonic.mockReturnValue(now + 5_000);
    expect(reach.awayMs).toBeCloseTo(5_000);
  });

  it('is told once, and keeps its first moment', () => {
    const reach = new ReachTracker();
    const changes: boolean[] = [];
    reach.onChange((isAway) => changes.push(isAway));
    reach.back();
    reach.lost({ at: 1, date: 1 });
    reach.lost({ at: 2, date: 2 });
    expect(reach.awaySince).toBe(1);
    reach.back();
    reach.lost({ at: 3, date: 3 });
    reach.close();
    expect([changes, reach.awaySince]).toEqual([[true, false, true], undefined]);
  });
});
