// npm test: node
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildInto, COMMON } from '../../scripts/build-into.mjs';
import { defer } from '../support/cleanup.js';
import { temporaryFolder } from '../support/folder.js';
import { startProgram } from '../support/process.js';
import { projectFolder } from './imports.js';

interface Project {
  readonly folder: string;
  path(file: string): string;
  write(file: string, text: string): Promise<void>;
  read(file: string): Promise<string>;
}

async function createProject(): Promise<Project> {
  const folder = await temporaryFolder('build');
  defer(() => rm(folder, { recursive: true, force: true }));
  const path = (file: string): string => join(folder, file);
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(path(file)), { recursive: true });
    await writeFile(path(file), text);
  };
  const read = (file: string): Promise<string> => readFile(path(file), 'utf8');
  for (const file of COMMON) await write(file, '{}');
  await write('src/source', 'first');
  return { folder, path, write, read };
}

/** A project whose build copies one source twice. */
async function createCopied() {
  const project = await createProject();
  const { path, read, write, folder } = project;
  let builds = 0;
  const build = (
    copy = async (fresh: string): Promise<boolean> => {
      builds += 1;
      for (const name of ['made', 'deep/made']) {
        await mkdir(dirname(join(fresh, name)), { recursive: true });
        await cp(path('src/source'), join(fresh, name));
      }
      return (await read('src/source')) !== 'wrong';
    },
  ): Promise<boolean> => buildInto('dist', ['src'], copy, folder);
  /** The number of builds of a call. */
  const cost = async (): Promise<number> => {
    const before = builds;
    expect(await build()).toBe(true);
    return builds - before;
  };
  return { path, read, write, build, cost, builds: () => builds };
}

describe('a build', () => {
  it('happens once until something changes', async () => {
    const { cost, read } = await createCopied();
    expect(await cost()).toBe(1);
    expect(await read('dist/deep/made')).toBe('first');
    expect(await cost()).toBe(0);
  });

  it.each([...COMMON, 'src/source', 'src/another'])('happens again when %s changes', async (file) => {
    const { cost, write } = await createCopied();
    await cost();
    await write(file, '{ }');
    expect(await cost()).toBe(1);
    expect(await cost()).toBe(0);
  });

  it('happens again when a source is renamed or removed', async () => {
    const { cost, path, write } = await createCopied();
    await write('src/one', 'text');
    await cost();
    await rm(path('src/one'));
    await write('src/other', 'text');
    expect(await cost()).toBe(1);
    await rm(path('src/other'));
    expect(await cost()).toBe(1);
  });

  it('repairs an edited or incomplete result', async () => {
    const { cost, path, read, write } = await createCopied();
    await cost();
    await write('dist/made', 'edited');
    expect(await cost()).toBe(1);
    expect(await read('dist/made')).toBe('first');
    await rm(path('dist/deep/made'));
    expect(await cost()).toBe(1);
    expect(await read('dist/deep/made')).toBe('first');
    await write('dist/more', 'from elsewhere');
    expect(await cost()).toBe(1);
    await expect(read('dist/more')).rejects.toThrow('ENOENT');
    await rm(path('dist'), { recursive: true });
    expect(await cost()).toBe(1);
    expect(await cost()).toBe(0);
  });

  it('fails again until the sources are right, and keeps the last result', async () => {
    const { build, builds, cost, read, write } = await createCopied();
    await cost();
    await write('src/source', 'wrong');
    for (const _ of ['once', 'again']) expect(await build()).toBe(false);
    expect(builds()).toBe(3);
    expect(await read('dist/made')).toBe('first');
    await write('src/source', 'right');
    expect(await cost()).toBe(1);
    expect(await read('dist/made')).toBe('right');
  });

  it('does not count for sources that were edited during it', async () => {
    const { build, cost, read, write } = await createCopied();
    await build(async (fresh) => {
      await write('src/source', 'edited');
      await writeFile(join(fresh, 'made'), await read('src/source'));
      return true;
    });
    expect(await read('dist/made')).toBe('edited');
    await write('src/source', 'first');
    expect(await cost()).toBe(1);
    expect(await read('dist/made')).toBe('first');
    expect(await cost()).toBe(0);
  });

  it('happens each time if npm does not list the packages', async () => {
    const { cost, path } = await createCopied();
    await rm(path('node_modules/.package-lock.json'));
    expect(await cost()).toBe(1);
    expect(await cost()).toBe(1);
  });

  it('has the same result when several run at once', async () => {
    const { build, cost, read } = await createCopied();
    expect(await Promise.all([1, 2, 3].map(() => build()))).toEqual([true, true, true]);
    expect(await read('dist/made')).toBe('first');
    expect(await cost()).toBe(0);
  });
});

