import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { root, run } from './run.mjs';

/**
 * Compiles `src` into `dist`. It compiles elsewhere and then moves over, one file at a time, what is new: a program or a
 * second test run that reads `dist` meanwhile never sees half a build, and no change at all where nothing changed.
 */
const dist = join(root, 'dist');
await mkdir(join(root, '.cache'), { recursive: true });
const fresh = await mkdtemp(join(root, '.cache', 'build-'));
try {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { ok } = await run(process.execPath, [compiler, '-p', 'tsconfig.json', '--outDir', fresh]);
  if (ok) await moveOver();
  else process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}

async function moveOver() {
  const built = await filesUnder(fresh);
  for (const file of built) await replace(join(fresh, file), join(dist, file));
  const stale = (await filesUnder(dist)).filter((file) => !built.includes(file));
  for (const file of stale) await rm(join(dist, file), { force: true });
}

async function replace(from, to) {
  const [ours, theirs] = await Promise.all([readFile(from), readFile(to).catch(() => undefined)]);
  if (theirs !== undefined && ours.equals(theirs)) return;
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}

async function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name).slice(folder.length + 1));
}
