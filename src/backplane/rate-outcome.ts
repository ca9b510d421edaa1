import { RateLimiterRes } from 'rate-limiter-flexible';

/** Milliseconds that the broker may take to answer. */
export const ANSWER_MS = 1_000;

/** The result of `consume()` of a limiter, which rejects if the points are used up: for how long. Rejects with any other error. */
export async function waitMsOf(consuming: Promise<unknown>): Promise<number> {
  try {
    await consuming;
    return 0;
  } catch (error) {
    if (error instanceof RateLimiterRes) return Math.max(0, error.msBeforeNext);
    throw error;
  }
}
