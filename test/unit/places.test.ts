// npm test: node
// npm run test:matrix: newest-node
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filesOf, PLACES, type Place, placesIn, SUITES, type Suite, testFiles } from '../support/places.js';

const suites = Object.keys(SUITES) as Suite[];

const SERVER_SUITES = /^test\/(abuse|behaviour)\//;

describe('every test file', () => {
  const files = testFiles();

  it('names each place once per command, and for both commands only if the long run tries more', () => {
    for (const { path, places } of files) {
      for (const suite of suites) expect([path, places[suite]]).toEqual([path, [...new Set(places[suite])]]);
      const isTwice = places.test.some((place) => places.matrix.includes(place));
      expect([path, isTwice && !readFileSync(path, 'utf8').includes('SETTING.long')]).toEqual([path, false]);
    }
    expect(files.map(({ path }) => path)).toContain('test/unit/places.test.ts');
  });

  it('runs in npm test, unless it is long and only the matrix runs it', () => {
    const late = files.filter(({ places }) => places.test.length === 0).map(({ path }) => path);
    expect(late).toEqual(['test/docs/api-reference-made.test.ts']);
  });

  it('that tests whole servers runs everywhere', () => {
    for (const { path, places } of files.filter((file) => SERVER_SUITES.test(file.path))) {
      const everywhere = Object.keys(PLACES).sort();
      expect([path, [...new Set([...places.test, ...places.matrix])].sort()]).toEqual([path, everywhere]);
      expect([path, places.test]).toEqual([path, ['node', 'bun']]);
    }
  });

  it('runs in this place because its first lines name it', () => {
    const { ROOMGATE_TEST_RUNTIME: runtime, ROOMGATE_TEST_BACKPLANE: backplane } = process.env;
    expect([runtime, backplane]).toEqual(['node', '']);
    const place: Place = process.env.ROOMGATE_TEST_NODE === 'newest' ? 'newest-node' : 'node';
    expect(filesOf(place, undefined)).toContain('test/unit/places.test.ts');
  });
});

describe('placesIn()', () => {
  it('reads a line for each command', () => {
    const text = '// npm test: node, bun\n// npm run test:matrix: newest-node\nimport it;\n';
    expect(placesIn(text, 'a.test.ts')).toEqual({ test: ['node', 'bun'], matrix: ['newest-node'] });
    expect(placesIn('// npm run test:matrix: bun+redis\n', 'a.test.ts')).toEqual({ test: [], matrix: ['bun+redis'] });
  });

  it.each([
    ['', 'the first line must be'],
    ['import it;\n\n// npm test: node\n', 'the first line must be'],
    ['// npm test: deno\n', 'no place "deno"'],
    ['// npm test: toString\n', 'no place "toString"'],
    ['// npm test: \n', 'no place ""'],
    ['// npm test: node,bun\n', 'no place "node,bun"'],
  ])('rejects %j', (text, message) => {
    expect(() => placesIn(text, 'a.test.ts')).toThrow(message);
    expect(() => placesIn(text, 'a.test.ts')).toThrow('a.test.ts');
  });
});
