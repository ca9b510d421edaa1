// npm test: node
// npm run test:matrix: newest-node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Expiries } from '../../src/session/expiry.js';
import { Heap } from '../../src/session/expiry-heap.js';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

function expiries() {
  const ended: string[] = [];
  return { ended, held: new Expiries<string>((item) => ended.push(item)) };
}
/** Moves the wall clock only. */
const moveClock = (ms: number): unknown => vi.setSystemTime(Date.now() + ms);
/** Lets time pass without a chance for timers, as code that blocks does. */
const block = (ms: number): void => {
  const { now } = performance;
  const later = now.call(performance) + ms;
  vi.spyOn(performance, 'now').mockImplementation(() => later);
  moveClock(ms);
};

describe('an item', () => {
  it('ends at its time by itself, within milliseconds', () => {
    const { ended, held } = expiries();
    held.add('a', Date.now() + 1_000);
    vi.advanceTimersByTime(997);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(ended).toEqual(['a']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends at a sweep, although the timer has had no chance', () => {
    const { ended, held } = expiries();
    held.add('a', Date.now() + 1_000);
    held.add('b', Date.now() + 3_000);
    block(2_000);
    expect([held.isOver('a'), held.isOver('b'), held.isOver('c')]).toEqual([true, false, false]);
    held.sweep();
    expect(ended).toEqual(['a']);
    vi.restoreAllMocks();
  });

  it('ends at once when the wall clock is set forward', () => {
    const { ended, held } = expiries();
    held.add('a', Date.now() + 60_000);
    moveClock(60_000);
    expect(held.isOver('a')).toBe(true);
    vi.advanceTimersByTime(50);
    expect(ended).toEqual(['a']);
  });

  it('ends no later when the wall clock is set back', () => {
    const { ended, held } = expiries();
    held.add('a', Date.now() + 1_000);
    moveClock(-3_600_000);
    vi.advanceTimersByTime(997);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(ended).toEqual(['a']);
  });

  it('ends no later when the wall clock is set back and the same end is set again', () => {
    const { ended, held } = expiries();
    const end = Date.now() + 1_000;
    held.add('a', end);
    moveClock(-3_600_000);
    vi.advanceTimersByTime(100);
    held.add('a', end);
    vi.advanceTimersByTime(897);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(ended).toEqual(['a']);
  });

  it('ends no earlier when the wall clock is set back and forward again', () => {
    const { ended, held } = expiries();
    held.add('old', Date.now() + 600_000);
    moveClock(-3_600_000);
    vi.advanceTimersByTime(1_000);
    held.add('new', Date.now() + 7_200_000);
    moveClock(3_600_000);
    vi.advanceTimersByTime(598_000);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(ended).toEqual(['old']);
  });

  it('has a new end after a renewal, and none after its removal', () => {
    const { ended, held } = expiries();
    for (const item of ['a', 'b', 'c']) held.add(item, Date.now() + 1_000);
    held.add('a', Date.now() + 5_000);
    held.remove('b');
    held.remove('unknown');
    vi.advanceTimersByTime(2_000);
    expect(ended).toEqual(['c']);
    vi.advanceTimersByTime(4_000);
    expect(ended).toEqual(['c', 'a']);
    expect(held.size).toBe(0);
  });
});

it('an item may cause a sweep when it ends, and be added again', () => {
  const ended: string[] = [];
  const held: Expiries<string> = new Expiries((item) => {
    ended.push(item);
    if (ended.length < 4) held.add('again', Date.now());
    held.sweep();
  });
  held.add('a', Date.now());
  held.add('b', Date.now());
  held.sweep();
  expect(ended.sort()).toEqual(['a', 'again', 'again', 'b']);
});

it('no timer runs without an item', () => {
  const { ended, held } = expiries();
  held.sweep();
  expect(vi.getTimerCount()).toBe(0);
  held.add('a', Date.now() + 10);
  held.add('b', Date.now() + 10);
  expect(vi.getTimerCount()).toBe(1);
  held.clear();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(ended).toEqual([]);
});

it('the heap returns random items in order, while others are removed', () => {
  interface Item {
    readonly key: number;
    at: number;
  }
  const heap = new Heap<Item>(
    ({ key }) => key,
    ({ at }) => at,
    (item, at) => {
      item.at = at;
    },
  );
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 50; round++) {
    const items = Array.from({ length: random(60) }, () => ({ key: random(40), at: -1 }));
    for (const item of items) heap.add(item);
    const kept = items.filter(() => random(3) > 0);
    for (const item of items) if (!kept.includes(item)) heap.remove(item);
    const keys: number[] = [];
    for (let first = heap.first; first !== undefined; first = heap.first) {
      keys.push(first.key);
      heap.remove(first);
    }
    expect(keys).toEqual(kept.map(({ key }) => key).sort((a, b) => a - b));
  }
});
