// npm test: node
import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { hashOf, madeOnce } from '../support/made-once.js';
import { type ConsumerProject, createConsumer } from './consumer.js';
import { projectFolder } from './imports.js';

const run = promisify(execFile);
const JEST = join(projectFolder, 'test', 'fixtures', 'jest');

let consumer: ConsumerProject;
/** The program of Jest 29, installed once for all runs. */
let jest: string;

beforeAll(async () => {
  const home = join(projectFolder, '.cache', `jest-${await hashOf(JEST, ['package.json', 'package-lock.json'])}`);
  const install = async (fresh: string): Promise<void> => {
    await cp(JEST, fresh, { recursive: true });
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: fresh });
  };
  [consumer] = await Promise.all([createConsumer(), madeOnce(home, install)]);
  jest = join(home, 'node_modules', 'jest', 'bin', 'jest.js');
}, 180_000);

/** Runs one test file with Jest's default settings. Resolves to what it printed, and its exit code. */
async function runJest(name: string, manifest: object, code: string): Promise<{ code: number; output: string }> {
  await consumer.write(`${name}/package.json`, JSON.stringify(manifest));
  await consumer.write(`${name}/one.test.js`, code);
  const folder = join(consumer.folder, name);
  const cache = join(consumer.folder, 'jest-cache');
  const args = [jest, '--ci', '--cacheDirectory', cache, '--rootDir', folder];
  return run(process.execPath, args, { cwd: folder, timeout: 60_000 }).then(
    ({ stderr }) => ({ code: 0, output: stderr }),
    (error: { stderr: string }) => ({ code: 1, output: error.stderr }),
  );
}

const PROGRAM = `
const { createServer } = require('node:http');
const { once } = require('node:events');
const { RedisHelper, RoomgateError, SocketIOServerHelper } = require('roomgate');
const { RoomgateError: ClientError, SocketIOClientHelper } = require('roomgate/client');

test('a client is let in, and joins a room', async () => {
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

describe('Jest 29 with its default settings', () => {
  it('requires both entries, as CommonJS', async () => {
    const { code, output } = await runJest('commonjs', { private: true }, PROGRAM);
    expect(output).toContain('Tests:       3 passed, 3 total');
    expect(output).not.toContain('did not exit');
    expect(code).toBe(0);
  });
});
