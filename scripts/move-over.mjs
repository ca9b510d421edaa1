import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Makes `folder` what `fresh` is, one file at a time, and only where something is new: who reads `folder` meanwhile never sees
 * half a file. Pages go last, since they name the other files.
 *
 * @param {string} fresh is used up
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

/** Paths below the folder; none where there is no folder. */
export async function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name).slice(folder.length + 1));
}
