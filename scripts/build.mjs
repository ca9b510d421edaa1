import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { moveOver } from './move-over.mjs';
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
  if (ok) await moveOver(fresh, dist);
  else process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}
