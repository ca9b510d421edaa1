import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesUnder, moveOver } from './move-over.mjs';
import { root } from './run.mjs';

/** The inputs of every build, besides its own sources. npm writes the last file whenever it changes a package. */
export const COMMON = ['package.json', 'tsconfig.json', 'scripts/build-into.mjs', 'node_modules/.package-lock.json'];

/**
 * Builds `folder` from `sources`, unless it is up to date. It builds in another folder, and then moves the changed files, one at
 * a time. So a program or a second test run that reads `folder` meanwhile never sees half a build, and several builds can run at
 * the same time. If you edit an installed package by hand, remove `folder`.
 *
 * @param {string} folder a path in the project, like all paths here
 * @param {readonly string[]} sources the files and folders on which the result depends
 * @param {(fresh: string) => Promise<boolean>} build writes into `fresh`; resolves to whether it succeeded
 * @param {string} [project]
 * @returns {Promise<boolean>} false if the build failed
 */
export async function buildInto(folder, sources, build, project = root) {
  const cache = join(project, '.cache');
  const record = join(cache, `built-${folder.replaceAll('/', '-')}`);
  const hashOfSources = () => hashOf([...COMMON, ...sources], project);
  const before = await hashOfSources();
  // The record has hashes of the sources and of the result, so an edited or missing file of the result causes a new build.
  const known = await readFile(record, 'utf8').catch(() => undefined);
  if (before !== undefined && known === `${before} ${await hashOf([folder], project)}`) return true;
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(`${record}-`);
  try {
    if (!(await build(fresh))) return false;
    const made = await hashOf(['.'], fresh);
    await moveOver(fresh, join(project, folder));
    // If the sources were edited during the build, it may have read either version.
    if (before !== undefined && before === (await hashOfSources())) await writeFile(record, `${before} ${made}`);
    return true;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * `undefined` if a file is missing: another build may be removing it now, or npm's list of packages does not exist, which is
 * needed to notice a changed package.
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
