// npm test: node
import { execFile } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { startProgram } from '../support/process.js';
import { type ConsumerProject, createConsumer, installedFixture } from './consumer.js';
import { projectFolder } from './imports.js';

/*
 * Projects of users, compiled with `skipLibCheck: false` and run: each kind of modules, with the compiler of this project and
 * with TypeScript 5.9, which is the last one that has `moduleResolution: node10`.
 */

const run = promisify(execFile);

interface Kind {
  readonly module: string;
  readonly moduleResolution: string;
  readonly type: 'commonjs' | 'module';
  /** A name of `COMPILERS`. */
  readonly compiler: string;
}

const KINDS: Readonly<Record<string, Kind>> = {
  node10: { module: 'commonjs', moduleResolution: 'node10', type: 'commonjs', compiler: '5.9' },
  node16: { module: 'node16', moduleResolution: 'node16', type: 'commonjs', compiler: '5.9' },
  commonjs: { module: 'nodenext', moduleResolution: 'nodenext', type: 'commonjs', compiler: '7' },
  modules: { module: 'nodenext', moduleResolution: 'nodenext', type: 'module', compiler: '7' },
  bundler: { module: 'esnext', moduleResolution: 'bundler', type: 'module', compiler: '7' },
};
/** One for each compiler: the types of a project with the packages for Redis do not depend on its kind of modules. */
const WITH_REDIS = ['node10', 'modules'];

const PROGRAM = `
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  RedisHelper, RoomgateError, SocketIOClientHelper as OfMain, SocketIOEmitterHelper, SocketIOServerHelper,
  type IHandshake, type TSocketIOServerOptions,
} from 'roomgate';
import { RoomgateError as OfClient, SocketIOClientHelper } from 'roomgate/client';

const server = createServer();
const options: TSocketIOServerOptions = {
  runtime: 'node',
  server,
  identifier: 'one',
  serverOptions: { path: '/io' },
  authenticateFn: (handshake: IHandshake) => handshake.auth['token'] === 'good',
  validateRoomFn: ({ rooms }) => rooms.filter((room) => room.startsWith('open')),
  logger: false,
};
const helper = new SocketIOServerHelper(options);
// Both entries declare one class, although it has private fields.
const take = (client: OfMain): string => client.getState();

async function main(): Promise<void> {
  await helper.configure();
  server.listen(0);
  await once(server, 'listening');
  const client = new SocketIOClientHelper({
    identifier: 'two',
    host: 'http://localhost:' + (server.address() as AddressInfo).port,
    options: { path: '/io' },
    credentials: () => ({ token: 'good' }),
    logger: false,
  });
  await client.waitFor('authenticated');
  const { joined } = await client.joinRooms({ rooms: ['open/1', 'closed'] });
  // @ts-expect-error: a topic is text
  const wrong = () => helper.send({ payload: { topic: 1, data: null } });
  const said: [unknown, boolean, string, string] = [joined, OfClient === RoomgateError, take(client), typeof wrong];
  client.shutdown();
  await helper.shutdown();
  console.log(JSON.stringify(said));
}

// Never called: how types for Redis look is a matter of the compiler.
export function redis(): unknown {
  const redisHelper = new RedisHelper({ name: 'redis', host: 'localhost', port: 6379 });
  const emitter = new SocketIOEmitterHelper({ identifier: 'three', redisConnection: redisHelper });
  return [emitter.getEmitter().to('room').emit('news', redisHelper.getClient().status), options.redisConnection];
}
void main();
`;

/** Compiles only with the real types of ioredis and of the emitter. */
const EXACT = `
import type { Emitter } from '@socket.io/redis-emitter';
import type { Redis } from 'ioredis';
import { RedisClusterHelper, RedisHelper, SocketIOEmitterHelper, SocketIOServerHelper } from 'roomgate';

export function check(helper: RedisHelper, emitter: SocketIOEmitterHelper, server: SocketIOServerHelper): void {
  const client: Redis = helper.getClient();
  const emitters: Emitter[] = [emitter.getEmitter(), server.getEmitter()];
  // @ts-expect-error: ioredis has no such command
  helper.getClient().nothing();
  // @ts-expect-error: the emitter has no such method
  emitter.getEmitter().nothing();
  // @ts-expect-error: ioredis has another type for this option
  new RedisClusterHelper({ name: 'a', nodes: [], clusterOptions: { scaleReads: 1 } });
  console.log(client, emitters);
}
`;

const COMPILERS: Readonly<Record<string, () => Promise<string>>> = {
  '5.9': async () => join(await installedFixture('jest'), 'typescript', 'bin', 'tsc'),
  '7': async () => join(projectFolder, 'node_modules', 'typescript', 'bin', 'tsc'),
};

let plain: ConsumerProject;
let redis: ConsumerProject;
beforeAll(async () => {
  [plain, redis] = await Promise.all([createConsumer(), createConsumer({ redis: true })]);
}, 180_000);

/** Compiles projects in one run of each compiler. Resolves to their output. */
async function compile(
  project: ConsumerProject,
  kinds: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<string> {
  for (const name of kinds) await writeProject(project, name, files);
  const runs = Object.entries(COMPILERS).map(async ([version, path]) => {
    const folders = kinds.filter((name) => KINDS[name]?.compiler === version);
    if (folders.length === 0) return '';
    const printed = ({ stdout }: { stdout: string }): string => stdout;
    return run(process.execPath, [await path(), '--build', ...folders], { cwd: project.folder }).then(printed, printed);
  });
  return (await Promise.all(runs)).join('');
}

async function writeProject(project: ConsumerProject, name: string, files: Readonly<Record<string, string>>) {
  const { module, moduleResolution, type } = KINDS[name] as Kind;
  for (const [file, text] of Object.entries(files)) await project.write(`${name}/${file}`, text);
  await project.write(`${name}/package.json`, JSON.stringify({ type }));
  const compilerOptions = {
    ...{ module, moduleResolution, strict: true, target: 'es2022', types: ['node'], outDir: 'out', rootDir: '.' },
    // Every declaration is checked except those of the compiler itself.
    ...{ exactOptionalPropertyTypes: true, declaration: true, skipLibCheck: false, skipDefaultLibCheck: true },
  };
  await project.write(`${name}/tsconfig.json`, JSON.stringify({ compilerOptions, files: Object.keys(files) }));
}

describe('a project without the packages for Redis', () => {
  it('compiles', async () => {
    expect(await compile(plain, Object.keys(KINDS), { 'program.ts': PROGRAM })).toBe('');
  }, 120_000);

  it.each(Object.keys(KINDS))('runs: %s', async (name) => {
    const program = startProgram(join(plain.folder, name, 'out', 'program.js'), { cwd: plain.folder });
    expect(await program.ended(20_000), program.stderr).toEqual({ code: 0, signal: null });
    expect(await program.messages.next()).toEqual([['open/1'], true, 'authenticated', 'function']);
    expect(program.stderr).toBe('');
  });
});

describe('a project with the packages for Redis', () => {
  it('has their exact types', async () => {
    expect(await compile(redis, WITH_REDIS, { 'program.ts': PROGRAM, 'exact.ts': EXACT })).toBe('');
  }, 120_000);

  it('has those of ioredis 5 too', async () => {
    const place = join(redis.folder, 'node_modules', 'ioredis');
    await rm(place, { recursive: true });
    await symlink(join(projectFolder, 'node_modules', 'ioredis5'), place);
    expect(await compile(redis, ['modules'], { 'program.ts': PROGRAM, 'exact.ts': EXACT })).toBe('');
  }, 120_000);
});
