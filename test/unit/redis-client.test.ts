// npm test: node
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it, vi } from 'vitest';
import type { Dialer } from '../../src/backplane/redis/client.js';
import { createDialer } from '../../src/backplane/redis/dialers.js';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import { Outages } from '../../src/backplane/redis/outages.js';
import { Publisher } from '../../src/backplane/redis/publisher.js';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import { DefaultRedisHelper, RedisClusterHelper, RedisHelper } from '../../src/backplane/redis/redis-helper.js';
import { resolveOptions } from '../../src/server/resolve-options.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';

const noop = () => undefined;

/** Each has the methods that identify it. The real clients have these, and no `call`. */
const NODE_REDIS = { duplicate: noop, pSubscribe: noop, sendCommand: noop, isOpen: false };
const NODE_REDIS_3 = { duplicate: noop, psubscribe: noop, internal_send_command: noop, sendCommand: noop };
class RedisClient {
  duplicate = noop;
  send = noop;
}

type Given = (given: unknown) => unknown;

const options = { runtime: 'node', identifier: 'a', serverOptions: {}, authenticateFn: () => true };
const server = { on: noop, listeners: () => [], removeAllListeners: noop, close: noop };

/** Every place where a program passes a client, and the start of each error. */
const PLACES: readonly (readonly [string, Given, string])[] = [
  [
    'SocketIOServerHelper',
    (given) => resolveOptions({ ...options, server, redisConnection: given }),
    'SocketIOServerHelper: option "redisConnection": expected a Redis helper (with getClient()) or a client of ioredis 5 or 6',
  ],
  [
    'SocketIOEmitterHelper',
    (given) => new SocketIOEmitterHelper({ identifier: 'a', redisConnection: given as never }),
    'SocketIOEmitterHelper: option "redisConnection": expected a Redis helper (with getClient()) or a client of ioredis 5 or 6',
  ],
  [
    'DefaultRedisHelper',
    (given) => new DefaultRedisHelper({ identifier: 'a', client: given as never }),
    'DefaultRedisHelper: option "client": expected a client of ioredis 5 or 6',
  ],
];

describe.each(PLACES)('%s', (_, give, start) => {
  it.each([
    ['a client of node-redis 4 or 5', NODE_REDIS, 'received a client of node-redis (the package "redis")'],
    ['a client of node-redis 3', NODE_REDIS_3, 'received a client of node-redis (the package "redis")'],
    ['the client of Bun', new RedisClient(), 'received another client of Redis (RedisClient)'],
    ['an object of any other class', new Map(), 'received an object of the class Map'],
    ['an empty object', {}, 'received an object'],
    ['a URL', 'redis://:hunter2@db', 'received a string'],
    ['null', null, 'received null'],
  ])('rejects %s, and names what is supported', (__, given, end) => {
    const error = thrownBy(() => give(given));
    expect(error).toMatchObject({ name: 'RoomgateError', code: 'invalid_option' });
    expect(String(error)).toContain(start);
    expect(String(error)).toContain(end);
    expect(String(error)).not.toContain('hunter2');
  });

  it('accepts clients of ioredis, and wrappers that can be duplicated', () => {
    const [redis, cluster] = [new Redis({ lazyConnect: true }), new Cluster([{}], { lazyConnect: true })];
    defer(() => redis.disconnect());
    defer(() => cluster.disconnect());
    for (const client of [redis, cluster, { duplicate: noop, on: noop }]) give(client);
  });
});

describe.each(PLACES.slice(0, 2))('%s', (_, give) => {
  it('rejects a helper whose getClient() returns a client of node-redis', () => {
    const error = thrownBy(() => give({ getClient: () => NODE_REDIS }));
    expect(String(error)).toContain('received a helper with a client of node-redis (the package "redis")');
  });

  it('accepts a helper whose client is created later', () => {
    give({ getClient: noop });
    give({
      getClient: () => {
        throw new Error('not yet');
      },
    });
  });
});

it('configure() rejects at once if duplicate() returns no client of ioredis', async () => {
  const backplane = createRedisBackplane({
    redisConnection: { duplicate: () => Promise.resolve({}) },
    identifier: 'a',
    report: noop,
  });
  const begun = performance.now();
  await expect(backplane.open(30_000)).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringMatching(
      /duplicate\(\) must return a client of ioredis 5 or 6, received a promise without on, /,
    ),
  });
  expect(performance.now() - begun).toBeLessThan(5_000);
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const refuse = () => Promise.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));

