import { defineConfig } from 'vitest/config';

/** Suites over whole servers, which are programs of their own: they run wherever a server can. */
const EVERYWHERE = ['test/abuse/**/*.test.ts', 'test/behaviour/**/*.test.ts'];

/** The example chat, which brings its Redis along; without what is about its page only. */
const CHAT = [
  'test/integration/start.test.ts',
  'test/integration/chat-*.test.ts',
  'test/e2e/chat-people.test.ts',
  'test/e2e/chat-connection.test.ts',
];

/** What there is on Bun only. */
const ON_BUN = ['test/bun/**/*.test.ts', 'test/docs/bun.test.ts', 'test/docs/recipes/bun.test.ts'];
/** What is played against one server of each runtime, and what programs with a client do on each. */
const ON_BOTH = ['test/docs/protocol.test.ts', 'test/integration/client-shutdown.test.ts'];

/** The runtimes of servers to test on; `npm test` goes through the versions of each. */
const runtimes = (process.env.ROOMGATE_TEST_RUNTIMES ?? 'node,bun').split(',');

const projects = [
  { name: 'node', include: ['test/**/*.test.ts'], exclude: ON_BUN, env: {} },
  { name: 'node, redis', include: EVERYWHERE, env: { ROOMGATE_TEST_BACKPLANE: 'redis' } },
  { name: 'bun', include: [...EVERYWHERE, ...ON_BOTH, ...CHAT, ...ON_BUN], env: { ROOMGATE_TEST_RUNTIME: 'bun' } },
  { name: 'bun, redis', include: EVERYWHERE, env: { ROOMGATE_TEST_RUNTIME: 'bun', ROOMGATE_TEST_BACKPLANE: 'redis' } },
];

export default defineConfig({
  test: {
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    // Two files at a time: tests of time-outs must not starve each other of the processor.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
    projects: projects
      .filter(({ name }) => runtimes.some((runtime) => name.startsWith(runtime)))
      .map((test) => ({ extends: true, test })),
  },
});
