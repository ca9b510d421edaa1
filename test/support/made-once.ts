import { createHash } from 'node:crypto';
import { existsSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { eventually, isAlive } from './facts.js';

/** How long another process may take: on a busy machine compilers are slow. */
const PATIENCE_MS = 120_000;
/** After a day without any use a folder is removed. */
const STALE_MS = 24 * 60 * 60 * 1_000;

/**
 * Resolves once `folder` is there. `make` fills it the first time; of several processes that ask at once, one does. Its name ends
 * in a hash of everything that it is made from, as `.cache/packed-0123abcd` does: one that is there is up to date. Others of that
 * name, with another hash, are removed when no test has used them for a day.
 */
export async function madeOnce(folder: string, make: (fresh: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const lock = `${folder}.lock`;
  const found = await eventually(() => (existsSync(folder) ? 'made' : isTaken(lock) && 'mine'), {
    ...{ timeout: PATIENCE_MS, what: `${folder}, which another process makes` },
  });
  if (found === 'mine') await makeWhole(folder, make).finally(() => rm(lock, { force: true }));
  const now = new Date();
  await utimes(folder, now, now);
}

/** Whether this process has the lock now. */
function isTaken(lock: string): boolean {
  try {
    // A link that leads to the number of the process: unlike a file it is never there without its content.
    symlinkSync(`${process.pid}`, lock);
    return true;
  } catch {
    if (!isAlive(ownerOf(lock))) rmSync(lock, { force: true });
    return false;
  }
}

function ownerOf(lock: string): number {
  try {
    return Number(readlinkSync(lock));
  } catch {
    return 0;
  }
}

/** The folder appears with all that is in it, or not at all. */
async function makeWhole(folder: string, make: (fresh: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  await removeStale(folder);
  const fresh = await mkdtemp(`${folder}-`);
  try {
    await make(fresh);
    // The lock of a process that has died may be taken twice. Then another copy is there, as good as this one.
    await rename(fresh, folder).catch((error) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function removeStale(folder: string): Promise<void> {
  const kind = basename(folder).replace(/[^-]*$/, '');
  for (const name of await readdir(dirname(folder))) {
    const other = join(dirname(folder), name);
    if (!name.startsWith(kind) || name.endsWith('.lock')) continue;
    const { mtimeMs = Date.now() } = (await stat(other).catch(() => undefined)) ?? {};
    if (mtimeMs < Date.now() - STALE_MS) await rm(other, { recursive: true, force: true });
  }
}

/** A short hash over files, with their paths, and over words. */
export async function hashOf(root: string, files: readonly string[], words: readonly string[] = []): Promise<string> {
  const hash = createHash('sha256');
  for (const word of words) hash.update(`${word.length}:${word}`);
  for (const file of [...files].sort()) {
    const content = await readFile(join(root, file));
    hash.update(`${file}:${content.length}:`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}
