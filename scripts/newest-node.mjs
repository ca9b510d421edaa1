import { existsSync, realpathSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './run.mjs';

const manifest = fileURLToPath(new URL('newest-node/', import.meta.url));

/**
 * Path of the newest even Node.js, installed through npm into `.cache` on first use; `undefined` where none is made for this
 * system. Its version and hashes are those of `scripts/newest-node/package-lock.json`.
 */
export async function newestNode() {
  const { optionalDependencies } = JSON.parse(await readFile(join(manifest, 'package.json'), 'utf8'));
  const name = Object.keys(optionalDependencies).find((it) => it.endsWith(`${process.platform}-${process.arch}`));
  if (name === undefined) return undefined;
  const home = join(root, '.cache', `node-${optionalDependencies[name]}`);
  const path = join(home, 'node_modules', name, 'bin', 'node');
  if (!existsSync(path)) await install(home, path, name);
  return path;
}

async function install(home, path, name) {
  await mkdir(join(root, '.cache'), { recursive: true });
  const fresh = await mkdtemp(`${home}-`);
  try {
    await cp(manifest, fresh, { recursive: true });
    const { output } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: fresh,
      quiet: true,
    });
    const version = await run(path.replace(home, fresh), ['--version'], { quiet: true });
    if (!version.ok)
      throw new Error(`${name} could not be installed, or does not run here:\n${output}${version.output}`);
    // Another test run may have been quicker; its copy is as good.
    await rename(fresh, home).catch((error) => {
      if (!existsSync(path)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log((await newestNode()) ?? '');
}
