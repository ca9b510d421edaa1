// npm test: node
import { execFile } from 'node:child_process';
import { cp, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { beforeAll, describe, expect, test } from 'vitest';
import { TESTS } from '../../scripts/latest/list.mjs';
import { bunPath } from '../support/bun.js';
import { defer } from '../support/cleanup.js';
import { packed } from '../support/packed.js';
import { testFiles } from '../support/places.js';
import { startProgram } from '../support/process.js';
import { type ConsumerProject, createConsumer } from './consumer.js';
import { arrowsOf, projectFolder } from './imports.js';
import { atLeast, FLOORS } from './versions.js';

const run = promisify(execFile);

const SERVER_EXPORTS = [
  'DefaultRedisHelper',
  'RedisClusterHelper',
  'RedisHelper',
  'RuntimeModules',
  'SocketIOClientHelper',
  'SocketIOClientStates',
  'SocketIOConstants',
  'SocketIOEmitterHelper',
  'SocketIOServerHelper',
];
const CLIENT_EXPORTS = ['SocketIOClientHelper', 'SocketIOClientStates', 'SocketIOConstants'];

/** The client first: so nothing that it needs is there already. */
const ENTRIES = ['roomgate/client', 'roomgate'];

/** Documentation files. */
const DOCUMENT = /^(?:docs|bench|examples)\/.*\.(?:md|svg|png)$/;
/** The size of the download, as of November 2026, with handlers, contracts and limits, plus 5 %. Raise it only on purpose. */
const MOST_BYTES = 1_290_000;

let tarball = '';
/** Paths in the tarball. */
let files: readonly string[] = [];
let consumer: ConsumerProject;
/** This Node.js, and the newest even one if it is different. */
const nodes = new Set([process.execPath]);

beforeAll(async () => {
  const { stdout } = await run(process.execPath, ['scripts/other-runtimes.mjs'], { cwd: projectFolder });
  if (stdout.trim() !== '') nodes.add(stdout.trim());
  ({ tarball, files } = await packed());
  consumer = await createConsumer();
}, 120_000);

/** The first output of a program in the consumer's folder. Fails if it exits with an error or prints on stderr. */
async function printed(name: string, code: string, node = process.execPath, flags?: string[]): Promise<unknown> {
  const env = flags === undefined ? {} : { NODE_OPTIONS: flags.join(' ') };
  const program = startProgram(await consumer.write(name, code), { cwd: consumer.folder, node, env });
  expect(await program.ended(20_000), program.stderr).toEqual({ code: 0, signal: null });
  expect(program.stderr).toBe('');
  return program.messages.next();
}

describe('the tarball', () => {
  test('contains only the compiled code, its sources and the documentation', () => {
    const papers = ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
    const others = files.filter((path) => !/^(?:dist|src|docs|bench|examples)\//.test(path));
    expect(others.toSorted()).toEqual([...papers, 'RELEASING.md', 'package.json', 'client/package.json'].toSorted());
    const kinds = ['dist/cjs/package.json', /^dist\/.*\.(?:js|d\.ts)(?:\.map)?$/, /^src\/.*\.ts$/, DOCUMENT];
    const odd = files.filter((path) => !others.includes(path) && !kinds.some((kind) => path.match(kind)));
    expect(odd).toEqual([]);
  });

  test('has every module once, and the client as ES modules too', async () => {
    const sources = files
      .filter((path) => path.startsWith('src/'))
      .map((path) => path.slice('src/'.length, -'.ts'.length));
    const compiled = (folder: string, end: string): readonly string[] =>
      files
        .filter((path) => path.startsWith(folder) && path.endsWith(end))
        .map((path) => path.slice(folder.length, -end.length));
    expect(sources.length).toBeGreaterThan(100);
    expect(compiled('dist/cjs/', '.js').toSorted()).toEqual(sources.toSorted());
    expect(compiled('dist/esm/', '.js')).toContain('client/client-helper');
    expect(compiled('dist/esm/', '.js').filter((path) => !/^(?:client|common|protocol)\//.test(path))).toEqual([]);
    expect(files.filter((path) => /^dist\/(?!cjs|esm)/.test(path)).toSorted()).toEqual(
      ['client/index.d.ts', 'client/index.js', 'index.d.ts', 'index.js'].map((path) => `dist/${path}`),
    );
  });

  test('has declarations that lead to no missing one', async () => {
    const declarations = files.filter((path) => path.endsWith('.d.ts'));
    expect(declarations).toContain('dist/cjs/server/options.d.ts');
    for (const path of declarations) {
      for (const { to } of arrowsOf(
        path,
        await readFile(join(consumer.folder, 'node_modules/roomgate', path), 'utf8'),
      )) {
        if (/^dist/.test(to)) expect(declarations).toContain(to.replace(/\.ts$/, '.d.ts'));
      }
    }
  });

  test('contains the sources of its maps', async () => {
    const maps = files.filter((path) => path.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(200);
    for (const path of maps) {
      const { sources } = JSON.parse(await readFile(join(consumer.folder, 'node_modules/roomgate', path), 'utf8')) as {
        sources: string[];
      };
      for (const source of sources) expect(files, path).toContain(posix.join(dirname(path), source));
    }
  });

  test(`takes at most ${MOST_BYTES} bytes to download`, async () => {
    const { size } = await stat(tarball);
    console.log(`roomgate: ${size} bytes packed, ${files.length} files`);
    expect(size).toBeLessThanOrEqual(MOST_BYTES);
  });

  test('contains every file that its README links to', async () => {
    const text = await readFile(join(consumer.folder, 'node_modules/roomgate/README.md'), 'utf8');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)].map(
      ([, one, other]) => one ?? other ?? '',
    );
    const relative = targets
      .filter((target) => !/^(?:https?:|mailto:|#)/.test(target))
      .map((target) => target.split('#')[0] ?? '');
    expect(relative.length).toBeGreaterThan(10);
    const missing = relative.filter(
      (path) => !files.includes(posix.normalize(path)) && !files.some((file) => file.startsWith(`${path}/`)),
    );
    expect(missing).toEqual([]);
  });

  test('passes publint without a suggestion', async () => {
    const bytes = await readFile(tarball);
    const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('has types that resolve everywhere', async () => {
    const checker = join(projectFolder, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [checker, tarball, '--profile', 'strict', '--format', 'ascii', '--no-color'];
    // If a type does not resolve, it exits with an error, so this rejects with its output.
    const { stdout } = await run(process.execPath, args, { cwd: consumer.folder });
    const green = [
      'node10: 🟢',
      'node16 \\(from CJS\\): 🟢 \\(CJS\\)',
      'node16 \\(from ESM\\): 🟢 \\(ESM\\)',
      'bundler: 🟢',
    ];
    for (const entry of ENTRIES) expect(stdout).toMatch(new RegExp(`"${entry}"\\s+${green.join('\\s+')}`, 'u'));
  });
});

describe('an installed package', () => {
  const EXPORTS = [expect.arrayContaining(CLIENT_EXPORTS), expect.arrayContaining(SERVER_EXPORTS)];
  test('is imported on each Node.js', async () => {
    const keys = ENTRIES.map((entry) => `Object.keys(await import('${entry}'))`);
    const code = `console.log(JSON.stringify([${keys}]));`;
    for (const node of nodes) expect(await printed('imported.mjs', code, node)).toEqual(EXPORTS);
  });

  test('is required on each Node.js', async () => {
    const code = `console.log(JSON.stringify([${ENTRIES.map((entry) => `Object.keys(require('${entry}'))`)}]));`;
    for (const node of nodes) expect(await printed('required.cjs', code, node)).toEqual(EXPORTS);
  });

  test('is one copy for programs that import and require it', async () => {
    const code = `
            import { createRequire } from 'node:module';
            const require = createRequire(import.meta.url);
      const same = [];
      for (const entry of ${JSON.stringify(ENTRIES)}) {
        const [one, other] = [await import(entry), require(entry)];
        same.push(Object.keys(other).every((name) => one[name] === other[name]));
      }
      console.log(JSON.stringify(same));`;
    for (const node of [...nodes, bunPath()]) expect(await printed('both.mjs', code, node)).toEqual([true, true]);
  });

  test('has stack traces that name its sources', async () => {
    const code = `
      import { SocketIOServerHelper } from 'roomgate';
      let stack = '';
      try { new SocketIOServerHelper({}); } catch (error) { stack = error.stack; }
      console.log(JSON.stringify(stack));`;
    expect(await printed('stack.mjs', code, process.execPath, ['--enable-source-maps'])).toMatch(
      /roomgate\/src\/server\/resolve-options\.ts:\d+/,
    );
  });

  test('brings nothing of Redis, Bun and TypeScript, and loads nothing of Bun on Node.js', async () => {
    const names = [...(await consumer.installed()).keys()].map((path) => path.replace(/^.*node_modules\//, ''));
    expect(names.filter((name) => /bun|typescript|redis/.test(name))).toEqual([]);
    const loaded = `
      import { createRequire } from 'node:module';
      await import('roomgate');
      const paths = Object.keys(createRequire(import.meta.url).cache);
      console.log(JSON.stringify([paths.length > 100, paths.filter((path) => /runtime.bun|fanout.bun/.test(path))]));`;
    for (const node of nodes) expect(await printed('loaded.mjs', loaded, node)).toEqual([true, []]);
  });

  test('runs on Bun, and names the engine package if it is not installed', async () => {
    const code = `
      import { SocketIOComponent } from 'roomgate';
      const component = new SocketIOComponent({ authenticateFn: () => true });
      try {
        const { url } = await component.serve({ port: 0 });
        const answer = await fetch(new URL('/io/?EIO=4&transport=polling', url));
        console.log(JSON.stringify([answer.status, (await answer.text()).slice(0, 2)]));
      } catch ({ code, message }) {
        console.log(JSON.stringify([code, message.split(': ').at(-1)]));
      }
      await component.stop();`;
    const bun = bunPath();
    expect(await printed('bun.mjs', code, bun)).toEqual(['unsupported', 'bun add @socket.io/bun-engine']);
    const engine = join('node_modules', '@socket.io', 'bun-engine');
    await cp(join(projectFolder, engine), join(consumer.folder, engine), { recursive: true });
    defer(() => rm(join(consumer.folder, engine), { recursive: true }));
    expect(await printed('bun.mjs', code, bun)).toEqual([200, '0{']);
  });

  test('loads nothing but socket.io-client for a client', async () => {
    const server = ['socket.io', 'engine.io', 'socket.io-adapter', 'notepack.io'];
    const code = `import { SocketIOClientHelper } from 'roomgate/client'; console.log(JSON.stringify(typeof SocketIOClientHelper));`;
    expect(await consumer.without(server, () => printed('client-alone.mjs', code))).toBe('function');
  });

  test('brings no version below the floors', async () => {
    const installed = await consumer.installed();
    for (const [name, floor] of Object.entries(FLOORS)) {
      const versions = [...installed]
        .filter(([path]) => path.endsWith(`node_modules/${name}`))
        .map(([, version]) => version);
      expect(versions, name).not.toEqual([]);
      for (const version of versions) expect(atLeast(version, floor), `${name} ${version}`).toBe(true);
    }
  });
});

describe('npm run test:latest', () => {
  test('has test files for each start of a path', () => {
    const paths = testFiles().map(({ path }) => path);
    expect(TESTS.filter((start) => !paths.some((path) => path.startsWith(start)))).toEqual([]);
  });
});
