import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { newestNode, oldestBun } from './other-runtimes.mjs';
import { root, run } from './run.mjs';
import { provideSystemPackages } from './system-packages.mjs';

/**
 * `npm test`: style, types, build, and every test once on this Node.js; whole-server suites also on the current Bun.
 * `npm run test:matrix`: the other places, which are the newest Node.js, the oldest Bun, and Redis on each of them;
 * and all long tests. The first lines of each test file name its places: see test/support/places.ts.
 *
 * Arguments go to Vitest, for one run without the checks: `npm test -- test/unit -t name`.
 */
const args = process.argv.slice(2);
const suite = args.includes('--matrix') ? 'matrix' : 'test';
const filters = args.filter((arg) => arg !== '--matrix');
const total = { passed: 0, failed: 0, skipped: 0 };
/** Printed again at the end: a CI service may keep only the last lines of a log. */
const failures = [];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) stop(`Node.js 20.19 or newer is needed; this is ${process.version}.`);
if (!(await provideSystemPackages())) stop('System packages are missing.');
if (suite === 'test' && filters.length === 0) await step('Style, types and build', () => npm('check'));
else await step('Build', () => run(process.execPath, ['scripts/build.mjs']));
// Once here, before several test files need it at the same time.
await step('Build of the chat', () => run(process.execPath, ['scripts/build-chat.mjs']));
if (suite === 'test') await testOn(process.execPath);
else await testMatrix();
finish();

async function testMatrix() {
  const [newest, oldest] = await Promise.all([found('Node.js', newestNode), found('Bun', oldestBun)]);
  await testOn(process.execPath, oldest === undefined ? {} : { ROOMGATE_TEST_OLDEST_BUN: oldest });
  if (newest === undefined) return;
  const { output } = await run(newest, ['--version'], { quiet: true });
  if (Number(output.slice(1).split('.')[0]) > major) await testOn(newest, { ROOMGATE_TEST_NODE: 'newest' });
}

async function found(what, provide) {
  const path = await provide().catch((error) => stop(error.message));
  if (path === undefined) console.log(`\nNo other ${what} is published for ${process.platform} on ${process.arch}.`);
  return path;
}

/** One run of Vitest on the given Node.js, in all places of the suite for this Node.js. */
async function testOn(node, env = {}) {
  const { output } = await run(node, ['--version'], { quiet: true });
  const title = `Node.js ${output.trim()}`;
  console.log(`\n== Tests with ${title}`);
  const report = join(root, '.cache', `report-${process.pid}-${output.trim()}.json`);
  await mkdir(join(root, '.cache'), { recursive: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'test-report.mjs')}`];
  const { ok } = await run(node, [vitest, 'run', ...reporters, ...filters], {
    env: { ...env, ROOMGATE_TEST_SUITE: suite, ROOMGATE_TEST_REPORT: report },
  });
  const isReported = existsSync(report);
  const result = isReported ? JSON.parse(await readFile(report, 'utf8')) : { passed: 0, skipped: 0, failures: [] };
  await rm(report, { force: true });
  total.passed += result.passed;
  total.skipped += result.skipped;
  if (ok && isReported) return;
  // A file that doesn't load, or an error outside of a test, fails a run in which every test passed.
  total.failed += Math.max(result.failures.length, 1);
  failures.push(
    `With ${title}:`,
    ...(result.failures.length > 0 ? result.failures : ['Vitest itself failed: see above.']),
  );
}

function npm(script) {
  return run('npm', ['run', '--silent', script]);
}

async function step(title, action) {
  console.log(`\n== ${title}`);
  const { ok } = await action();
  if (!ok) stop(`${title}: failed.`);
}

function stop(why) {
  console.error(why);
  total.failed += 1;
  finish();
}

/** The test's name and the start of its error. */
function inShort(failure) {
  const [title, error = ''] = failure.split('\n', 2);
  return error === '' ? title : `${title}\n  ${error.slice(0, 200)}`;
}

function finish() {
  if (failures.length > 0) {
    console.log(`\n== What failed\n${failures.join('\n\n')}`);
    // CI keeps only the end of a log, so the last lines name every failure.
    console.log(`\n== In short\n${failures.map(inShort).join('\n')}`);
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exit(total.failed > 0 || total.passed === 0 ? 1 : (process.exitCode ?? 0));
}
