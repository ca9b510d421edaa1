// npm test: node
// npm run test:matrix: newest-node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deeperThan } from '../../src/server/depth.js';

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 'leaf';
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('deeperThan', () => {
  it.each([
    ['lists', (inner: unknown) => [inner]],
    ['objects', (inner: unknown) => ({ inner })],
    ['both, beside flat ones', (inner: unknown) => [0, { a: {} }, inner]],
  ])('counts levels of %s', (_, wrap) => {
    expect(deeperThan(nested(64, wrap), 64)).toBe(depthOf(nested(64, wrap)) > 64);
    expect(deeperThan(nested(65, wrap), 64)).toBe(true);
  });

  it('takes what recursion would not', () => {
    expect(
      deeperThan(
        nested(500_000, (inner) => [inner]),
        64,
      ),
    ).toBe(true);
  });

  it('does not look into binary data', () => {
    expect(deeperThan([Buffer.alloc(8), new ArrayBuffer(8)], 1)).toBe(false);
  });

  it('agrees with a recursive count', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 7 }), (value, limit) => {
        expect(deeperThan(value, limit)).toBe(depthOf(value) > limit);
      }),
    );
  });
});
