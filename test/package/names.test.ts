// npm test: node
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFolder } from './imports.js';

const DECLARATION = /^\s*(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class) ([IT][A-Z]\w*)/gm;
const ENTRIES = ['src/index.ts', 'src/client/index.ts'];

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(projectFolder, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.tsx?$/.test(name) && !/node_modules|dist/.test(name))
    .map((name) => `${folder}/${name}`);
}

function textOf(path: string): string {
  return readFileSync(join(projectFolder, path), 'utf8');
}

/** The types of a folder whose names have the prefix of public types. */
function prefixedIn(folder: string): string[] {
  return sourcesIn(folder).flatMap((path) =>
    [...textOf(path).matchAll(DECLARATION)].map(([, name = '']) => `${path}: ${name}`),
  );
}

describe('the prefixes I and T', () => {
  const exported = new Set(ENTRIES.flatMap((path) => textOf(path).match(/\b[IT][A-Z]\w*/g) ?? []));

  it.each(['src', 'test', 'examples'])('are used only for types that the package exports, in %s', (folder) => {
    const found = prefixedIn(folder);
    expect(found.filter((each) => !exported.has(each.split(': ')[1] ?? ''))).toEqual([]);
  });

  it('are found', () => expect(prefixedIn('src').length).toBeGreaterThan(20));
});
