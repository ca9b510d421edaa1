// npm test: node
// npm run test:matrix: newest-node
import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { defer } from '../support/cleanup.js';
import { compileProjects, saidOf } from '../support/compiler.js';
import { compilerOutputOf, pasteProject } from '../support/document.js';
import { temporaryFolder } from '../support/folder.js';
import { hashOf, madeOnce } from '../support/made-once.js';
import { packed } from '../support/packed.js';

async function emptyFolder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await temporaryFolder('support');
  defer(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

describe('a folder that is built once', () => {
  const fill = (fresh: string): Promise<void> => writeFile(join(fresh, 'done'), 'yes');

  test('is built by one of several concurrent callers, and is complete when they get it', async () => {
    const home = await emptyFolder();
    const folder = join(home, 'made-1');
    let calls = 0;
    const ask = async (): Promise<string> => {
      await madeOnce(folder, async (fresh) => {
        calls += 1;
        // Other callers look for the folder meanwhile.
        for (let round = 0; round < 3; round += 1) await readdir(home);
        await fill(fresh);
      });
      return readFile(join(folder, 'done'), 'utf8');
    };
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['yes', 'yes', 'yes']);
    expect(calls).toBe(1);
    expect(await readdir(home)).toEqual(['made-1']);
  });

  test('is built again if the process that began to build it has died', async () => {
    const folder = join(await emptyFolder(), 'made-1');
    symlinkSync(`${spawnSync('true').pid}`, `${folder}.lock`);
    await madeOnce(folder, fill);
    expect(existsSync(join(folder, 'done'))).toBe(true);
  });

  test('does not exist after a failure, and is built by the next caller', async () => {
    const home = await emptyFolder();
    const failed = madeOnce(join(home, 'made-1'), async (fresh) => {
      await fill(fresh);
      throw new Error('no room left');
    });
    await expect(failed).rejects.toThrow('no room left');
    expect(await readdir(home)).toEqual([]);
    await madeOnce(join(home, 'made-1'), fill);
    expect(await readdir(home)).toEqual(['made-1']);
  });

  test('removes folders of the same name that were not used for a day', async () => {
    const names = ['made-old', 'made-used', 'other-old'];
    const home = await emptyFolder(Object.fromEntries(names.map((name) => [`${name}/done`, 'yes'])));
    const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1_000);
    for (const name of names) await utimes(join(home, name), twoDaysAgo, twoDaysAgo);
    await madeOnce(join(home, 'made-used'), fill);
    await madeOnce(join(home, 'made-new'), fill);
    expect((await readdir(home)).sort()).toEqual(['made-new', 'made-used', 'other-old']);
  });
});

test('a hash depends on names, contents and words, and not on the order of the files', async () => {
  const home = await emptyFolder({ a: 'one', b: 'two', c: 'two' });
  const hash = await hashOf(home, ['a', 'b']);
  expect(await hashOf(home, ['b', 'a'])).toBe(hash);
  const others = [await hashOf(home, ['a']), await hashOf(home, ['a', 'c']), await hashOf(home, ['a', 'b'], ['word'])];
  await writeFile(join(home, 'b'), 'too');
  others.push(await hashOf(home, ['a', 'b']));
  expect(new Set([hash, ...others]).size).toBe(5);
});

describe('projects that are compiled in one run', () => {
  const compilerOptions = {
    ...{ strict: true, noEmitOnError: true, outDir: 'out', rootDir: '.' },
    ...{ types: [], lib: ['es2022'], skipLibCheck: true },
  };
  const project = (folder: string, code: string): Readonly<Record<string, string>> => ({
    [`${folder}/tsconfig.json`]: JSON.stringify({ compilerOptions, files: ['a.ts'] }),
    [`${folder}/a.ts`]: code,
  });

  test('fail separately, with the compiler’s messages', async () => {
    const wrong = 'const mine = { a: { b: 2 } };\nexport const wrong: { a: { b: string } } = mine;';
    const folders = {
      'docs/good': 'declare global { var ours: string }\nexport {};',
      'docs/good/wrong': wrong,
      'docs/fine': 'export const fine: number = 1;',
      'docs/poor': 'export const mine: string = ours;',
    };
    const home = await emptyFolder(Object.assign({}, ...Object.entries(folders).map((entry) => project(...entry))));
    const said = await compileProjects(
      home,
      Object.keys(folders).map((name) => `${name}/tsconfig.json`),
    );
    expect([...said.keys()].sort()).toEqual(['docs/good/wrong', 'docs/poor']);
    expect(said.get('docs/good/wrong')?.split('\n')).toEqual([
      expect.stringMatching(/^docs\/good\/wrong\/a\.ts\(2,14\): error TS2322: /),
      expect.stringMatching(/^ {2}/),
      expect.stringMatching(/^ {4}/),
      '',
    ]);
    expect(said.get('docs/poor')).toMatch(/^docs\/poor\/a\.ts\(1,29\): error TS2304: /);
    const made = Object.keys(folders).filter((name) => existsSync(join(home, name, 'out/a.js')));
    expect(made).toEqual(['docs/good', 'docs/fine']);
  });

  test('fail if the compiler reports an error that belongs to none of them', async () => {
    expect(saidOf('error TS1: no\n', ['docs/one'])).toBe(undefined);
    expect(saidOf('docs/one-more/a.ts(1,1): error TS1: no\n', ['docs/one'])).toBe(undefined);
    expect(saidOf('  an explanation of nothing\n', ['docs/one'])).toBe(undefined);
    await expect(compileProjects(await emptyFolder(), ['nowhere/tsconfig.json'])).rejects.toThrow(
      /tsc ended with [12]:\n.*nowhere/,
    );
    const unstarted = compileProjects(join(await emptyFolder(), 'nowhere'), ['tsconfig.json']);
    await expect(unstarted).rejects.toThrow('tsc ended with');
  });
});

describe('a pasted document', () => {
  // The first call can exceed the timeout of a test.
  beforeAll(async () => {
    await compilerOutputOf('docs/errors.md');
  });

  test('is a copy for its caller, with the packed package', async () => {
    const [one, other] = await Promise.all([pasteProject('docs/errors.md'), pasteProject('docs/errors.md')]);
    await writeFile(join(one.folder, 'server.ts'), '');
    expect(await readFile(join(other.folder, 'server.ts'), 'utf8')).not.toBe('');
    const names = await readdir(join(one.folder, 'node_modules/roomgate'), { recursive: true });
    const { files } = await packed();
    expect(files.filter((name) => !names.includes(name))).toEqual([]);
    expect(names).not.toContain('test');
  });

  test('is rejected if the document does not exist', async () => {
    await expect(pasteProject('docs/nowhere.md')).rejects.toThrow('there is no document docs/nowhere.md');
  });
});
