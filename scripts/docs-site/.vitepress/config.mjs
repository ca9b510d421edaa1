import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const page = (text, link) => ({ text, link: `/${link}` });
const list = (folder, pages) => Object.entries(pages).map(([name, text]) => page(text, `${folder}/${name}`));

const SIDEBAR = [
  {
    text: 'Start',
    items: [
      page('What Roomgate is', ''),
      page('Tutorial', 'docs/tutorial'),
      page('Questions and answers', 'docs/questions'),
      page('The example chat', 'examples/chat/'),
    ],
  },
  {
    text: 'Concepts',
    items: list('docs/concepts', {
      'the-gate': 'The gate',
      rooms: 'Rooms',
      'life-of-a-connection': 'The life of a connection',
      'many-instances': 'Many instances',
    }),
  },
  {
    text: 'Reference',
    items: [
      ...list('docs', { options: 'Options', errors: 'Errors', reports: 'Reports', protocol: 'The protocol' }),
      ...list('docs', { 'client-options': 'Options of socket.io-client', bun: 'Servers on Bun' }),
      page('API', 'docs/api/'),
      page('Performance', 'docs/performance'),
      page('Measurements', 'bench/'),
    ],
  },
  {
    text: 'Project',
    items: [
      page('Security', 'SECURITY'),
      page('Changes', 'CHANGELOG'),
      page('Contributing', 'CONTRIBUTING'),
      page('Architecture', 'ARCHITECTURE'),
    ],
  },
];

/** Points links to README pages to the index of their folder. Links to files that are no pages become plain text. */
function fixLinks(markdown) {
  const original = markdown.renderer.rules.link_open;
  markdown.renderer.rules.link_open = (tokens, index, ...rest) => {
    const token = tokens[index];
    const href = token.attrGet('href') ?? '';
    const [path] = href.split('#');
    if (/^[a-z]+:/.test(href) || path === '') return original(tokens, index, ...rest);
    if (!/\.md$/.test(path)) return '<a>';
    token.attrSet('href', href.replace(/(^|\/)README\.md/, '$1index.md'));
    return original(tokens, index, ...rest);
  };
  // Vite reads a path without ./ as the name of a package.
  const html = markdown.renderer.rules.html_block;
  markdown.renderer.rules.html_block = (...args) => html(...args).replace(/ (src|srcset)="(?=docs\/)/g, ' $1="./');
}

/** Each recipe, by its heading. */
function recipes() {
  const names = readdirSync(`${root}docs/recipes`).filter((name) => name.endsWith('.md') && name !== 'README.md');
  return names.map((name) => {
    const [, title = name] = /^# (.+)$/m.exec(readFileSync(`${root}docs/recipes/${name}`, 'utf8')) ?? [];
    return page(title.replaceAll('`', ''), `docs/recipes/${name.replace(/\.md$/, '')}`);
  });
}

export default {
  title: 'Roomgate',
  description: 'Authentication, guarded rooms, reconnecting clients and scaling through Redis for Socket.IO',
  srcDir: root,
  outDir: `${root}.cache/docs-site/dist`,
  cacheDir: `${root}.cache/docs-site/cache`,
  srcExclude: ['**/node_modules/**', '.cache/**', 'dist/**', 'test/**', 'scripts/**'],
  rewrites: (id) => posix.join(posix.dirname(id), posix.basename(id).replace(/^README\.md$/, 'index.md')),
  // The tests check all links. VitePress would miss the programs that the documents start.
  ignoreDeadLinks: 'localhostLinks',
  markdown: { config: fixLinks },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [page('Tutorial', 'docs/tutorial'), page('Recipes', 'docs/recipes/'), page('API', 'docs/api/')],
    sidebar: [...SIDEBAR.slice(0, 2), { text: 'Recipes', collapsed: true, items: recipes() }, ...SIDEBAR.slice(2)],
  },
};
