import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { filesOf, PLACES, type Place, type Suite, testFiles } from './test/support/places.js';

/**
 * Where a file runs stands in its first lines: see test/support/places.ts. `npm test` and `npm run test:matrix` set these two;
 * without them a run has all files, in every place that this Node.js can be.
 */
const suite = process.env.ROOMGATE_TEST_SUITE as Suite | undefined;
const isNewestNode = process.env.ROOMGATE_TEST_NODE === 'newest';

/** Files wait for servers, browsers and deadlines about as often as they compute. */
const WORKERS_PER_CORE = 2;

const files = testFiles();
const projects = (Object.keys(PLACES) as Place[]).filter(isReachable).map((name) => {
  const { runtime, redis, version } = PLACES[name];
  const env: Record<string, string> = { ROOMGATE_TEST_RUNTIME: runtime, ROOMGATE_TEST_BACKPLANE: redis ? 'redis' : '' };
  if (suite === 'matrix') env.ROOMGATE_TEST_LONG = 'yes';
  const oldest = process.env.ROOMGATE_TEST_OLDEST_BUN;
  if (version.startsWith('the oldest') && oldest !== undefined) env.ROOMGATE_TEST_BUN = oldest;
  return { name, include: [...filesOf(name, suite, files)], env };
});

/** Vitest runs its workers on the Node.js that it was started with. */
function isReachable(name: Place): boolean {
  if (filesOf(name, suite, files).length === 0) return false;
  if (name.startsWith('oldest-bun')) return !isNewestNode && process.env.ROOMGATE_TEST_OLDEST_BUN !== undefined;
  return name.startsWith('newest-node') === isNewestNode;
}

export default defineConfig({
  test: {
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    // The modules of `src` and of the tests are evaluated once per worker and not once per file, which is half of the time
    // of a small one. So a file leaves nothing behind in its process: `track` and `defer` end what it started.
    isolate: false,
    maxWorkers: WORKERS_PER_CORE * availableParallelism(),
    // Generous, for tests with many steps on a busy machine. Only a test that fails uses all of it.
    testTimeout: 60_000,
    // A folder that is made once for all tests may take two minutes.
    hookTimeout: 150_000,
    passWithNoTests: false,
    projects: projects.map((test) => ({ extends: true, test })),
  },
});
