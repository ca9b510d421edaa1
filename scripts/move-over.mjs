import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces the contents of `folder` with those of `fresh`, one file at a time, and only changed ones: a reader of
 * `folder` never sees half a file. Pages are replaced last, since they link to the other files.
 *
 * @param {string} fresh is moved away
 * @param {string} folder on the same disk
 */
export async function moveOver(fresh, folder) {
  const built = (await filesUnder(fresh)).sort((one, other) => isPage(one) - isPage(other));
  for (const file of built) await replace(join(fresh, file), join(folder, file));
  const stale = (await filesUnder(folder)).filter((file) => !built.includes(file));
  for (const file of stale) await rm(join(folder, file), { force: true });
}

function isPage(file) {
  return basename(file).endsWith('.html') ? 1 : 0;
}

async function replace(from, to) {
  const [ours, theirs] = await Promise.all([readFile(from), readFile(to).catch(() => undefined)]);
  if (theirs !== undefined && ours.equals(theirs)) return;
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}

/** Paths below the folder; empty if it does not exist. */
export async function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name).slice(folder.length + 1));
}
