import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesUnder, moveOver } from './move-over.mjs';
import { root } from './run.mjs';

/** What every build depends on besides its own sources. npm writes the last one, whenever it changes a package. */
export const COMMON = ['package.json', 'tsconfig.json', 'scripts/build-into.mjs', 'node_modules/.package-lock.json'];

/**
 * Makes `folder` what `build` makes of `sources`, unless it is that already. It builds elsewhere and then moves over, one file
 * at a time, what is new: a program or a second test run that reads `folder` meanwhile never sees half a build, and no change
 * at all where nothing changed. So several may run at once. After an edit of a package by hand, remove `folder`.
 *
 * @param {string} folder below the project's, like all paths here
 * @param {readonly string[]} sources files and folders: all that the result depends on
 * @param {(fresh: string) => Promise<boolean>} build writes into `fresh`; resolves to whether it succeeded
 * @param {string} [project]
 * @returns {Promise<boolean>} false where the build failed
 */
export async function buildInto(folder, sources, build, project = root) {
  const cache = join(project, '.cache');
  const record = join(cache, `built-${folder.replaceAll('/', '-')}`);
  const hashOfSources = () => hashOf([...COMMON, ...sources], project);
  const before = await hashOfSources();
  // It tells what the sources became, not that they were built: an edited or missing file of the result is noticed too.
  const known = await readFile(record, 'utf8').catch(() => undefined);
  if (before !== undefined && known === `${before} ${await hashOf([folder], project)}`) return true;
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(`${record}-`);
  try {
    if (!(await build(fresh))) return false;
    const made = await hashOf(['.'], fresh);
    await moveOver(fresh, join(project, folder));
    // Of sources that were edited meanwhile nobody knows which version was read.
    if (before !== undefined && before === (await hashOfSources())) await writeFile(record, `${before} ${made}`);
    return true;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * `undefined` where something is missing: a file that another build takes away at this moment, or npm's list of the packages,
 * without which nobody tells when they change.
 */
async function hashOf(paths, base) {
  const hash = createHash('sha256');
  try {
    for (const path of paths.map((it) => join(base, it))) {
      const isFolder = (await stat(path)).isDirectory();
      const files = isFolder ? (await filesUnder(path)).sort() : [''];
      for (const file of files) hash.update(`${file}\0`).update(await hashOfFile(join(path, file)));
      hash.update('\0');
    }
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

async function hashOfFile(path) {
  return createHash('sha256')
    .update(await readFile(path))
    .digest();
}
