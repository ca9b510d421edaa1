import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildInto } from './build-into.mjs';
import { filesUnder } from './move-over.mjs';
import { root, run } from './run.mjs';

/** The settings of the compiler for each part, and the folder of that part. The comments of the code stay in `src`. */
const PARTS = { 'tsconfig.commonjs.json': 'cjs', 'tsconfig.declarations.json': 'cjs', 'tsconfig.esm.json': 'esm' };
const SOURCES = ['src', ...Object.keys(PARTS), 'scripts/build.mjs'];
const ENTRIES = ['index', 'client/index'];

/**
 * Compiles `src` into `dist`, unless `dist` is up to date:
 * - `dist/cjs`: everything, as CommonJS, with the declarations. A process of Node.js or Bun loads only this copy.
 * - `dist/index.js`, `dist/client/index.js`: the files that `import` loads there. They re-export `dist/cjs`, name by name.
 * - `dist/esm`: the client as ES modules, for bundlers and browsers.
 */
const built = await buildInto('dist', SOURCES, async (fresh) => {
  for (const [settings, part] of Object.entries(PARTS)) {
    if (!(await compile(settings, join(fresh, part)))) return false;
  }
  await writeFile(join(fresh, 'cjs', 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n');
  for (const entry of ENTRIES) await wrap(entry, fresh);
  await dropInternalDeclarations(join(fresh, 'cjs'));
  await correctMaps(fresh);
  return true;
});
if (!built) process.exitCode = 1;

async function compile(project, folder) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return (await run(process.execPath, [compiler, '-p', project, '--outDir', folder])).ok;
}

/** Writes the ES module that exports the names of a CommonJS entry. Every tool can read names; few can follow `export *` there. */
async function wrap(entry, fresh) {
  const names = Object.keys(createRequire(import.meta.url)(join(fresh, 'cjs', `${entry}.js`))).sort();
  const path = `${entry.includes('/') ? '../' : './'}cjs/${entry}.js`;
  const file = join(fresh, entry);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.js`, `export {\n${names.map((name) => `  ${name},\n`).join('')}} from '${path}';\n`);
  await writeFile(`${file}.d.ts`, `export * from '${path}';\n`);
}

/** Removes the declarations that no entry leads to: no program can read them. */
async function dropInternalDeclarations(folder) {
  const reached = new Set();
  const waiting = ENTRIES.map((entry) => join(folder, `${entry}.d.ts`));
  for (const file of waiting) {
    if (reached.has(file)) continue;
    reached.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, path] of text.matchAll(/["'](\.{1,2}\/[^"']+)\.js["']/g))
      waiting.push(join(dirname(file), `${path}.d.ts`));
  }
  for (const file of await filesUnder(folder)) {
    const [declaration] = /.*\.d\.ts(?=(?:\.map)?$)/.exec(join(folder, file)) ?? [];
    if (declaration !== undefined && !reached.has(declaration)) await rm(join(folder, file));
  }
}

/** The maps were made in `.cache/<folder>`, which is one level deeper than `dist`. */
async function correctMaps(fresh) {
  for (const file of (await filesUnder(fresh)).filter((name) => name.endsWith('.map'))) {
    const map = await readFile(join(fresh, file), 'utf8');
    await writeFile(join(fresh, file), map.replace('"sources":["../', '"sources":["'));
  }
}
