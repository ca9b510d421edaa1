// npm test: node
// npm run test:matrix: newest-node
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import { listener, sendUntilHeard, startNode } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { takeTheTimeOf } from '../support/clock.js';
import { eventually, unusedPort } from '../support/facts.js';
import { type RedisServer, startRedis, startSentinel } from '../support/redis.js';
import { type RunningProxy, startProxy } from '../support/tcp-proxy.js';

let master: RedisServer;
let sentinel: RedisServer;

beforeAll(async () => {
  master = await startRedis();
  sentinel = await startSentinel({ name: 'news', master });
});

function clientOf(ports: readonly number[], name = 'news'): Redis {
  const sentinels = ports.map((port) => ({ host: '127.0.0.1', port }));
  const client = new Redis({ sentinels, name, lazyConnect: true });
  client.on('error', () => undefined);
  defer(() => client.disconnect());
  return client;
}

async function failureOf(redisConnection: Redis): Promise<unknown> {
  const time = takeTheTimeOf(redisConnection);
  const backplane = createRedisBackplane({ redisConnection, identifier: 'a', report: () => undefined });
  const failure = backplane.open(500).catch((error: unknown) => error);
  // One attempt more than there are connections.
  await time.passAfter(4, 500);
  return failure;
}

describe('a Redis behind Sentinels', () => {
  it('is reached through a Sentinel that answers', async () => {
    const ports = [await unusedPort(), sentinel.port];
    const one = await startNode({ redisConnection: clientOf(ports), identifier: 'one' });
    const two = await startNode({ redisConnection: clientOf(ports), identifier: 'two' });
    await sendUntilHeard(one, await listener(two.url), 0);
  });

  it('is reached if the first Sentinel does not answer', async () => {
    const proxies: RunningProxy[] = [];
    for (let count = 0; count < 7; count++) proxies.push(await startProxy({ target: sentinel.port }));
    for (const proxy of proxies) proxy.blackhole();
    const ports = [...proxies.map(({ port }) => port), sentinel.port];
    const backplane = createRedisBackplane({
      redisConnection: clientOf(ports),
      identifier: 'a',
      report: () => undefined,
    });
    defer(() => backplane.close(500));
    await backplane.open(30_000);
  }, 40_000);

  it('without a reachable Sentinel is named by its Sentinels and its master', async () => {
    const ports = [await unusedPort(), await unusedPort()];
    expect(await failureOf(clientOf(ports))).toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringMatching(
        new RegExp(
          `^Redis could not be reached at the master "news" of the Sentinels 127.0.0.1:${ports[0]}, 127.0.0.1:${ports[1]} ` +
            'within 500 ms: No Sentinel could be queried: they refuse or close the connection$',
        ),
      ),
    });
  });

  it('whose master no Sentinel knows is reported differently', async () => {
    expect(await failureOf(clientOf([sentinel.port], 'olds'))).toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringMatching(/the master "olds" of the Sentinels .*: No Sentinel knows a master "olds"$/),
    });
    expect(await failureOf(clientOf([await unusedPort(), sentinel.port], 'olds'))).toMatchObject({
      message: expect.stringMatching(
        /: No Sentinel knows a master "olds"; 1 of them could not be queried: they refuse or close the connection$/,
      ),
    });
  });

  it('recovers with its Sentinels, and the reason is reported meanwhile', async () => {
    const [own, watched] = await Promise.all([startRedis(), startRedis()]);
    await own.kill();
    const keeper = await startSentinel({ name: 'news', master: watched });
    const node = await startNode({ redisConnection: clientOf([keeper.port]) });
    await keeper.kill();
    for (const type of ['pubsub', 'normal']) await watched.cli('CLIENT', 'KILL', 'TYPE', type);
    await eventually(() => {
      const failing = node.reported('backplane_reconnect_failed');
      const asking = failing.filter(({ error }) => String(error).includes('No Sentinel could be queried'));
      return new Set(asking.map(({ connection }) => connection)).size === 3;
    });
    await keeper.restart();
    await eventually(() => node.reported('backplane_reconnected').length === 3, { timeout: 10_000 });
  }, 30_000);
});
