// npm test: node
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { PROJECT } from '../support/document.js';

interface Entry {
  readonly text: string;
  readonly link?: string;
  readonly items?: readonly Entry[];
}
interface Site {
  readonly default: { readonly themeConfig: { readonly nav: readonly Entry[]; readonly sidebar: readonly Entry[] } };
}

const CONFIG = pathToFileURL(join(PROJECT, 'scripts/docs-site/.vitepress/config.mjs')).href;

function linksOf(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap(({ link, items = [] }) => [...(link === undefined ? [] : [link]), ...linksOf(items)]);
}

/** The Markdown file of a page; for a folder it is the README. */
function fileOf(link: string): string {
  return link.endsWith('/') ? `${link}README.md` : `${link}.md`;
}

it('each entry in the navigation of `npm run docs` has a document, and each recipe has an entry', async () => {
  const { default: site } = (await import(CONFIG)) as Site;
  const links = [...linksOf(site.themeConfig.nav), ...linksOf(site.themeConfig.sidebar)];
  expect(links).toContain('/docs/recipes/jwt');
  expect(links.filter((link) => !existsSync(join(PROJECT, fileOf(link))))).toEqual([]);
});
