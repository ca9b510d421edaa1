import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildInto } from './build-into.mjs';
import { root, run } from './run.mjs';

const COMMONJS = join('scripts', 'commonjs');
const SOURCES = ['src', COMMONJS, 'scripts/build.mjs'];

/** Compiles `src` into `dist`, and as CommonJS into `dist/cjs`, unless that is what is there. */
const built = await buildInto('dist', SOURCES, async (fresh) => {
  return (await compile('tsconfig.json', fresh)) && (await compileCommonJs(join(fresh, 'cjs')));
});
if (!built) process.exitCode = 1;

async function compile(project, folder) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return (await run(process.execPath, [compiler, '-p', project, '--outDir', folder])).ok;
}

/**
 * The compiler decides by the nearest package.json whether a file becomes CommonJS. So it gets a copy of `src` that has another
 * one, and in which the files of `scripts/commonjs/src` stand for those that only an ES module can be.
 */
async function compileCommonJs(folder) {
  const copy = await mkdtemp(join(root, '.cache', 'commonjs-'));
  try {
    // Two levels below the project's folder, like the settings that are copied.
    await cp(join(root, 'src'), join(copy, 'src'), { recursive: true });
    await cp(join(root, COMMONJS), copy, { recursive: true, force: true });
    if (!(await compile(join(copy, 'tsconfig.json'), folder))) return false;
    await cp(join(copy, 'package.json'), join(folder, 'package.json'));
    return true;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
