import { vi } from 'vitest';
import { defer } from './cleanup.js';
import { eventually } from './facts.js';

/** The backplane's clock, controlled by the test. Sockets and their timeouts use real time. */
export function takeTheClock(): { ticks(count: number): void } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  defer(() => vi.useRealTimers());
  return {
    ticks: (count) => {
      vi.advanceTimersByTime(count * 1_000);
    },
  };
}

/** `performance.now()`, controlled by the test: it advances only with `pass`. Timers use real time. */
export function takeTheTime(): { pass(ms: number): void } {
  // A whole number: with a fraction, "1 000 ms later" could be 999.999….
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
 * Stops the time for a client of an unreachable Redis. `passAfter(attempts, ms)` advances it by `ms` once the client
 * has made that many connection attempts. One attempt more than its number of connections means that one has failed,
 * with a known error.
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
