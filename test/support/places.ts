import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where tests run. The first two lines of every test file name its places, for the two commands that run tests:
 *
 *     // npm test: node, bun
 *     // npm run test:matrix: node+redis, bun+redis, newest-node
 *
 * A command that doesn't run the file has no line. Each place is a project of Vitest, so `--project bun` runs one of them.
 */
export const PLACES = {
  node: { runtime: 'node', redis: false, version: 'this Node.js' },
  'node+redis': { runtime: 'node', redis: true, version: 'this Node.js' },
  'newest-node': { runtime: 'node', redis: false, version: 'the newest even Node.js' },
  'newest-node+redis': { runtime: 'node', redis: true, version: 'the newest even Node.js' },
  bun: { runtime: 'bun', redis: false, version: 'the Bun of node_modules' },
  'bun+redis': { runtime: 'bun', redis: true, version: 'the Bun of node_modules' },
  'oldest-bun': { runtime: 'bun', redis: false, version: 'the oldest Bun that is supported' },
  'oldest-bun+redis': { runtime: 'bun', redis: true, version: 'the oldest Bun that is supported' },
} as const;

export type Place = keyof typeof PLACES;

/** The commands of package.json that run tests, by the name of their script. */
export const SUITES = { test: '// npm test: ', matrix: '// npm run test:matrix: ' } as const;
export type Suite = keyof typeof SUITES;

const TESTS = fileURLToPath(new URL('..', import.meta.url));

export interface TestFile {
  /** From the folder of the project, with slashes: `test/unit/depth.test.ts`. */
  readonly path: string;
  readonly places: Readonly<Record<Suite, readonly Place[]>>;
}

/** Every test file with its places. Throws if a file names no place, or one that doesn't exist. */
export function testFiles(): readonly TestFile[] {
  return readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => {
      const path = `test/${relative(TESTS, join(TESTS, name)).replaceAll('\\', '/')}`;
      return { path, places: placesIn(readFileSync(join(TESTS, name), 'utf8'), path) };
    })
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** The places that the first lines of a test file name. `path` is for the error message. */
export function placesIn(text: string, path: string): TestFile['places'] {
  const lines = text.split('\n', 2);
  const places = { test: placesAfter(SUITES.test, lines, path), matrix: placesAfter(SUITES.matrix, lines, path) };
  if (places.test.length + places.matrix.length > 0) return places;
  throw new Error(`${path}: the first line must be "${SUITES.test}<places>" or "${SUITES.matrix}<places>".`);
}

function placesAfter(words: string, lines: readonly string[], path: string): readonly Place[] {
  const line = lines.find((each) => each.startsWith(words));
  if (line === undefined) return [];
  return line
    .slice(words.length)
    .split(', ')
    .map((name) => {
      if (Object.hasOwn(PLACES, name)) return name as Place;
      throw new Error(`${path}: there is no place "${name}"; expected ${Object.keys(PLACES).join(', ')}.`);
    });
}

/** The files of a place, for one command or for both. */
export function filesOf(place: Place, suite: Suite | undefined, files = testFiles()): readonly string[] {
  const suites: readonly Suite[] = suite === undefined ? ['test', 'matrix'] : [suite];
  return files.filter(({ places }) => suites.some((each) => places[each].includes(place))).map(({ path }) => path);
}
