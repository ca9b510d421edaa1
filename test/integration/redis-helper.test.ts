// npm test: node
// npm run test:matrix: newest-node
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { DefaultRedisHelper, RedisClusterHelper, RedisHelper } from '../../src/backplane/redis/redis-helper.js';
import { redisClient } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ password: 'secret' });
});

function newHelper(more: Partial<ConstructorParameters<typeof RedisHelper>[0]> = {}): RedisHelper {
  const helper = new RedisHelper({ name: 'r', host: '127.0.0.1', port: redis.port, password: 'secret', ...more });
  defer(() => helper.disconnect());
  return helper;
}

describe('RedisHelper', () => {
  it('connects automatically, calls its callbacks, and disconnects', async () => {
    const told: string[] = [];
    const note =
      (event: string) =>
      ({ name, helper }: { name: string; helper: DefaultRedisHelper }) => {
        expect(helper).toBeInstanceOf(RedisHelper);
        told.push(`${event} ${name}`);
      };
    const callbacks = { onInitialized: note('initialized'), onConnected: note('connected'), onReady: note('ready') };
    const helper = newHelper({ port: `${redis.port}`, database: 2, ...callbacks });
    await eventually(() => told.length === 3);
    expect(told).toEqual(['initialized r', 'connected r', 'ready r']);
    expect(await helper.ping()).toBe('PONG');
    expect(await helper.getClient().client('INFO')).toContain('db=2');
    expect(await helper.connect()).toBe(false);
    expect(await helper.disconnect()).toBe(true);
    await eventually(() => helper.getClient().status === 'end');
    expect(await helper.disconnect()).toBe(false);
  });

  it('stays unconnected with autoConnect: false, until connect()', async () => {
    const helper = newHelper({ autoConnect: false });
    expect(helper.getClient().status).toBe('wait');
    expect(await helper.connect()).toBe(true);
    expect(await helper.disconnect()).toBe(true);
  });

  it('authenticates as a user', async () => {
    await redis.cli('ACL', 'SETUSER', 'guest', 'on', '>pass', '+@all');
    const helper = newHelper({ user: 'guest', password: 'pass', autoConnect: false });
    await helper.connect();
    expect(await helper.getClient().call('acl', 'whoami')).toBe('guest');
  });

  it('retries without end by default, and `maxRetry` times otherwise', async () => {
    const own = await startRedis();
    await own.kill();
    const errors: unknown[] = [];
    const onError = ({ error }: { error: unknown }) => errors.push(error);
    const mortal = newHelper({ port: own.port, password: undefined, maxRetry: 1, onError });
    const immortal = newHelper({ port: own.port, password: undefined });
    await eventually(() => mortal.getClient().status === 'end');
    expect(errors).toHaveLength(2);
    await own.restart();
    await eventually(() => immortal.getClient().status === 'ready');
    expect(mortal.getClient().status).toBe('end');
  });

  it('disconnects in bounded time from a Redis that is unreachable or does not answer', async () => {
    const own = await startRedis();
    const stopped = newHelper({ port: own.port, password: undefined, autoConnect: false });
    await stopped.connect();
    await own.pause();
    const begun = performance.now();
    expect(await stopped.disconnect()).toBe(false);
    expect(performance.now() - begun).toBeLessThan(8_000);
    own.resume();
    await own.kill();
    expect(await newHelper({ port: own.port, password: undefined }).disconnect()).toBe(false);
  });

  it('survives a callback that throws or rejects', async () => {
    let ready = false;
    const fail = () => {
      throw new Error('of the program');
    };
    const helper = newHelper({
      onInitialized: fail,
      onConnected: async () => fail(),
      onReady: () => {
        ready = true;
        fail();
      },
      onError: fail,
    });
    await eventually(() => ready);
    expect(await helper.ping()).toBe('PONG');
    helper.getClient().emit('error', new Error('of Redis'));
  });

  it.each([0, 65_536, 'x', '', Number.NaN, 1.5])('rejects %s as a port', (port) => {
    expect(() => newHelper({ port })).toThrow(/"port": expected a number from 1 to 65535/);
  });
});

describe('DefaultRedisHelper', () => {
  it('wraps a client that the program created', async () => {
    const client = redisClient(redis.port, { password: 'secret' });
    const helper = new DefaultRedisHelper({ scope: 'test', identifier: 'mine', client });
    expect(helper.name).toBe('mine');
    expect(helper.getClient()).toBe(client);
    expect(helper.getClient()).toBeInstanceOf(Redis);
    expect(await helper.connect()).toBe(true);
  });
});

describe('RedisClusterHelper', () => {
  it('rejects a cluster without nodes', () => {
    expect(() => new RedisClusterHelper({ name: 'c', nodes: [] })).toThrow(/nodes/);
  });
});
