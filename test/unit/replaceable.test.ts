// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { keysOf, type Replaceable } from '../../src/fanout/replaceable.js';
import type { FanoutReport } from '../../src/fanout/reports.js';

function keys(replaceable: Replaceable) {
  const reports: FanoutReport[] = [];
  const keyOf = keysOf(replaceable, (report) => reports.push(report));
  return { reports, keyOf: (...args: unknown[]) => keyOf?.(args) };
}

const price = { price: (data: unknown) => (data as { symbol: string }).symbol };

describe('the coalescing key of a message', () => {
  it('is not computed if no topic is replaceable', () => {
    expect(keysOf(undefined, () => {})).toBeUndefined();
  });

  it('differs by topic and by name', () => {
    const { keyOf, reports } = keys({ a: (data) => data, b: (data) => data });
    const all = [keyOf('a', 'x'), keyOf('b', 'x'), keyOf('a', 'y'), keyOf('a', 1), keyOf('a', '1'), keyOf('a', '')];
    expect(new Set(all).size).toBe(all.length);
    expect(all).not.toContain(undefined);
    expect(keyOf('a', 'x')).toBe(all[0]);
    expect(reports).toEqual([]);
  });

  it('is undefined for every other topic, whatever its name is', () => {
    const { keyOf } = keys(price);
    for (const topic of ['other', 'constructor', '__proto__', 'toString', 1, undefined, Symbol('price')]) {
      expect(keyOf(topic, { symbol: 'a' })).toBeUndefined();
    }
    expect(keyOf()).toBeUndefined();
  });

  it('is undefined if the function returns undefined, which is allowed', () => {
    const { keyOf, reports } = keys(price);
    expect(keyOf('price', {})).toBeUndefined();
    expect(reports).toEqual([]);
  });

  it.each([
    [null],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [true],
    [1n],
    [{ symbol: 'a' }],
    [['a']],
    [Symbol('a')],
    [Promise.resolve('a')],
    [() => 'a'],
  ])('is undefined and reported if it would be the same for all messages (%s)', (odd) => {
    const { keyOf, reports } = keys({ price: () => odd });
    expect(keyOf('price', 1)).toBeUndefined();
    expect(reports).toEqual([{ type: 'handler_failed', where: 'replaceable["price"]', error: expect.any(TypeError) }]);
  });

  it('is undefined if the function rejects, without an unhandled rejection', () => {
    const { keyOf, reports } = keys({ price: async () => Promise.reject(new Error('odd')) });
    expect(keyOf('price', 1)).toBeUndefined();
    expect(reports).toEqual([{ type: 'handler_failed', where: 'replaceable["price"]', error: expect.any(TypeError) }]);
  });

  it('is undefined and reported if the function throws', () => {
    const { keyOf, reports } = keys(price);
    expect(keyOf('price', null)).toBeUndefined();
    expect(keyOf('price')).toBeUndefined();
    expect(reports.map(({ type }) => type)).toEqual(['handler_failed', 'handler_failed']);
  });
});