/** Replaces a compiler: it reports that it ran, and writes a file. */
const COMPILER = `
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
appendFileSync('runs', 'one ');
const out = process.argv[process.argv.indexOf('--outDir') + 1];
mkdirSync(out + '/client', { recursive: true });
for (const path of ['/made', '/index.js', '/client/index.js', '/index.d.ts', '/client/index.d.ts', '/internal.d.ts']) {
  writeFileSync(out + path, path.endsWith('.js') ? 'module.exports = { b: 1, a: 2 };' : 'made');
}
process.exit(require('node:fs').existsSync('src/wrong') ? 1 : 0);
`;

/** The scripts of this project, with compilers that take no time. Resolves to a function that runs one and returns its number of compilations and its exit. */
async function createScripts() {
  const { path, read, write, folder } = await createProject();
  await cp(join(projectFolder, 'scripts'), path('scripts'), { recursive: true });
  for (const file of ['typescript/bin/tsc', 'vite/bin/vite.js']) await write(`node_modules/${file}`, COMPILER);
  for (const file of ['contract.ts', 'names.ts', 'words.ts', 'server/source', 'page/source'])
    await write(`examples/chat/${file}`, 'source');
  for (const part of ['commonjs', 'declarations', 'esm']) await write(`tsconfig.${part}.json`, '{}');
  const run = async (script: string) => {
    await write('runs', '');
    const { code } = await startProgram(path(`scripts/${script}`), { cwd: folder }).ended(20_000);
    return { code, compiled: (await read('runs')).split('one').length - 1 };
  };
  return { path, read, run, write };
}

describe('the scripts', () => {
  it('build.mjs compiles CommonJS, declarations and the ES modules of the client, and reports a failure', async () => {
    const { path, read, run, write } = await createScripts();
    expect(await run('build.mjs')).toEqual({ code: 0, compiled: 3 });
    expect((await readdir(path('dist'))).toSorted()).toEqual(['cjs', 'client', 'esm', 'index.d.ts', 'index.js']);
    expect(await read('dist/client/index.js')).toBe("export {\n  a,\n  b,\n} from '../cjs/client/index.js';\n");
    expect(await readdir(path('dist/cjs'))).not.toContain('internal.d.ts');
    expect(JSON.parse(await read('dist/cjs/package.json'))).toMatchObject({ type: 'commonjs' });
    expect(await readdir(path('.cache'))).toEqual(['built-dist']);
    expect(await run('build.mjs')).toEqual({ code: 0, compiled: 0 });
    await write('tsconfig.esm.json', '{ }');
    expect(await run('build.mjs')).toEqual({ code: 0, compiled: 3 });
    await write('src/wrong', '');
    expect(await run('build.mjs')).toEqual({ code: 1, compiled: 1 });
  });

  it('build-chat.mjs builds server and page when either or the library changed', async () => {
    const { run, write } = await createScripts();
    await write('dist/index.js', 'library');
    expect(await run('build-chat.mjs')).toEqual({ code: 0, compiled: 2 });
    expect(await run('build-chat.mjs')).toEqual({ code: 0, compiled: 0 });
    for (const file of ['contract.ts', 'names.ts', 'words.ts', 'server/source', 'page/source', 'dist/page/made']) {
      await write(`examples/chat/${file}`, 'changed');
      expect(await run('build-chat.mjs'), file).toEqual({ code: 0, compiled: 2 });
    }
    await write('dist/index.js', 'changed');
    await write('src/wrong', '');
    expect(await run('build-chat.mjs')).toEqual({ code: 1, compiled: 2 });
  });
});
