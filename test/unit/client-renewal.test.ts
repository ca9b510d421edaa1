// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { describe, expect, it } from 'vitest';
import { renewalDelay } from '../../src/client/renewal.js';

const MINUTE = 60_000;
const CLIENTS = 10_000;

/** A generator of numbers from 0 to 1 that is the same in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('the time until access is renewed', () => {
  it.each([
    [24 * 60 * MINUTE, 23 * 60 * MINUTE + 50 * MINUTE, 23 * 60 * MINUTE + 55 * MINUTE],
    [60 * MINUTE, 50 * MINUTE, 55 * MINUTE],
    [10 * MINUTE, 2.5 * MINUTE, 5 * MINUTE],
    [5 * MINUTE, 1.25 * MINUTE, 2.5 * MINUTE],
    [1_000, 250, 500],
  ])('of %i ms lies between %i and %i ms', (life, earliest, latest) => {
    expect(renewalDelay(life, () => 0)).toBe(latest);
    expect(renewalDelay(life, () => 1)).toBe(earliest);
  });

  it.each([10 * MINUTE, 15 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE])(
    'spreads 10 000 clients with a token of %i ms: no bin of 10 s has twice the mean',
    (life) => {
      const random = seeded(7);
      const bins = new Map<number, number>();
      for (let client = 0; client < CLIENTS; client++) {
        // The tokens were issued in one second.
        const at = renewalDelay(life, random) + random() * 1_000;
        const bin = Math.floor(at / 10_000);
        bins.set(bin, (bins.get(bin) ?? 0) + 1);
      }
      const first = Math.min(...bins.keys());
      const last = Math.max(...bins.keys());
      const mean = CLIENTS / (last - first + 1);
      expect(last - first).toBeGreaterThanOrEqual(15);
      expect(Math.max(...bins.values())).toBeLessThanOrEqual(2 * mean);
    },
  );
});
