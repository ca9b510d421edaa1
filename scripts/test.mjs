import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { newestNode, oldestBun } from './other-runtimes.mjs';
import { root, run } from './run.mjs';
import { provideSystemPackages } from './system-packages.mjs';

/**
 * `npm test`: everything, on this Node.js and on the newest even one; suites over whole servers also against those on Bun, the
 * current one and the oldest that is supported.
 * `npm test -- test/unit -t name`: what follows `--` goes to Vitest, for one run on this Node.js without the checks.
 */
const filters = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
/** Told once more at the end: the log is thousands of lines, of which a service that runs the tests may keep the last ones only. */
const failures = [];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) stop(`Node.js 20.19 or newer is needed; this is ${process.version}.`);
if (!(await provideSystemPackages())) stop('System packages are missing.');
if (filters.length === 0) await step('Style and types', () => run('npm', ['run', '--silent', 'check']));
await step('Build', () => run(process.execPath, ['scripts/build.mjs']));
await testOn('this Node.js and the current Bun', process.execPath);
if (filters.length === 0) {
  await testOnNewestNode();
  await testOnOldestBun();
}
finish();

/** Servers on Bun are programs of their own, so that they don't run again for another Node.js. */
async function testOnNewestNode() {
  const newest = await found('Node.js', newestNode);
  if (newest === undefined) return;
  const { output } = await run(newest, ['--version'], { quiet: true });
  if (Number(output.slice(1).split('.')[0]) <= major) return;
  await testOn('the newest Node.js', newest, { ROOMGATE_TEST_RUNTIMES: 'node' });
}

async function testOnOldestBun() {
  const oldest = await found('Bun', oldestBun);
  if (oldest === undefined) return;
  const env = { ROOMGATE_TEST_RUNTIMES: 'bun', ROOMGATE_TEST_BUN: oldest };
  await testOn('the oldest Bun', process.execPath, env);
}

async function found(what, provide) {
  const path = await provide().catch((error) => stop(error.message));
  if (path === undefined) {
    console.log(`\nThere is no other ready-made ${what} for ${process.platform} on ${process.arch}: not tested there.`);
  }
  return path;
}

async function testOn(title, node, env = {}) {
  const { output } = await run(env.ROOMGATE_TEST_BUN ?? node, ['--version'], { quiet: true });
  console.log(`\n== Tests on ${title}: ${output.trim()}`);
  const report = join(root, '.cache', `report-${process.pid}-${output.trim()}.json`);
  await mkdir(join(root, '.cache'), { recursive: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'test-report.mjs')}`];
  const { ok } = await run(node, [vitest, 'run', ...reporters, ...filters], {
    env: { ...env, ROOMGATE_TEST_REPORT: report },
  });
  const isReported = existsSync(report);
  const result = isReported ? JSON.parse(await readFile(report, 'utf8')) : { passed: 0, skipped: 0, failures: [] };
  await rm(report, { force: true });
  total.passed += result.passed;
  total.skipped += result.skipped;
  if (ok && isReported) return;
  // A file that does not load and an error that no test caught fail a run in which every test passed.
  total.failed += Math.max(result.failures.length, 1);
  failures.push(
    `On ${title}:`,
    ...(result.failures.length > 0 ? result.failures : ['Vitest itself failed: see above.']),
  );
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

function finish() {
  if (failures.length > 0) console.log(`\n== What failed\n${failures.join('\n\n')}`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exit(total.failed > 0 || total.passed === 0 ? 1 : (process.exitCode ?? 0));
}
