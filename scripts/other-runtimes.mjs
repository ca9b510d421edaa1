import { existsSync, realpathSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './run.mjs';

/** Bun uses another name. */
const BUN_ARCHITECTURES = { arm64: 'aarch64' };

/**
 * Path of the newest even Node.js, installed through npm into `.cache` on first use; `undefined` if there is none for
 * this system. `scripts/newest-node/package-lock.json` has its version and hashes.
 */
export function newestNode() {
  return provide('newest-node', 'node', (name) => name.endsWith(`${process.platform}-${process.arch}`));
}

/** The same for the oldest supported Bun, of `scripts/oldest-bun`. */
export function oldestBun() {
  const system = `${process.platform}-${BUN_ARCHITECTURES[process.arch] ?? process.arch}`;
  return provide('oldest-bun', 'bun', (name) => name.endsWith(system) || name.endsWith(`${system}-baseline`));
}

async function provide(folder, program, suits) {
  const manifest = fileURLToPath(new URL(`${folder}/`, import.meta.url));
  const { optionalDependencies } = JSON.parse(await readFile(join(manifest, 'package.json'), 'utf8'));
  const names = Object.keys(optionalDependencies).filter(suits);
  if (names.length === 0) return undefined;
  const home = join(root, '.cache', `${program}-${optionalDependencies[names[0]]}`);
  if (!existsSync(home)) await install(manifest, home);
  for (const name of names) {
    const path = join(home, 'node_modules', name, 'bin', program);
    // If a system has two, the second is for older processors.
    if (existsSync(path) && (await run(path, ['--version'], { quiet: true })).ok) return path;
  }
  throw new Error(`${names.join(' and ')} could not be installed, or does not run here.`);
}

async function install(manifest, home) {
  await mkdir(join(root, '.cache'), { recursive: true });
  const fresh = await mkdtemp(`${home}-`);
  try {
    await cp(manifest, fresh, { recursive: true });
    const { ok, output } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: fresh,
      quiet: true,
    });
    if (!ok) throw new Error(`${manifest} could not be installed:\n${output}`);
    // Another test run may have been faster. Its copy is the same.
    await rename(fresh, home).catch((error) => {
      if (!existsSync(home)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log((await newestNode()) ?? '');
}
