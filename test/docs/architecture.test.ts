// npm test: node
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PINNED } from '../../scripts/latest/list.mjs';
import { LINES } from '../../src/server/reports.js';
import { PROJECT } from '../support/document.js';
import { hiddenMembers, namesIn } from '../support/hidden-members.js';

const PAGE = 'ARCHITECTURE.md';
const PATH = /\b(?:src|test|scripts|docs|bench|examples)\/[\w./-]*[\w/]/g;
const SOCKETIO = 'src/socketio';

/** The packages whose private members the files of a folder may use. */
const HIDDEN_FROM: Readonly<Record<string, readonly string[]>> = {
  [SOCKETIO]: [
    'engine.io',
    'socket.io',
    'socket.io-adapter',
    '@socket.io/bun-engine',
    '@socket.io/redis-adapter',
    'ws',
  ],
  'src/client/socket-io.ts': ['socket.io-client', 'engine.io-client'],
};

/**
 * Private in one class, and used only where another class, Node.js or this project has a public member of that name.
 */
const PUBLIC_TOO = [
  'adapter',
  'constructor',
  'destroy',
  'headers',
  'id',
  'packet',
  'packets',
  'parser',
  'prepare',
  'publish',
  // In every file of `src/socketio/`, these belong to a server, a namespace, a connection or a stream.
  'handleRequest',
  'handleUpgrade',
  'sockets',
  'write',
];

/** The same for some files only; other files use private members of that name. */
const PUBLIC_IN: Readonly<Record<string, readonly string[]>> = {
  // Events.
  flush: ['engine-packets', 'frame-queue', 'node-engine'],
  // Of connections, sockets, and the WebSockets of `ws` and of Bun.
  close: [
    'bun-engine',
    'bun-probe',
    'bun-sender',
    'bun-socket',
    'engine-types',
    'node-endings',
    'node-engine',
    'paced-posts',
    'probe-server',
    'shared-listeners',
    'guarded-web-socket',
  ],
  readyState: [
    'bun-send',
    'bun-sender',
    'bun-socket',
    'engine-io',
    'idle-connections',
    'node-endings',
    'node-sender',
    'paced-posts',
    'send-queue',
    'web-sockets',
  ],
  send: ['adapter-broadcasts', 'bun-socket', 'fetch-answers', 'guarded-web-socket'],
  // Of requests.
  socket: ['compact-request', 'engine-request', 'node-endings', 'upgrade-responses'],
  // Of servers.
  opts: ['node-engine', 'node-probe'],
  perMessageDeflate: ['ws'],
  // Of sockets.
  handshake: ['fetch-answers'],
  nsp: ['socket-io'],
};

interface PrivateMember {
  readonly members: readonly string[];
  readonly packageName: string;
  readonly file: string;
}

let page = '';
beforeAll(async () => {
  page = await readFile(join(PROJECT, PAGE), 'utf8');
});

function sectionOf(heading: string): string {
  return page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
}

/** The texts in backticks. */
function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

/** The rows of the table of private members. */
function privateMembers(): readonly PrivateMember[] {
  const rows = [...sectionOf('Private members').matchAll(/^\| (`.+) \|$/gm)].map(([, row = '']) => row.split(' | '));
  return rows.map(([members = '', packageName = '', file = '', probe = '', fallback = '']) => {
    expect([members, packageName, file, probe, fallback], members).not.toContain('');
    return { members: codeIn(members), packageName, file: codeIn(file)[0] ?? '' };
  });
}

function filesWithoutPrivateMember(): string[] {
  const [, list = ''] =
    /^Files of `src\/socketio\/` that neither read nor replace a private member: (.+?)\.$/ms.exec(page) ?? [];
  return codeIn(list).map((name) => `${SOCKETIO}/${name}`);
}

function publicIn(file: string): string[] {
  return Object.keys(PUBLIC_IN).filter((name) => PUBLIC_IN[name]?.includes(file));
}

/** The TypeScript files of a folder, or the single file. */
async function filesOf(path: string): Promise<string[]> {
  if (path.endsWith('.ts')) return [path];
  const names = await readdir(join(PROJECT, path), { recursive: true });
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${path}/${name}`);
}

describe('ARCHITECTURE.md', () => {
  it('names only existing paths', () => {
    const paths = [...new Set(page.match(PATH))];
    expect(paths.length).toBeGreaterThan(50);
    expect(paths.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
  });

  it('describes every folder of src', async () => {
    const entries = await readdir(join(PROJECT, 'src'), { recursive: true, withFileTypes: true });
    const folders = entries.filter((it) => it.isDirectory()).map((it) => join(it.parentPath, it.name));
    const rows = [...sectionOf('Folders').matchAll(/^\| `([^`]+)\/` \|/gm)].map(([, folder = '']) => folder);
    expect(rows.toSorted()).toEqual(folders.map((folder) => folder.slice(PROJECT.length)).toSorted());
  });

  it('draws every top-level folder', async () => {
    const entries = await readdir(join(PROJECT, 'src'), { withFileTypes: true });
    const drawing = sectionOf('Layers').split('```')[1] ?? '';
    const missing = entries.filter((it) => it.isDirectory() && !drawing.includes(`${it.name}/`));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('names every file of src/socketio, with or without private members', async () => {
    const names = await readdir(join(PROJECT, SOCKETIO), { recursive: true });
    const files = names.filter((name) => name.endsWith('.ts')).map((name) => `${SOCKETIO}/${name}`);
    const owners = new Set(privateMembers().map(({ file }) => file));
    const others = filesWithoutPrivateMember();
    expect(others.filter((file) => owners.has(file))).toEqual([]);
    const named = [...[...owners].filter((file) => file.startsWith(`${SOCKETIO}/`)), ...others];
    expect(named.toSorted()).toEqual(files.toSorted());
  });

  it('lists private members that their file uses, of pinned packages', async () => {
    const faults: string[] = [];
    for (const { members, packageName, file } of privateMembers()) {
      // Node.js can't be pinned, so `npm run test:matrix` runs on the newest one.
      if (packageName !== 'Node.js' && !PINNED.includes(packageName)) faults.push(`${packageName} is not pinned`);
      const code = await readFile(join(PROJECT, file), 'utf8');
      faults.push(...members.filter((member) => !code.includes(member)).map((member) => `${file} has no ${member}`));
    }
    expect(faults).toEqual([]);
  });

  it('lists every private member in use', async () => {
    const rows = privateMembers();
    const missing: string[] = [];
    for (const [folder, packages] of Object.entries(HIDDEN_FROM)) {
      const hidden = await hiddenMembers(packages);
      for (const file of await filesOf(folder)) {
        const listed = rows.filter((row) => row.file === file).flatMap(({ members }) => members);
        const known = new Set([...listed, ...PUBLIC_TOO, ...publicIn(basename(file, '.ts'))]);
        const used = namesIn(await readFile(join(PROJECT, file), 'utf8'));
        const unlisted = [...used].filter((name) => hidden.has(name) && !known.has(name));
        missing.push(...unlisted.map((name) => `${file}: ${name} of ${hidden.get(name)}`));
      }
    }
    expect(missing).toEqual([]);
  });

  it('names existing reports', () => {
    const named = [...page.matchAll(/report `(\w+)`/g)].map(([, type = '']) => type);
    expect(named).not.toEqual([]);
    expect(named.filter((type) => !Object.hasOwn(LINES, type))).toEqual([]);
  });
});
