// npm test: node
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { defer } from '../support/cleanup.js';
import { PROJECT } from '../support/document.js';
import { temporaryFolder } from '../support/folder.js';

const run = promisify(execFile);
const REFERENCE = join(PROJECT, 'docs/api');
/** The first time, what makes the reference is installed. */
const FIRST_TIME_MS = 180_000;

/** What an entry says that it exports, by its own words. */
async function exportsOf(entry: string): Promise<readonly string[]> {
  const text = await readFile(join(PROJECT, entry), 'utf8');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list = '']) => list);
  return lists.flatMap((list) => list.match(/\w+(?=\s*(?:,|$))/g) ?? []);
}

async function pagesOf(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, await read(folder, name)] as const)));
}

function read(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8');
}

describe('the API reference', () => {
  it('has a page for every export of both entries, and a line in its index', async () => {
    const ofClient = await exportsOf('src/client/index.ts');
    const all = [...(await exportsOf('src/index.ts')), ...ofClient];
    expect(all).toContain('SocketIOServerHelper');
    expect(ofClient).toContain('SocketIOClientHelper');
    const index = await read(REFERENCE, 'README.md');
    const rows = new Map([...index.matchAll(/^\| \[`(\w+)`\]\((\w+)\.md\) \| .* \| (\w*) *\|$/gm)].map(rowOf));
    expect([...rows.keys()].sort()).toEqual([...all].sort());
    expect(all.filter((name) => !existsSync(join(REFERENCE, `${name}.md`)))).toEqual([]);
    expect([...rows].filter(([, of]) => of === 'client').map(([name]) => name)).toEqual(
      expect.arrayContaining([...ofClient]),
    );
  });

  it('begins with the two helpers, and says something of each export', async () => {
    const index = await read(REFERENCE, 'README.md');
    const names = [...index.matchAll(/^\| \[`(\w+)`\]/gm)].map(([, name]) => name);
    expect(names.slice(0, 2)).toEqual(['SocketIOServerHelper', 'SocketIOClientHelper']);
    expect([...index.matchAll(/^\| \[`(\w+)`\]\(\w+\.md\) \| +\|/gm)].map(([, name]) => name)).toEqual([]);
  });

  it('links to nothing that is not there', async () => {
    const missing: string[] = [];
    for (const [page, text] of await pagesOf(REFERENCE)) {
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        if (!existsSync(join(REFERENCE, target))) missing.push(`${page}: ${target}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it(
    'is what the sources say today: otherwise run `node scripts/api-reference.mjs`',
    async () => {
      const folder = await temporaryFolder('api');
      defer(() => rm(folder, { recursive: true, force: true }));
      await run(process.execPath, [join(PROJECT, 'scripts/api-reference.mjs'), folder]);
      expect(await pagesOf(REFERENCE)).toEqual(await pagesOf(folder));
    },
    FIRST_TIME_MS,
  );
});

function rowOf([, name = '', page = '', of = '']: RegExpExecArray): readonly [string, string] {
  expect(page).toBe(name);
  return [name, of];
}
