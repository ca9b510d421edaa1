// npm test: node
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PROJECT } from '../support/document.js';
import { anchorsOf, linksOf } from '../support/links.js';

/** Folders of dependencies, builds and tests. Folders whose name starts with a dot are skipped as well. */
const SKIPPED = new Set(['node_modules', 'dist', 'coverage']);

let files: readonly string[];

beforeAll(async () => {
  files = await markdownIn('.');
});

/** Walks the folders instead of asking git, so that it also works in a copy without a repository. */
async function markdownIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(PROJECT, folder), { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile()) return path.endsWith('.md') ? [path] : [];
    return entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name) ? markdownIn(path) : [];
  });
  return (await Promise.all(found)).flat();
}

/** The broken links of a file, each with the reason. */
async function brokenLinksOf(file: string): Promise<readonly string[]> {
  const broken: string[] = [];
  for (const link of linksOf(await readFile(join(PROJECT, file), 'utf8'))) {
    const reason = await reasonAgainst(file, link);
    if (reason !== undefined) broken.push(`${file}: ${link}: ${reason}`);
  }
  return broken;
}

async function reasonAgainst(file: string, link: string): Promise<string | undefined> {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  if (target.startsWith('..')) return 'outside the repository';
  if (!existsSync(join(PROJECT, target))) return 'no such file';
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md')) return 'an anchor in a file that is not Markdown';
  const anchors = anchorsOf(await readFile(join(PROJECT, target), 'utf8'));
  return anchors.has(anchor) ? undefined : `no heading of this name in ${basename(target)}`;
}

describe('links in Markdown', () => {
  it('lead to files and headings that exist', async () => {
    expect(files).toContain('README.md');
    expect(files).toContain('docs/api/README.md');
    const broken = await Promise.all(files.map(brokenLinksOf));
    expect(broken.flat()).toEqual([]);
  });

  it('reach every document of docs from its index or one of its pages', async () => {
    const pages = files.filter((file) => file.startsWith('docs/'));
    const reached = new Set(['docs/README.md']);
    for (const page of reached) {
      for (const link of linksOf(await readFile(join(PROJECT, page), 'utf8'))) {
        const target = normalize(join(dirname(page), link.split('#')[0] ?? ''));
        if (pages.includes(target)) reached.add(target);
      }
    }
    expect(pages.filter((page) => !reached.has(page))).toEqual([]);
  });
});

describe('linksOf()', () => {
  it.each([
    ['a link', 'See [this](a.md#b).', ['a.md#b']],
    ['an image inside a link', '[![a](b.svg)](c.md)', ['b.svg', 'c.md']],
    ['a link with a title', '[a](b.md "title")', ['b.md']],
    ['a link with a code span as its text', '[`a[0]`](b.md)', ['b.md']],
    ['a reference', '[a]: b.md', ['b.md']],
    ['the sources of a picture', '<source srcset="a.svg"><img alt="" src="b.svg">', ['a.svg', 'b.svg']],
    ['an HTML link', '<a href="a.md">a</a>', ['a.md']],
  ])('finds %s', (_, markdown, links) => {
    expect(linksOf(markdown)).toEqual(links);
  });

  it.each([
    ['an address', '[a](https://example.org) <https://example.org> [b](mailto:a@example.org)'],
    ['a block of code', '```md\n[a](b.md)\n```'],
    ['a code span', '`[a](b.md)`'],
    ['an escaped bracket', '[a\\](b.md)'],
  ])('leaves out %s', (_, markdown) => {
    expect(linksOf(markdown)).toEqual([]);
  });
});

describe('anchorsOf()', () => {
  it.each([
    ['lower case and hyphens', '# The way in', ['the-way-in']],
    ['code, punctuation and marks', "## `send()`: what's *new*, and why?", ['send-whats-new-and-why']],
    ['repeated headings', '# A\n\n## A', ['a', 'a-1']],
    ['a link in a heading', '## [a b](c.md)', ['a-b']],
    ['an anchor in HTML', '<a id="here"></a>', ['here']],
    ['an underlined heading', 'One two\n=======', ['one-two']],
  ])('follows GitHub for %s', (_, markdown, anchors) => {
    expect([...anchorsOf(markdown)]).toEqual(anchors);
  });

  it('ignores comments in code', () => {
    expect([...anchorsOf('```sh\n# not a heading\n```')]).toEqual([]);
  });
});
