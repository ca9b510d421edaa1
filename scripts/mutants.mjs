/**
 * Proves that the tests notice faults: inserts one fault after the other into `src`, and expects the named test file to
 * fail. `node scripts/mutants.mjs [--only id,id] [--list] [--keep-going]`
 *
 * It works in a copy of the project, and exits with 1 if a mutant survived. Without `--keep-going` it stops at the
 * first one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultsOf, MUTANTS } from './mutants/list.mjs';
import { root, run } from './run.mjs';

/** Not copied: installed packages are linked, and the rest is built again or not needed. */
const LEFT_OUT = new Set(['.git', '.cache', 'node_modules', 'dist']);

/** Titles and reasons are cut after this many characters. */
const SHOWN = 160;

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, list: { type: 'boolean' }, 'keep-going': { type: 'boolean' } },
});
const wanted = options.only?.split(',');
const unknown = wanted?.filter((id) => !MUTANTS.some((mutant) => mutant.id === id)) ?? [];
const mutants = MUTANTS.filter(({ id }) => wanted?.includes(id) ?? true);
const faults = [...(await faultsOf(root)), ...unknown.map((id) => `${id}: there is no such mutant`)];

if (options.list)
  for (const { id, breaks, file, test, on } of mutants) console.log(`${id}: ${breaks}\n  ${file} by ${test} on ${on}`);
if (faults.length > 0) fail(faults.join('\n'));
else if (!options.list) await runAll().catch((error) => fail(error.message));

async function runAll() {
  const copy = await makeCopy();
  try {
    await proveAll(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function makeCopy() {
  const copy = await mkdtemp(join(await realpath(tmpdir()), 'roomgate-mutants-'));
  await cp(root, copy, { recursive: true, filter: (from) => !LEFT_OUT.has(basename(from)) });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  await allowUnusedNames(join(copy, 'tsconfig.json'));
  return copy;
}

/** A fault may leave a name unused, which the compiler would refuse. */
async function allowUnusedNames(path) {
  const settings = JSON.parse(await readFile(path, 'utf8'));
  Object.assign(settings.compilerOptions, { noUnusedLocals: false, noUnusedParameters: false });
  await writeFile(path, JSON.stringify(settings));
}

async function proveAll(copy) {
  if (!(await build(copy))) return fail('the project does not compile as it is');
  const broken = await brokenTests(copy);
  if (broken.length > 0) return fail(`without any mutant these fail:\n${broken.join('\n')}`);
  const start = Date.now();
  const survivors = [];
  for (const [at, mutant] of mutants.entries()) {
    const begin = Date.now();
    const { outcome, reason } = await prove(copy, mutant);
    const seconds = ((Date.now() - begin) / 1_000).toFixed(1);
    console.log(`${at + 1}/${mutants.length} ${mutant.id}: ${outcome}, ${seconds} s${reason && `\n    ${reason}`}`);
    if (outcome !== 'killed') survivors.push(`${mutant.id}: ${outcome} (${mutant.breaks})`);
    if (survivors.length > 0 && !options['keep-going']) break;
  }
  const seconds = Math.round((Date.now() - start) / 1_000);
  if (survivors.length > 0) fail(`not killed, of ${mutants.length}:\n${survivors.join('\n')}`);
  else console.log(`all ${mutants.length} mutants were killed, ${seconds} s`);
}

/** Runs each test file once without a mutant: a test file that fails anyway would kill every mutant. */
async function brokenTests(copy) {
  const runs = new Map(mutants.map((mutant) => [[mutant.on, mutant.test, mutant.only].join(' '), mutant]));
  const broken = [];
  for (const [name, mutant] of runs) {
    const { ok, passed, reason } = await runTest(copy, mutant);
    console.log(`unmutated ${name}: ${ok ? `${passed} passed` : 'FAILED'}`);
    if (!ok || passed === 0) broken.push(`${name}: ${reason || 'no test ran'}`);
  }
  return broken;
}

async function prove(copy, mutant) {
  const path = join(copy, mutant.file);
  const source = await readFile(path, 'utf8');
  await writeFile(
    path,
    source.replace(mutant.from, () => mutant.to),
  );
  try {
    if (!(await build(copy))) return { outcome: 'does not compile', reason: '' };
    const { ok, reason } = await runTest(copy, mutant);
    return { outcome: ok ? 'SURVIVED' : 'killed', reason };
  } finally {
    await writeFile(path, source);
  }
}

/** Some tests start programs that use the build, so changing `src` alone is not enough. */
async function build(copy) {
  const { ok, output } = await runNode(copy, ['scripts/build.mjs']);
  if (!ok) console.log(output.trim());
  return ok;
}

/** A signal ends only the child, which would look like a failed test. */
async function runNode(copy, args) {
  const outcome = await run(process.execPath, args, { cwd: copy, quiet: true });
  if (process.exitCode !== undefined) throw new Error('interrupted');
  return outcome;
}

/** Stops at the first failure, and returns its reason. */
async function runTest(copy, { test, on, only }) {
  const report = join(copy, '.cache', 'mutant.json');
  await rm(report, { force: true });
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const pattern = only === undefined ? [] : ['-t', only];
  const reporter = ['--bail=1', '--reporter=json', `--outputFile=${report}`];
  const { ok, output } = await runNode(copy, [vitest, 'run', test, '--project', on, ...pattern, ...reporter]);
  const { numPassedTests: passed = 0, testResults = [] } = existsSync(report) ? JSON.parse(readFileSync(report)) : {};
  return { ok, passed, reason: ok ? '' : (firstFailure(testResults) ?? output.trim().slice(-SHOWN)) };
}

function firstFailure(testResults) {
  const failed = testResults.flatMap(({ assertionResults }) => assertionResults).find((it) => it.status === 'failed');
  if (failed !== undefined) return `"${failed.fullName.slice(-SHOWN)}": ${oneLine(failed.failureMessages[0])}`;
  return testResults.map(({ message }) => oneLine(message)).find((message) => message !== '');
}

function oneLine(text = '') {
  return text.split('\n    at ')[0].replace(/\s+/g, ' ').slice(0, SHOWN);
}

function fail(text) {
  console.error(text);
  process.exitCode = 1;
}
