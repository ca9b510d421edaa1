import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { newestNode } from './newest-node.mjs';
import { root, run } from './run.mjs';
import { provideSystemPackages } from './system-packages.mjs';

/**
 * `npm test`: everything, on this Node.js and on the newest even one.
 * `npm test -- test/unit -t name`: what follows `--` goes to Vitest, for one run on this Node.js without the checks.
 */
const filters = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) stop(`Node.js 20.19 or newer is needed; this is ${process.version}.`);
if (!(await provideSystemPackages())) stop('System packages are missing.');
if (filters.length === 0) await step('Style and types', () => run('npm', ['run', '--silent', 'check']));
await step('Build', () => run(process.execPath, ['scripts/build.mjs']));
await testOn(process.execPath, process.version);
if (filters.length === 0) await testOnNewest();
finish();

async function testOnNewest() {
  const newest = await newestNode().catch((error) => stop(error.message));
  if (newest === undefined) {
    console.log(
      `\nThere is no ready-made newest Node.js for ${process.platform} on ${process.arch}: not tested there.`,
    );
    return;
  }
  const { output } = await run(newest, ['--version'], { quiet: true });
  if (Number(output.slice(1).split('.')[0]) > major) await testOn(newest, output.trim());
}

async function testOn(node, version) {
  console.log(`\n== Tests on Node.js ${version}`);
  const report = join(root, '.cache', `report-${process.pid}-${version}.json`);
  await mkdir(join(root, '.cache'), { recursive: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { ok } = await run(node, [vitest, 'run', ...reporters, ...filters]);
  const result = existsSync(report) ? JSON.parse(await readFile(report, 'utf8')) : {};
  await rm(report, { force: true });
  total.passed += result.numPassedTests ?? 0;
  total.skipped += (result.numPendingTests ?? 0) + (result.numTodoTests ?? 0);
  // A file that does not load and an error that no test caught fail a run in which every test passed.
  total.failed += Math.max(result.numFailedTests ?? 0, ok ? 0 : 1);
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
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exit(total.failed > 0 || total.passed === 0 ? 1 : (process.exitCode ?? 0));
}
