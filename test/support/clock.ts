import { vi } from 'vitest';
import { defer } from './cleanup.js';
import { eventually } from './facts.js';

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

/**
 * Stops the time for a client of a Redis that can't be reached. `passAfter(attempts, ms)` lets `ms` pass once the client has made
 * that many attempts to connect. One attempt more than it has connections means that one has failed, and left a reason.
 */
export function takeTheTimeOf(client: { duplicate(): unknown }): {
  passAfter(attempts: number, ms: number): Promise<void>;
} {
  const time = takeTheTime();
  const duplicate = vi.spyOn(client, 'duplicate');
  return {
    passAfter: async (attempts, ms) => {
      await eventually(() => duplicate.mock.calls.length >= attempts);
      time.pass(ms);
    },
  };
}
