import { createHash } from 'node:crypto';
import { existsSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { eventually, isAlive } from './facts.js';

/** How long another process may take: compilers are slow on a busy machine. */
const PATIENCE_MS = 120_000;
/** A folder is removed if no test has used it for a day. */
const STALE_MS = 24 * 60 * 60 * 1_000;

/**
 * Resolves once `folder` exists. `make` fills it the first time; if several processes ask at once, one of them does.
 * The name ends in a hash of all inputs, such as `.cache/packed-0123abcd`, so an existing folder is up to date.
 * Folders with the same name and another hash are removed if no test has used them for a day.
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

/** True if this process holds the lock. */
function isTaken(lock: string): boolean {
  try {
    // A symbolic link to the process id: unlike a file, it is never visible without its content.
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

/** The folder appears complete, or not at all. */
async function makeWhole(folder: string, make: (fresh: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  await removeStale(folder);
  const fresh = await mkdtemp(`${folder}-`);
  try {
    await make(fresh);
    // Two processes can take over the lock of a dead process. Then a second, equal copy replaces the first.
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

/** A short hash of files, with their paths, and of strings. */
export async function hashOf(root: string, files: readonly string[], words: readonly string[] = []): Promise<string> {
  const hash = createHash('sha256');
  for (const word of words) hash.update(`${word.length}:${word}`);
  for (const file of [...files].sort()) {
    const content = await readFile(join(root, file));
    hash.update(`${file}:${content.length}:`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}
