/**
 * Tests this project with the newest release of each package whose internals it uses: `npm run test:latest`.
 *
 * A copy of the project in `.cache/latest` installs those releases, even if package.json does not allow them, and runs
 * the tests of `scripts/latest/list.mjs`. With `--again` nothing is installed: the tests use the packages in the copy,
 * which you may have edited. Paths select tests: `npm run test:latest -- --again test/unit`.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { BROUGHT, CLOSE, PINNED, PROGRAMS, TESTS } from './latest/list.mjs';
import { root, run } from './run.mjs';
import { provideSystemPackages } from './system-packages.mjs';

const COPY = join(root, '.cache', 'latest');
/** Not copied. The copy keeps its installed packages, so that a second run is quick. */
const LEFT_OUT = new Set(['.git', '.cache', 'node_modules', 'dist']);
/** Fails within seconds without a network. */
const ONCE = ['--fetch-retries=1', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=500', '--prefer-online'];
const SECTIONS = ['dependencies', 'devDependencies', 'peerDependencies'];
const SHOWN_LINES = 20;
const ALL = [...PINNED, ...CLOSE, ...BROUGHT];

const { values: options, positionals } = parseArgs({ options: { again: { type: 'boolean' } }, allowPositionals: true });
const tests = positionals.length > 0 ? positionals : TESTS;
await main().catch((error) => {
  console.error(`\ntest:latest: ${error.message}`);
  process.exitCode = 1;
});

async function main() {
  if (!(await provideSystemPackages(PROGRAMS))) throw new Error('System packages are missing.');
  if (options.again && !existsSync(join(COPY, 'node_modules'))) {
    throw new Error('--again: expected a copy of an earlier run, found none. Run it without --again first.');
  }
  const newest = options.again ? undefined : await newestVersions();
  await copyProject(newest);
  if (newest !== undefined) await install();
  const versions = await installedVersions();
  console.log(`\n== Versions\n${versions.join('\n')}`);
  await step('Build', [join('scripts', 'build.mjs')], 'it does not compile with these versions');
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  await step('Tests', [vitest, 'run', ...tests], 'a test failed, so one of these packages may have changed inside');
  console.log(`\ntest:latest passed with\n${versions.join('\n')}`);
}

/** The newest version of each package, by name. */
async function newestVersions() {
  const names = [...PINNED, ...CLOSE];
  console.log(`Looking up the newest versions of ${names.join(', ')}`);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await newestVersion(name)])));
}

async function newestVersion(name) {
  const { ok, output } = await run('npm', ['view', name, 'dist-tags.latest', '--json', '--loglevel=error', ...ONCE], {
    quiet: true,
  });
  const [version] = /(?<=^")\d+\.\d+\.\d+[^"]*(?="$)/m.exec(output) ?? [];
  if (ok && version !== undefined) return version;
  const [why = lastLines(output)] = /(?<="summary": ").+(?=")/.exec(output) ?? [];
  throw new Error(`npm could not look up the newest version of ${name}. This command needs a network.\n${why}`);
}

/** `newest` are the versions for package.json; without it the copy keeps its package.json. */
async function copyProject(newest) {
  await mkdir(COPY, { recursive: true });
  const kept = newest === undefined ? ['package.json', 'package-lock.json'] : [];
  for (const name of await readdir(COPY)) {
    if (!LEFT_OUT.has(name) && !kept.includes(name)) await rm(join(COPY, name), { recursive: true, force: true });
  }
  for (const name of await readdir(root)) {
    if (LEFT_OUT.has(name) || kept.includes(name)) continue;
    await cp(join(root, name), join(COPY, name), { recursive: true, filter: (from) => !LEFT_OUT.has(basename(from)) });
  }
  if (newest === undefined) return;
  const path = join(COPY, 'package.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  for (const section of SECTIONS) {
    for (const name of Object.keys(manifest[section] ?? {}))
      manifest[section][name] = newest[name] ?? manifest[section][name];
  }
  await writeFile(path, JSON.stringify(manifest, null, 2));
}

/** The project's lock file keeps all other versions. */
async function install() {
  console.log('Installing them into .cache/latest');
  // npm would keep a package that was edited there.
  for (const name of ALL) await rm(join(COPY, 'node_modules', name), { recursive: true, force: true });
  await rm(join(COPY, 'node_modules', '.package-lock.json'), { force: true });
  await unlock(BROUGHT);
  const { ok, output } = await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...ONCE], {
    cwd: COPY,
    quiet: true,
  });
  if (!ok) throw new Error(`npm could not install the newest versions.\n${lastLines(output)}`);
}

/** For packages that are not in the lock file, npm installs the newest version. */
async function unlock(names) {
  const path = join(COPY, 'package-lock.json');
  const lock = JSON.parse(await readFile(path, 'utf8'));
  for (const name of names) {
    for (const place of placesOf(name, lock.packages)) delete lock.packages[place];
  }
  await writeFile(path, JSON.stringify(lock, null, 2));
}

/** The folders where a package is installed: several if other packages need another version. */
function placesOf(name, packages) {
  return Object.keys(packages).filter((path) => path.endsWith(`node_modules/${name}`));
}

/** One line per package; with several versions if other packages need another one. */
async function installedVersions() {
  const { packages } = JSON.parse(await readFile(join(COPY, 'package-lock.json'), 'utf8'));
  return ALL.map((name) => {
    const versions = placesOf(name, packages).map((path) => `${packages[path].version}${ownerIn(path)}`);
    return `${name} ${versions.join(', ')}`;
  });
}

function ownerIn(path) {
  const [, owner] = /^node_modules\/(.+)\/node_modules\//.exec(path) ?? [];
  return owner === undefined ? '' : ` (of ${owner})`;
}

async function step(title, args, failure) {
  console.log(`\n== ${title}`);
  const env = { ROOMGATE_TEST_SUITE: 'test' };
  if (!(await run(process.execPath, args, { cwd: COPY, env })).ok) throw new Error(`${failure}: see above.`);
}

function lastLines(output) {
  return output.trim().split('\n').slice(-SHOWN_LINES).join('\n');
}
