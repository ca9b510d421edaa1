// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { expect, it, vi } from 'vitest';
import { ReachTracker, thisMoment } from '../../src/backplane/reach-tracker.js';
import { Fence } from '../../src/gate/fence.js';
import { defer } from '../support/cleanup.js';

const HOUR_MS = 3_600_000;

/** A fence with one client, and the clocks of its machine, which stand still unless a test moves them. */
function build() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  defer(() => vi.useRealTimers());
  const moved = { wall: 0, monotonic: 0 };
  const [wall, monotonic] = [Date.now(), performance.now()];
  for (const spy of [
    vi.spyOn(Date, 'now').mockImplementation(() => wall + moved.wall),
    vi.spyOn(performance, 'now').mockImplementation(() => monotonic + moved.monotonic),
  ]) {
    defer(() => spy.mockRestore());
  }
  const reach = new ReachTracker();
  const reports: unknown[] = [];
  const fence = new Fence({ reach, fenceAfter: HOUR_MS, report: (report) => reports.push(report) });
  fence.attach(() => 1);
  return { reach, fence, moved, reports };
}

const FENCED = { type: 'fenced', afterMs: HOUR_MS, clients: 1 };

it.each(['wall', 'monotonic'] as const)('a fence is up once the %s clock says so', (clock) => {
  const { reach, fence, moved, reports } = build();
  reach.lost(thisMoment());
  moved[clock] = HOUR_MS - 1;
  fence.check();
  expect([fence.isUp, reports]).toEqual([false, []]);
  moved[clock] = HOUR_MS;
  expect(fence.isUp).toBe(true);
  fence.check();
  fence.check();
  expect(reports).toEqual([FENCED]);
});

it('a fence notices without traffic within 50 ms that the machine slept', () => {
  const { reach, moved, reports } = build();
  reach.lost(thisMoment());
  moved.wall = HOUR_MS;
  vi.advanceTimersByTime(50);
  expect(reports).toEqual([FENCED]);
  expect(vi.getTimerCount()).toBe(0);
});

it('a fence that is up stays up until Redis is back, also if the wall clock is set back', () => {
  const { reach, fence, moved, reports } = build();
  reach.lost(thisMoment());
  moved.wall = HOUR_MS;
  fence.check();
  moved.wall = 0;
  expect(fence.isUp).toBe(true);
  reach.back();
  expect(fence.isUp).toBe(false);
  reach.lost(thisMoment());
  moved.wall = HOUR_MS;
  fence.check();
  expect(reports).toEqual([FENCED, FENCED]);
});

it.each([['close'], ['back']] as const)('a fence has no timer after %s() of the reach', (method) => {
  const { reach, reports } = build();
  reach.lost(thisMoment());
  reach[method]();
  vi.advanceTimersByTime(2 * HOUR_MS);
  expect([vi.getTimerCount(), reports]).toEqual([0, []]);
});
