// npm test: node
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT } from '../support/document.js';

const PAPER = 'docs/security.md';
const paper = await readFile(join(PROJECT, PAPER), 'utf8');

/** The links to test files: `[part of a title](../test/file.test.ts)`. */
function testsIn(markdown: string): { title: string; file: string }[] {
  const found = markdown.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[^)]+\.test\.ts)\)/g);
  return [...found].map(([, title = '', file = '']) => ({ title, file }));
}

/** The titles of the tests and suites of a file. */
function titlesOf(source: string): string[] {
  const found = source.matchAll(/(?:\b(?:it|describe)\w*(?:\.\w+)?|\))\(\s*(['"`])((?:\\.|(?!\1).)+)\1,/g);
  return [...found].map(([, , title = '']) => title);
}

const links = testsIn(paper);

describe(PAPER, () => {
  it.each(links)('links "$title" in $file, which has such a test', async ({ title, file }) => {
    expect(existsSync(join(PROJECT, file))).toBe(true);
    const titles = titlesOf(await readFile(join(PROJECT, file), 'utf8'));
    expect(titles.filter((own) => own.includes(title))).not.toEqual([]);
  });

  it('links a test for each promise', () => {
    const rows = paper.split('\n').filter((line) => /^\| (?!promise \||-)/.test(line));
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => testsIn(row.split(' | ').at(-1) ?? '').length === 0)).toEqual([]);
  });
});

describe('titlesOf()', () => {
  it.each([
    ["it('is one', () => {", ['is one']],
    ["describe.each(WAYS)('over $way', () => {", ['over $way']],
    ["it.each([1])(\n  'on its own line',\n  () => {", ['on its own line']],
    ["itExceptOnBun('the reason')('is the title', async () => {", ['is the title']],
    ["socket.on('message', () => {", []],
  ])('%s', (source, titles) => {
    expect(titlesOf(source)).toEqual(titles);
  });
});
