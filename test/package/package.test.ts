// npm test: node
import { execFile } from 'node:child_process';
import { cp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { beforeAll, describe, expect, test } from 'vitest';
import { TESTS } from '../../scripts/latest/list.mjs';
import { bunPath } from '../support/bun.js';
import { defer } from '../support/cleanup.js';
import { tsc } from '../support/compiler.js';
import { packed } from '../support/packed.js';
import { testFiles } from '../support/places.js';
import { startProgram } from '../support/process.js';
import { type ConsumerProject, createConsumer } from './consumer.js';
import { projectFolder } from './imports.js';
import { atLeast, FLOORS } from './versions.js';

const run = promisify(execFile);

const REDIS_PACKAGES = ['ioredis', '@socket.io/redis-adapter', '@socket.io/redis-emitter', 'notepack.io'];
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

let tarball = '';
/** Paths in the tarball. */
let files: readonly string[] = [];
let consumer: ConsumerProject;
/** This Node.js, and the newest even one where that is another. */
const nodes = new Set([process.execPath]);

beforeAll(async () => {
  const { stdout } = await run(process.execPath, ['scripts/other-runtimes.mjs'], { cwd: projectFolder });
  if (stdout.trim() !== '') nodes.add(stdout.trim());
  ({ tarball, files } = await packed());
  consumer = await createConsumer();
}, 120_000);

/** What a program in the consumer's folder prints first. Fails when it does not end well, or says anything on stderr. */
async function printed(name: string, code: string, node = process.execPath, flags?: string[]): Promise<unknown> {
  const env = flags === undefined ? {} : { NODE_OPTIONS: flags.join(' ') };
  const program = startProgram(await consumer.write(name, code), { cwd: consumer.folder, node, env });
  expect(await program.ended(20_000), program.stderr).toEqual({ code: 0, signal: null });
  expect(program.stderr).toBe('');
  return program.messages.next();
}

describe('the tarball', () => {
  test('holds what is compiled and what a reader needs, nothing else', () => {
    const others = files.filter((path) => !/^dist\/.*\.(js|d\.ts)$/.test(path));
    const papers = ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md'];
    const manifests = ['package.json', 'client/package.json', 'dist/cjs/package.json'];
    expect(others.toSorted()).toEqual([...papers, ...manifests].toSorted());
    expect(files).toContain('dist/index.js');
    expect(files).toContain('dist/client/index.d.ts');
    // Each module as an ES module and as CommonJS.
    const modules = files.filter((path) => path.startsWith('dist/') && !path.startsWith('dist/cjs/'));
    expect(files.filter((path) => path.startsWith('dist/cjs/') && path !== 'dist/cjs/package.json').toSorted()).toEqual(
      modules.map((path) => path.replace('dist/', 'dist/cjs/')).toSorted(),
    );
  });

  test('has nothing that publint would change', async () => {
    const bytes = await readFile(tarball);
    const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('has types that resolve everywhere', async () => {
    const checker = join(projectFolder, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [checker, tarball, '--profile', 'strict', '--format', 'ascii', '--no-color'];
    // It exits non-zero, and so this rejects with all it printed, when a type does not resolve.
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
        same.push((await import(entry)).RoomgateError === require(entry).RoomgateError);
      }
      console.log(JSON.stringify(same));`;
    for (const node of [...nodes, bunPath()]) expect(await printed('both.mjs', code, node)).toEqual([true, true]);
  });

  test('is CommonJS for programs whose require() loads no ES modules', async () => {
    const code = `
      const { createServer } = require('node:http');
      const { RoomgateError: OfClient } = require('roomgate/client');
      const { RedisHelper, RoomgateError, SocketIOServerHelper } = require('roomgate');
      const lines = [];
      const logger = { debug: () => {}, info: () => {}, warn: (line) => lines.push(line), error: (line) => lines.push(line) };
      const helper = new SocketIOServerHelper({
        runtime: 'node', identifier: 'bare', server: createServer(), serverOptions: {}, authenticateFn: () => true, logger,
      });
      const redis = new RedisHelper({ name: 'a', host: '127.0.0.1', port: 1, password: '', autoConnect: false });
      helper.configure().then(() => helper.shutdown()).then(() => {
        const file = require.resolve('roomgate').split('/').slice(-3).join('/');
        console.log(JSON.stringify([file, OfClient === RoomgateError, redis.getClient().status, lines]));
      });`;
    const flags = ['--no-experimental-require-module'];
    const said = await printed('commonjs.cjs', code, process.execPath, flags);
    expect(said).toEqual(['dist/cjs/index.js', true, 'wait', []]);
  });

  test('loads nothing of Redis before Redis is asked for', async () => {
    const code = `
      import { RedisHelper, SocketIOServerHelper } from 'roomgate';
      let asked;
      try {
        new RedisHelper({ name: 'a', host: '127.0.0.1', port: 1, password: '', autoConnect: false });
      } catch (error) {
        asked = error.code;
      }
      console.log(JSON.stringify([typeof SocketIOServerHelper, asked]));`;
    const said = await consumer.without(REDIS_PACKAGES, () => printed('no-redis.mjs', code));
    expect(said).toEqual(['function', 'MODULE_NOT_FOUND']);
  });

  test('runs a server without Redis where nothing of Redis is installed', async () => {
    const code = `
      import { createServer } from 'node:http';
      import { SocketIOServerHelper } from 'roomgate';
      const helper = new SocketIOServerHelper({
        runtime: 'node', identifier: 'bare', server: createServer(), serverOptions: {}, authenticateFn: () => true,
      });
      await helper.configure();
      helper.send({ payload: { topic: 'news', data: 1 } });
      await helper.shutdown();
      console.log('"ended"');`;
    expect(await consumer.without(REDIS_PACKAGES, () => printed('bare.mjs', code))).toBe('ended');
  });

  test('brings and loads nothing of Bun on Node.js', async () => {
    const names = [...(await consumer.installed()).keys()].map((path) => path.replace(/^.*node_modules\//, ''));
    expect(names.filter((name) => /bun|typescript/.test(name))).toEqual([]);
    const loaded = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks?.({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      await import('roomgate');
      console.log(JSON.stringify(loaded.filter((url) => url.includes('/runtime/bun'))));`;
    for (const node of nodes) {
      // Hooks that see what is imported came with Node.js 22.15.
      const { stdout } = await run(node, ['--version']);
      if (Number(stdout.slice(1).split('.')[0]) < 24) continue;
      expect(await printed('loaded.mjs', loaded, node)).toEqual([]);
    }
  });

  test('runs on Bun, and says what is missing where its engine is not installed', async () => {
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
    const server = ['socket.io', 'engine.io', 'socket.io-adapter', ...REDIS_PACKAGES];
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

describe('its types', () => {
  const program = `
    import { createServer } from 'node:http';
    import { RedisHelper, SocketIOServerHelper, type IHandshake, type TSocketIOServerOptions } from 'roomgate';
    import { SocketIOClientHelper } from 'roomgate/client';

    const options: TSocketIOServerOptions = {
      runtime: 'node',
      server: createServer(),
      identifier: 'one',
      serverOptions: { path: '/io' },
      redisConnection: new RedisHelper({ name: 'redis', host: 'localhost', port: 6379, password: '' }),
      authenticateFn: (handshake: IHandshake) => handshake.auth['token'] === 'good',
      validateRoomFn: ({ rooms }) => rooms.filter((room) => room.startsWith('open')),
    };
    const server = new SocketIOServerHelper(options);
    const map: number = server.getClients().size;
    server.send({ destination: 'room', payload: { topic: 'news', data: { map } } });
    // @ts-expect-error: a topic is text
    server.send({ payload: { topic: 1, data: null } });

    const client = new SocketIOClientHelper({
      identifier: 'two',
      host: 'http://localhost',
      options: { path: '/io', extraHeaders: {} },
      onUnauthenticated: (message) => console.log(message.length),
    });
    client.joinRooms({ rooms: ['open-1'] });
    // @ts-expect-error: there is no such state
    const wrong: 'elsewhere' = client.getState();
    export { wrong };
  `;

  test('check with each moduleResolution, in ES modules and in CommonJS', async () => {
    const configs: string[] = [];
    for (const [moduleResolution, extension] of [
      ['nodenext', 'mts'],
      ['nodenext', 'cts'],
      ['node16', 'mts'],
      ['node16', 'cts'],
      ['bundler', 'mts'],
    ]) {
      // By names of their own, so that the compiler says in which of them something is wrong.
      const file = `program.${moduleResolution}.${extension}`;
      const config = `tsconfig.${moduleResolution}.${extension}.json`;
      const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution;
      const settings = { module, moduleResolution, strict: true, noEmit: true, target: 'es2022', types: ['node'] };
      await consumer.write(file, program);
      await consumer.write(config, JSON.stringify({ compilerOptions: settings, files: [file] }));
      configs.push(config);
    }
    expect(await tsc(['--build', '--singleThreaded', ...configs], consumer.folder)).toEqual({ stdout: '', code: 0 });
  });

  test('check with the resolution that knows no exports, of TypeScript before version 7', async () => {
    const file = await consumer.write('node10/program.ts', program);
    await consumer.write('node10/package.json', '{}');
    // The one that checks packages, because this project's own compiler has that resolution no more.
    const compiler = createRequire(join(projectFolder, 'node_modules/@arethetypeswrong/core/')).resolve('typescript');
    const settings = ['--module', 'commonjs', '--moduleResolution', 'node10', '--strict', '--skipLibCheck'];
    const args = [join(compiler, '../tsc.js'), ...settings, '--noEmit', '--target', 'es2022', '--types', 'node', file];
    const printedBy = ({ stdout }: { stdout: string }): string => stdout;
    const cwd = join(consumer.folder, 'node10');
    expect(await run(process.execPath, args, { cwd }).then(printedBy, printedBy)).toBe('');
  });
});
