import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './run.mjs';

/**
 * Installs the tools of a folder beside this file on first use, so that the project's own `npm install` does not need
 * them. The folder's lock file has their versions and hashes. Resolves to the folder in `.cache` with their
 * `node_modules`.
 *
 * @param {string} name
 */
export async function toolsInstalled(name) {
  const manifest = fileURLToPath(new URL(`${name}/`, import.meta.url));
  const lock = await readFile(join(manifest, 'package-lock.json'));
  const home = join(root, '.cache', `${name}-${createHash('sha256').update(lock).digest('hex').slice(0, 12)}`);
  if (existsSync(home)) return home;
  await mkdir(join(root, '.cache'), { recursive: true });
  const fresh = await mkdtemp(`${home}-`);
  try {
    await cp(manifest, fresh, { recursive: true });
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    const { ok, output } = await run('npm', args, { cwd: fresh, quiet: true });
    if (!ok) throw new Error(`the tools of scripts/${name} could not be installed:\n${output}`);
    // Another run may have been faster. Its copy is the same.
    await rename(fresh, home).catch((error) => {
      if (!existsSync(home)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return home;
}
