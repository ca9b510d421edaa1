// npm test: node
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plainDeclaration, RECORD, recordOf } from '../../scripts/api-record.mjs';
import { PROJECT } from '../support/document.js';

const REFERENCE = join(PROJECT, 'docs/api');

/** The names in an entry's export statements. */
async function exportsOf(entry: string): Promise<readonly string[]> {
  const text = await readFile(join(PROJECT, entry), 'utf8');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list = '']) => list);
  return lists.flatMap((list) => list.match(/\w+(?=\s*(?:,|$))/g) ?? []);
}

async function pagesOf(folder: string): Promise<readonly (readonly [name: string, text: string])[]> {
  return Promise.all((await readdir(folder)).map(async (name) => [name, await read(folder, name)] as const));
}

function read(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8');
}

describe('the API reference', () => {
  it('has a page for every export of both entries, and a row in its index', async () => {
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

  it('begins with the two helpers, and describes each export', async () => {
    const index = await read(REFERENCE, 'README.md');
    const names = [...index.matchAll(/^\| \[`(\w+)`\]/gm)].map(([, name]) => name);
    expect(names.slice(0, 2)).toEqual(['SocketIOServerHelper', 'SocketIOClientHelper']);
    expect([...index.matchAll(/^\| \[`(\w+)`\]\(\w+\.md\) \| +\|/gm)].map(([, name]) => name)).toEqual([]);
  });

  it('has no broken links', async () => {
    const missing: string[] = [];
    for (const [page, text] of await pagesOf(REFERENCE)) {
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        if (!existsSync(join(REFERENCE, target))) missing.push(`${page}: ${target}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('is generated from the current build, and unedited', async () => {
    const recorded = JSON.parse(await read(REFERENCE, RECORD)) as unknown;
    expect(await recordOf(REFERENCE), 'docs/api is not up to date: run `npm run api`').toEqual(recorded);
  });
});

describe('the comparison of a declaration', () => {
  const comment = '  /**\n   * One.\n   *     two\n   */';

  it('ignores spaces and indentation of the compiler', () => {
    const spaced = `${comment}\n  readonly a: {\n    b: 1;\n  };\n`;
    expect(plainDeclaration(spaced)).toBe(plainDeclaration(spaced.replace(/\n {2}/g, '\n      ')));
    expect(plainDeclaration(spaced)).toBe(plainDeclaration(spaced.replace('{\n    b: 1;\n  }', '{ b: 1; }')));
  });

  it.each([
    ['a name', 'readonly a', 'readonly c'],
    ['a word of a comment', 'One.', 'Two.'],
    ['the indentation within a comment', '*     two', '* two'],
    ['the end of a line of a comment', 'One.\n   *     two', 'One. two'],
  ])('notices that %s changes', (_, from, to) => {
    const text = `${comment}\n  readonly a: 1;\n`;
    expect(text).toContain(from);
    expect(plainDeclaration(text.replace(from, to))).not.toBe(plainDeclaration(text));
  });
});

function rowOf([, name = '', page = '', of = '']: RegExpExecArray): readonly [string, string] {
  expect(page).toBe(name);
  return [name, of];
}
