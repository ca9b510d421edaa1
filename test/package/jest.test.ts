// npm test: node
import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../support/redis.js';
import { type ConsumerProject, createConsumer, installedFixture } from './consumer.js';

const run = promisify(execFile);

let consumer: ConsumerProject;
/** The packages of Jest 29, ts-jest and TypeScript 5.9. */
let modules: string;

beforeAll(async () => {
  [consumer, modules] = await Promise.all([createConsumer({ redis: true }), installedFixture('jest')]);
}, 180_000);

interface JestRun {
  /** Files of the project, with `package.json`, in which Jest has its settings. */
  readonly files: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the tests of a project. Resolves to the output of Jest, and its exit code. */
async function runJest(name: string, { files, env = {} }: JestRun): Promise<{ code: number; output: string }> {
  for (const [file, text] of Object.entries(files)) await consumer.write(`${name}/${file}`, text);
  const folder = join(consumer.folder, name);
  const cache = join(consumer.folder, 'jest-cache');
  const args = [join(modules, 'jest', 'bin', 'jest.js'), '--ci', '--cacheDirectory', cache, '--rootDir', folder];
  return run(process.execPath, args, { cwd: folder, timeout: 120_000, env: { ...process.env, ...env } }).then(
    ({ stderr }) => ({ code: 0, output: stderr }),
    (error: { stderr: string }) => ({ code: 1, output: error.stderr }),
  );
}

function expectPassed({ code, output }: { code: number; output: string }, tests: number): void {
  expect(output).toContain(`Tests:       ${tests} passed, ${tests} total`);
  expect(output).not.toContain('did not exit');
  expect(code).toBe(0);
}

const PROGRAM = `
const { createServer } = require('node:http');
const { once } = require('node:events');
const { RedisHelper, RoomgateError, SocketIOServerHelper } = require('roomgate');
const { RoomgateError: ClientError, SocketIOClientHelper } = require('roomgate/client');

test('a client is authenticated, and joins a room', async () => {
  const server = createServer();
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    server,
    identifier: 'jest',
    serverOptions: { path: '/io' },
    authenticateFn: ({ auth }) => auth.token === 'let me in',
    validateRoomFn: ({ rooms }) => rooms.filter((room) => room.startsWith('public/')),
    logger: false,
  });
  await helper.configure();
  server.listen(0);
  await once(server, 'listening');
  const client = new SocketIOClientHelper({
    identifier: 'reader',
    host: 'http://localhost:' + server.address().port,
    options: { path: '/io' },
    credentials: () => ({ token: 'let me in' }),
    logger: false,
  });
  const said = new Promise((resolve) => client.subscribe({ event: 'said', handler: resolve }));
  await client.waitFor('authenticated');
  const { joined } = await client.joinRooms({ rooms: ['public/news', 'secret'] });
  expect(joined).toEqual(['public/news']);
  helper.send({ destination: 'public/news', payload: { topic: 'said', data: 'Hello' } });
  expect(await said).toBe('Hello');
  client.shutdown();
  await helper.shutdown();
});

test('both entries are one copy, and make errors of one class', () => {
  expect(ClientError).toBe(RoomgateError);
  expect(() => new SocketIOServerHelper({})).toThrow(RoomgateError);
});

test('ioredis is loaded when a helper makes a client', () => {
  const helper = new RedisHelper({ name: 'a', host: '127.0.0.1', port: 1, autoConnect: false });
  expect(helper.getClient().status).toBe('wait');
});
`;

const WITH_REDIS = `
const { createServer } = require('node:http');
const { once } = require('node:events');
const { RedisHelper, SocketIOEmitterHelper, SocketIOServerHelper } = require('roomgate');
const { SocketIOClientHelper } = require('roomgate/client');

test('a worker reaches a client through Redis', async () => {
  const redisConnection = new RedisHelper({
    name: 'redis', host: '127.0.0.1', port: process.env.REDIS_PORT, autoConnect: false,
  });
  const server = createServer();
  const helper = new SocketIOServerHelper({
    runtime: 'node', server, identifier: 'jest', serverOptions: { path: '/io' }, redisConnection,
    authenticateFn: () => true, logger: false,
  });
  const worker = new SocketIOEmitterHelper({ identifier: 'worker', redisConnection, logger: false });
  await Promise.all([helper.configure(), worker.configure()]);
  server.listen(0);
  await once(server, 'listening');
  const client = new SocketIOClientHelper({
    identifier: 'reader', host: 'http://localhost:' + server.address().port, options: { path: '/io' },
    credentials: () => ({}), logger: false,
  });
  const said = new Promise((resolve) => client.subscribe({ event: 'said', handler: resolve }));
  await client.waitFor('authenticated');
  worker.send({ payload: { topic: 'said', data: 'Hello' } });
  expect(await said).toBe('Hello');
  client.shutdown();
  await Promise.all([helper.shutdown(), worker.shutdown()]);
  await redisConnection.disconnect();
});
`;

const CLIENT = `
const { SocketIOClientHelper } = require('roomgate/client');

test('a client is made', () => {
  const client = new SocketIOClientHelper({
    identifier: 'reader', host: 'http://localhost:1', options: { path: '/io', autoConnect: false }, logger: false,
  });
  expect(client.getState()).toBe('unauthorized');
  client.shutdown();
});
`;

const TYPED = `
import { createServer } from 'node:http';
import { RoomgateError, SocketIOServerHelper, type IHandshake } from 'roomgate';
import { RoomgateError as OfClient, SocketIOClientHelper } from 'roomgate/client';

declare const test: (name: string, act: () => Promise<void> | void) => void;
declare const expect: (value: unknown) => { toBe(other: unknown): void };

test('both entries are loaded and typed', async () => {
  const helper = new SocketIOServerHelper({
    runtime: 'node', server: createServer(), identifier: 'jest', serverOptions: {},
    authenticateFn: (handshake: IHandshake) => handshake.auth['token'] === 'good', logger: false,
  });
  await helper.configure();
  const client = new SocketIOClientHelper({
    identifier: 'reader', host: 'http://localhost:1', options: { path: '/io', autoConnect: false }, logger: false,
  });
  // @ts-expect-error: there is no such state
  const wrong: 'elsewhere' = client.getState();
  expect(typeof wrong).toBe('string');
  expect(OfClient).toBe(RoomgateError);
  client.shutdown();
  await helper.shutdown();
});
`;

describe('Jest 29', () => {
  it('loads both entries with its default settings', async () => {
    expectPassed(await runJest('plain', { files: { 'package.json': '{}', 'one.test.js': PROGRAM } }), 3);
  });

  it('loads the client in an environment of browsers', async () => {
    const testEnvironmentOptions = { customExportConditions: ['browser'] };
    const files = { 'package.json': JSON.stringify({ jest: { testEnvironmentOptions } }), 'one.test.js': CLIENT };
    expectPassed(await runJest('browser', { files }), 1);
  });

  it('runs a server and a worker that use Redis', async () => {
    const redis = await startRedis();
    const files = { 'package.json': '{}', 'redis.test.js': WITH_REDIS };
    expectPassed(await runJest('redis', { files, env: { REDIS_PORT: `${redis.port}` } }), 1);
  });

  it('loads and types both entries with ts-jest and moduleResolution node10', async () => {
    await symlink(join(modules, 'typescript'), join(consumer.folder, 'node_modules', 'typescript'));
    const compilerOptions = {
      ...{ module: 'commonjs', moduleResolution: 'node10', strict: true, skipLibCheck: false },
      ...{ target: 'es2022', types: ['node'] },
    };
    const files = {
      'package.json': JSON.stringify({ jest: { transform: { '\\.ts$': join(modules, 'ts-jest') } } }),
      'tsconfig.json': JSON.stringify({ compilerOptions }),
      'typed.test.ts': TYPED,
    };
    expectPassed(await runJest('typed', { files }), 1);
    // Proves that the types are checked.
    const wrong = TYPED.replace('    // @ts-expect-error: there is no such state\n', '').replace(
      / *\/\/ @ts-expect.*\n/,
      '',
    );
    const { code, output } = await runJest('typed', { files: { ...files, 'typed.test.ts': wrong } });
    expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining('elsewhere') });
    // ts-jest compiles all declarations, twice.
  }, 180_000);
});
