import { vi } from 'vitest';
import { defer } from './cleanup.js';

interface Entry {
  readonly at: number;
  /** The order in which timers were made. */
  readonly order: number;
  readonly act: () => void;
  cleared: boolean;
}

export interface VirtualTime {
  now(): number;
  /** Runs all timers of the next `ms` milliseconds, and what follows from each before the next one. */
  pass(ms: number): Promise<void>;
}

/**
 * `performance.now()`, `setTimeout()` and `Math.random()` of a simulation: time passes only with `pass`, and the seed decides on all random
 * numbers. Unlike fake timers of Vitest, it is fast with tens of thousands of timers.
 */
export function simulateTime(seed: number): VirtualTime {
  let now = 0;
  let made = 0;
  const heap: Entry[] = [];
  const setTimer = (act: () => void, ms = 0): object => {
    const entry: Entry = { at: now + Math.max(1, ms), order: made++, act, cleared: false };
    push(heap, entry);
    return Object.assign(entry, { unref: () => entry });
  };
  const clearTimer = (entry: Entry | undefined): void => {
    if (entry !== undefined) entry.cleared = true;
  };
  const spies = [
    vi.spyOn(performance, 'now').mockImplementation(() => now),
    vi.spyOn(Math, 'random').mockImplementation(randomOf(seed)),
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(setTimer as never),
    vi.spyOn(globalThis, 'clearTimeout').mockImplementation(clearTimer as never),
  ];
  defer(() => {
    for (const spy of spies) spy.mockRestore();
  });
  return {
    now: () => now,
    pass: async (ms) => {
      const end = now + ms;
      for (let next = heap[0]; next !== undefined && next.at <= end; next = heap[0]) {
        pop(heap);
        if (next.cleared) continue;
        now = next.at;
        next.act();
        await settled();
      }
      now = end;
      await settled();
    },
  };
}

/** Until all promises that can settle without a timer have settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.push(entry) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(entry, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const left = heap[2 * index + 1];
    const right = heap[2 * index + 2];
    const isRight = left !== undefined && right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (child === undefined || !isBefore(child, last)) break;
    heap[index] = child;
    index = 2 * index + (isRight ? 2 : 1);
  }
  heap[index] = last;
}
