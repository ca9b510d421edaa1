import { vi } from 'vitest';
import { defer } from './cleanup.js';

/** The backplane's clock in the hands of the test: sockets and their time-outs go on as they are. */
export function takeTheClock(): { ticks(count: number): void } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  defer(() => vi.useRealTimers());
  return {
    ticks: (count) => {
      vi.advanceTimersByTime(count * 1_000);
    },
  };
}

/** `performance.now()` in the hands of the test: it stands still between calls of `pass`. Timers go on as they are. */
export function takeTheTime(): { pass(ms: number): void } {
  // A whole number: with a fraction, "1 000 ms later" may come out as 999.999….
  let now = Math.ceil(performance.now());
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now);
  defer(() => spy.mockRestore());
  return {
    pass: (ms) => {
      now += ms;
    },
  };
}
