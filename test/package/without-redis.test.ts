// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { bunPath } from '../support/bun.js';
import { startProgram } from '../support/process.js';
import { type ConsumerProject, createConsumer, REDIS_PACKAGES } from './consumer.js';

const INSTALL = 'Run: npm install ioredis @socket.io/redis-adapter @socket.io/redis-emitter';
const RUNTIMES = { 'Node.js': process.execPath, Bun: bunPath() };

const PROGRAM = `
import { createServer } from 'node:http';
import {
  RedisClusterHelper, RedisHelper, RoomgateError, SocketIOComponent, SocketIOEmitterHelper, SocketIOServerHelper,
} from 'roomgate';

const redisConnection = { duplicate: () => undefined };
const base = { identifier: 'one', serverOptions: {}, authenticateFn: () => true, redisConnection };
const said = {};
for (const [name, make] of Object.entries({
  RedisHelper: () => new RedisHelper({ name: 'a', host: '127.0.0.1', port: 1, autoConnect: false }),
  RedisClusterHelper: () =>
    new RedisClusterHelper({ name: 'a', nodes: [{ host: '127.0.0.1', port: 1 }], clusterOptions: { lazyConnect: true } }),
  SocketIOServerHelper: () => new SocketIOServerHelper({ runtime: 'node', server: createServer(), ...base }),
  SocketIOEmitterHelper: () => new SocketIOEmitterHelper({ identifier: 'two', redisConnection }),
})) {
  try {
    make();
    said[name] = 'made';
  } catch (error) {
    said[name] = [error instanceof RoomgateError, error.code, error.message];
  }
}
const { redisConnection: _, ...alone } = base;
const helper = new SocketIOServerHelper({ runtime: 'node', server: createServer(), ...alone });
if (process.versions.bun === undefined) {
  await helper.configure();
  helper.send({ payload: { topic: 'news', data: 1 } });
  await helper.shutdown();
}
console.log(JSON.stringify(said));
`;

let plain: ConsumerProject;
let redis: ConsumerProject;
beforeAll(async () => {
  [plain, redis] = await Promise.all([createConsumer(), createConsumer({ redis: true })]);
}, 120_000);

async function saidIn(project: ConsumerProject, node: string): Promise<unknown> {
  const program = startProgram(await project.write('program.mjs', PROGRAM), { cwd: project.folder, node });
  expect(await program.ended(20_000), program.stderr).toEqual({ code: 0, signal: null });
  return program.messages.next();
}

describe.each(Object.entries(RUNTIMES))('on %s', (_, node) => {
  const missing = (of: string, name: string): unknown => [
    true,
    'unsupported',
    `${of}: the package ${name} is not installed. ${INSTALL}`,
  ];

  it('a constructor that needs the packages for Redis throws an error with the install command', async () => {
    expect(await saidIn(plain, node)).toEqual({
      RedisHelper: missing('RedisHelper', 'ioredis'),
      RedisClusterHelper: missing('RedisClusterHelper', 'ioredis'),
      SocketIOServerHelper: missing('SocketIOServerHelper', '@socket.io/redis-adapter'),
      SocketIOEmitterHelper: missing('SocketIOEmitterHelper', '@socket.io/redis-emitter'),
    });
  });

  it('every constructor works with them', async () => {
    const names = ['RedisHelper', 'RedisClusterHelper', 'SocketIOServerHelper', 'SocketIOEmitterHelper'];
    expect(await saidIn(redis, node)).toEqual(Object.fromEntries(names.map((name) => [name, 'made'])));
  });

  it('a package that lacks a package of its own is not reported as missing', async () => {
    const said = await redis.without(['standard-as-callback'], () => saidIn(redis, node));
    expect(JSON.stringify(said)).toContain('standard-as-callback');
    expect(JSON.stringify(said)).not.toContain(INSTALL);
  });
});

it('a server that is given a connection needs no ioredis of its own', async () => {
  const [ioredis = ''] = REDIS_PACKAGES;
  const said = await redis.without([ioredis], () => saidIn(redis, process.execPath));
  expect(said).toMatchObject({ SocketIOServerHelper: 'made', SocketIOEmitterHelper: 'made' });
});
