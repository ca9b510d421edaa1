// npm test: node
import { describe, expect, test } from 'vitest';
import { CLOSE, PINNED } from '../../scripts/latest/list.mjs';
import { allRanges, FLOORS, oldestIn, paper } from './versions.js';

describe('package.json', () => {
  test('allows no version below the floors', async () => {
    const ranges = await allRanges();
    const oldest = Object.keys(FLOORS).map((name) => [name, oldestIn(ranges[name] ?? '')]);
    expect(Object.fromEntries(oldest)).toEqual(FLOORS);
  });

  test('allows the oldest versions in SECURITY.md', async () => {
    const sentence = /The oldest versions that are allowed.*?\.(?=\s)/s.exec(await paper('SECURITY.md'))?.[0] ?? '';
    const named = [...sentence.matchAll(/([a-z][\w.-]*)\s(\d+\.\d+\.\d+)/g)];
    expect(Object.fromEntries(named.map(([, name, version]) => [name, version]))).toEqual(FLOORS);
  });

  test('allows the versions in CHANGELOG.md', async () => {
    const ranges = await allRanges();
    const [item = ''] =
      /- Packages whose internals are used are allowed .*?(?=\n- )/s.exec(await paper('CHANGELOG.md')) ?? [];
    // The range of a package is the first one after its name: socket.io and socket.io-client `~4.8.4`.
    const text = item.replaceAll('`', '').replaceAll(/\s+/g, ' ');
    for (const name of PINNED) {
      const start = text.search(new RegExp(`(?<![\\w/-])${name}(?![\\w-])`));
      const range = /~\d+\.\d+\.\d+(?: \|\| ~\d+\.\d+\.\d+)*/.exec(start < 0 ? '' : text.slice(start))?.[0] ?? '';
      expect(range, name).toBe(ranges[name]);
    }
  });

  test('names minor versions of each package whose private members are used', async () => {
    const ranges = await allRanges();
    for (const name of PINNED) {
      // Several for ws only: releases of engine.io 6.6 require different ones.
      const minors = (ranges[name] ?? '').split(' || ');
      for (const minor of minors) expect(minor, name).toMatch(/^~\d+\.\d+\.\d+$/);
      expect(minors.length, name).toBe(name === 'ws' ? 2 : 1);
    }
    for (const name of CLOSE) expect(ranges[name], name).toMatch(/^[~^]\d+\.\d+\.\d+(?: \|\| \^\d+\.0\.0)?$/);
  });
});