describe('undocumented members of ioredis:', () => {
  it('isCluster of a client is optional, and without a cluster’s nodes errors name none', () => {
    const cluster = new Cluster([{ host: 'localhost', port: 1 }], { lazyConnect: true });
    defer(() => cluster.disconnect());
    expect(createDialer(cluster).address).toBe('localhost:1');
    Object.assign(cluster, { isCluster: undefined, startupNodes: undefined });
    const dialer = createDialer(cluster);
    // Only a dialer for a cluster can count the subscribers of all nodes.
    expect(dialer.countSubscribers).toBeTypeOf('function');
    expect(dialer.address).toBe('a cluster');
    const single = new Redis({ lazyConnect: true });
    expect(createDialer(single).countSubscribers).toBeUndefined();
  });

  it('stream of a connection: without it, a message that is refused counts as uncertain', async () => {
    const reports: object[] = [];
    const done = async () => 1;
    const client = { on: noop, connect: done, quit: done, disconnect: noop, call: done, publish: refuse } as never;
    const dialer: Dialer = { address: 'here', countSubscribers: undefined, dial: async () => client };
    const report = (it: object) => void reports.push(it);
    const publisher = new Publisher({
      ...{ name: 'publisher', connectionName: 'x', dialer, reportOnce: noop },
      ...{ report, outages: new Outages('here', report) },
    });
    publisher.start();
    await eventually(() => expect(publisher.healthy).toBe(true));
    publisher.publish('channel', 'message');
    await publisher.stop(0);
    expect(reports).toContainEqual(expect.objectContaining({ type: 'backplane_messages_undelivered', uncertain: 1 }));
  });
});

describe('names of options', () => {
  const options = { name: 'a', host: 'localhost', port: 1, autoConnect: false };
  const emitter = { identifier: 'a', redisConnection: { duplicate: noop }, logger: false } as const;

  it.each([
    ['RedisHelper', () => new RedisHelper({ ...options, hosts: 'b' } as never), 'Did you mean "host"?'],
    ['RedisHelper', () => new RedisHelper({ ...options, username: 'b' } as never), 'Did you mean "user"?'],
    ['RedisHelper', () => new RedisHelper({ ...options, db: 1 } as never), 'Did you mean "database"?'],
    [
      'RedisHelper',
      () => new RedisHelper({ ...options, database: -1 }),
      '"database": expected a whole number of 0 or more',
    ],
    ['RedisHelper', () => new RedisHelper({ ...options, port: 'x' }), '"port": expected a number from 1 to 65535'],
    ['RedisHelper', () => new RedisHelper({ ...options, host: 'redis://a' }), '"host": expected a name or an address'],
    ['RedisHelper', () => new RedisHelper({ ...options, host: 'a:6379' }), 'without a scheme and a port'],
    ['RedisHelper', () => new RedisHelper({ ...options, host: undefined as never }), 'received undefined'],
    [
      'RedisClusterHelper',
      () => new RedisClusterHelper({ name: 'a', nodes: ['a:1'] as never }),
      '"nodes[0]": expected',
    ],
    [
      'RedisClusterHelper',
      () => new RedisClusterHelper({ name: 'a', nodes: [{ host: 'a', port: 0 }] }),
      '"nodes[0].port": expected a number from 1 to 65535, received 0',
    ],
    ['RedisHelper', () => new RedisHelper(undefined as never), 'Write new RedisHelper({ name, host, port }).'],
    ['RedisHelper', () => new RedisHelper('redis://localhost' as never), 'received a string. Write new RedisHelper('],
    ['RedisClusterHelper', () => new RedisClusterHelper({ name: 'a', node: [] } as never), 'Did you mean "nodes"?'],
    ['SocketIOEmitterHelper', () => new SocketIOEmitterHelper({ ...emitter, onreport: noop } as never), '"onReport"?'],
    [
      'SocketIOEmitterHelper',
      () => new SocketIOEmitterHelper(undefined as never),
      'expected one object with the options',
    ],
  ])('%s refuses a misspelled one, and something other than options', (of, make, words) => {
    expect(make).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(new RegExp(`^${of}: `)) }),
    );
    expect(make).toThrow(words);
  });

  it.each(['localhost', '127.0.0.1', '::1', 'redis.internal.'])('accept the host %s', (host) => {
    const { client } = new RedisHelper({ ...options, host, port: '6379', database: '2' as never });
    defer(() => client.disconnect());
    expect(client.options).toMatchObject({ host, port: 6379, db: 2 });
  });

  it('other unknown ones get one warning, unless ROOMGATE_LOG is above it', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(noop);
    defer(() => warn.mockRestore());
    const client = new RedisHelper({ ...options, tls: {}, color: undefined } as never).getClient();
    defer(() => client.disconnect());
    expect(warn.mock.calls).toEqual([[expect.stringContaining('RedisHelper: option "tls" has no effect')]]);
    vi.stubEnv('ROOMGATE_LOG', 'error');
    defer(() => vi.unstubAllEnvs());
    const other = new RedisHelper({ ...options, tls: {} } as never).getClient();
    defer(() => other.disconnect());
    expect(warn).toHaveBeenCalledTimes(1);
    const reports: unknown[] = [];
    const onReport = (report: unknown) => reports.push(report);
    new SocketIOEmitterHelper({ ...emitter, color: 1, redisTimeout: 30, onReport } as never);
    expect(reports).toMatchObject([
      { type: 'option_ignored', option: 'color' },
      { type: 'option_unusual', option: 'redisTimeout', ms: 30 },
    ]);
  });
});
