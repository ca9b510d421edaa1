import { join } from 'node:path';
import { buildInto } from './build-into.mjs';
import { root, run } from './run.mjs';

/** Compiles `src` into `dist`, unless that is what is there. */
const built = await buildInto('dist', ['src', 'scripts/build.mjs'], async (fresh) => {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { ok } = await run(process.execPath, [compiler, '-p', 'tsconfig.json', '--outDir', fresh]);
  return ok;
});
if (!built) process.exitCode = 1;
