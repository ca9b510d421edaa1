// npm test: node
// npm run test:matrix: newest-node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deeperThan } from '../../src/common/depth.js';

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

  it.each([64, 256, 257, 100_000])(
    'finds 500 000 levels too deep for a limit of %i without a stack overflow',
    (limit) => {
      const deep = nested(500_000, (inner) => [inner]);
      expect(deeperThan(deep, limit)).toBe(true);
      expect(deeperThan([{ a: 1 }, deep], limit)).toBe(true);
    },
  );

  it('looks at nothing without a limit', () => {
    let reads = 0;
    const watched = {
      get inner() {
        reads += 1;
        return [];
      },
    };
    expect(deeperThan([watched], Number.POSITIVE_INFINITY)).toBe(false);
    expect(reads).toBe(0);
    expect(deeperThan([watched], 64)).toBe(false);
    expect(reads).toBe(1);
  });

  it.each([256, 257, 512, 513, 1_000])('counts exactly with a limit of %i', (limit) => {
    for (const wrap of [(inner: unknown) => [0, inner], (inner: unknown) => ({ a: 0, inner })]) {
      expect(deeperThan(nested(limit, wrap), limit)).toBe(false);
      expect(deeperThan(nested(limit + 1, wrap), limit)).toBe(true);
    }
  });

  it('checks a property named __proto__', () => {
    expect(deeperThan(JSON.parse('{"__proto__":{"a":{}}}'), 2)).toBe(true);
    expect(deeperThan(JSON.parse('{"__proto__":{"a":{}}}'), 3)).toBe(false);
  });

  it('does not walk binary data', () => {
    expect(deeperThan([Buffer.alloc(8), new ArrayBuffer(8)], 1)).toBe(false);
    expect(deeperThan({ a: Buffer.alloc(8), b: new ArrayBuffer(8) }, 1)).toBe(false);
    expect(deeperThan(Buffer.alloc(8), 0)).toBe(false);
    expect(deeperThan([Buffer.alloc(8)], 300)).toBe(false);
    for (const levels of [256, 512]) {
      expect(
        deeperThan(
          nested(levels, (inner) => [Buffer.alloc(8), inner]),
          levels,
        ),
      ).toBe(false);
    }
  });

  it('agrees with a recursive count', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 7 }), (value, limit) => {
        expect(deeperThan(value, limit)).toBe(depthOf(value) > limit);
        expect(
          deeperThan(
            nested(300, (inner) => [inner, value]),
            300 + limit,
          ),
        ).toBe(depthOf(value) > limit);
      }),
    );
  });
});
