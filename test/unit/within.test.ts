// npm test: node
// npm run test:matrix: newest-node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { within, withinOr } from '../../src/common/within.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new Promise<never>(() => {});

describe.each([
  ['within()', (work: Promise<string>) => within(work, 1_000, 'too late')],
  ['withinOr()', (work: Promise<string>) => withinOr(work, 1_000, 'too late')],
])('%s', (_, wait) => {
  it('resolves with the result of the work, and clears its timer', async () => {
    await expect(wait(Promise.resolve('done'))).resolves.toBe('done');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects with the error of the work, and clears its timer', async () => {
    await expect(wait(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ignores work that rejects after the timeout', async () => {
    let fail = (_: Error): void => {};
    const outcome = wait(new Promise((_, reject) => (fail = reject))).catch(String);
    await vi.advanceTimersByTimeAsync(1_000);
    fail(new Error('broken'));
    expect(await outcome).toContain('too late');
  });
});

it('within() rejects after the timeout', async () => {
  const outcome = within(never, 1_000, 'too late').catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toEqual(new Error('too late'));
});

it('withinOr() resolves with the given value after the timeout', async () => {
  const outcome = withinOr(never, 1_000, false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toBe(false);
});
