// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import {
  answered,
  inOrder,
  listener,
  openClient,
  type PlainInstance,
  redisClient,
  sendUntilHeard,
  startNode,
} from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { takeTheClock, takeTheTimeOf } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type RunningProxy, startProxy } from '../support/tcp-proxy.js';

interface Stage {
  readonly redis: RedisServer;
  readonly proxy: RunningProxy;
  readonly clock: { ticks(count: number): void };
  /** Resolves once that many more numbers were sent. */
  streamed(count: number): Promise<void>;
  readonly nodes: readonly PlainInstance[];
}

async function dropAll({ redis }: Stage): Promise<void> {
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
}

/** Faults of Redis, and of the network to it, while numbers are sent. */
const FAULTS: readonly (readonly [string, (stage: Stage) => Promise<void>])[] = [
  [
    'killed, and restarted after a while',
    async ({ redis, streamed }) => {
      await redis.kill();
      await streamed(500);
      await redis.restart();
    },
  ],
  [
    'stopped for a moment',
    async ({ redis, streamed }) => {
      await redis.pause();
      await streamed(500);
      redis.resume();
    },
  ],
  [
    'stopped for so long that its connections are given up',
    async ({ redis, streamed, clock }) => {
      await redis.pause();
      for (let second = 0; second < 15; second++) {
        clock.ticks(1);
        await streamed(50);
      }
      redis.resume();
    },
  ],
  [
    'reset five times',
    async ({ proxy, streamed }) => {
      for (let time = 0; time < 5; time++) {
        proxy.cut();
        await streamed(200);
      }
    },
  ],
  [
    'refusing connections',
    async ({ proxy, streamed }) => {
      await proxy.refuse();
      proxy.cut();
      await streamed(500);
      await proxy.accept();
    },
  ],
  [
    'behind a network that drops everything for a moment',
    async ({ proxy, streamed, clock }) => {
      proxy.blackhole();
      for (let second = 0; second < 4; second++) {
        clock.ticks(1);
        await streamed(50);
      }
      proxy.heal();
    },
  ],
  [
    'behind a network that drops everything for a long time',
    async ({ proxy, streamed, clock }) => {
      proxy.blackhole();
      for (let second = 0; second < 15; second++) {
        clock.ticks(1);
        await streamed(50);
      }
      proxy.heal();
    },
  ],
  [
    'locked behind an unknown password',
    async (stage) => {
      await stage.redis.configSet('requirepass', 'new');
      await dropAll(stage);
      await stage.streamed(500);
      await stage.redis.configSet('requirepass', '');
    },
  ],
  [
    'a replica that refuses writes',
    async ({ redis, streamed, clock }) => {
      const other = await startRedis();
      await redis.cli('REPLICAOF', '127.0.0.1', `${other.port}`);
      for (let second = 0; second < 40; second++) {
        clock.ticks(1);
        await streamed(20);
      }
      await redis.cli('REPLICAOF', 'NO', 'ONE');
    },
  ],
  [
    'full of other clients',
    async ({ redis, streamed }) => {
      const other = redisClient(redis.port);
      await other.config('SET', 'maxclients', '1');
      await other.call('client', 'kill', 'type', 'pubsub');
      await other.call('client', 'kill', 'type', 'normal');
      await streamed(500);
      await other.config('SET', 'maxclients', '1000');
    },
  ],
  [
    'out of memory',
    async ({ redis, streamed, clock }) => {
      await redis.configSet('maxmemory', '1');
      for (let second = 0; second < 10; second++) {
        clock.ticks(1);
        await streamed(20);
      }
      await redis.configSet('maxmemory', '0');
    },
  ],
];

describe.each(FAULTS)('a Redis that is %s', (_, harm) => {
  it('costs local clients nothing, duplicates and reorders nothing, and both directions recover', async () => {
    const redis = await startRedis();
    const proxy = await startProxy({ target: redis.port });
    const clock = takeTheClock();
    const one = await startNode({ redisConnection: redisClient(proxy.port), identifier: 'one' });
    const two = await startNode({ redisConnection: redisClient(proxy.port), identifier: 'two' });
    const local = await listener(one.url);
    const remote = await listener(two.url);
    let number = 0;
    let atOnce = 10;
    const timer = setTimeout(function send() {
      for (let count = 0; count < atOnce; count++) one.io.emit('n', number++);
      timer.refresh();
    }, 2);
    defer(() => clearTimeout(timer));
    const streamed = async (count: number) => {
      const goal = number + count;
      await eventually(() => local.heard.some((heard) => heard >= goal), { timeout: 10_000 });
    };
    await streamed(100);
    await eventually(() => remote.heard.length > 0);
    await harm({ redis, proxy, clock, streamed, nodes: [one, two] });
    const healed = number;
    // Enough messages to notice the fault.
    atOnce = 1;
    const begun = performance.now();
    await eventually(() => remote.heard.some((value) => value > healed), { what: 'healing', timeout: 15_000 });
    const healing = Math.round(performance.now() - begun);
    clearTimeout(timer);
    const last = number - 1;
    await eventually(() => local.heard.at(-1) === last && remote.heard.at(-1) === last, { timeout: 15_000 });
    expect(local.heard).toEqual(Array.from({ length: number }, (__, index) => index));
    expect(inOrder(remote.heard)).toBe(true);
    if (process.env.ROOMGATE_MEASURE) console.log(_, { healing, sent: number, lost: number - remote.heard.length });
    await sendUntilHeard(two, local, 1_000_000);
    expect(one.reported('backplane_messages_rejected')).toEqual([]);
  });
});

describe('dead connections without an error', () => {
  it('are replaced, both at the same time', async () => {
    const redis = await startRedis();
    const proxy = await startProxy({ target: redis.port });
    const clock = takeTheClock();
    const client = openClient(proxy.port);
    const one = await startNode({ redisConnection: client });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    const [earOfOne, earOfTwo] = [await listener(one.url), await listener(two.url)];
    await sendUntilHeard(one, earOfTwo, 0);
    proxy.blackhole();
    client.moveTo(redis.port);
    one.io.emit('n', 1_000);
    clock.ticks(14);
    await sendUntilHeard(one, earOfTwo, 2_000);
    await sendUntilHeard(two, earOfOne, 10_000);
    expect(inOrder(earOfTwo.heard.filter((number) => number < 10_000))).toBe(true);
  });

  it('are replaced in time if a Redis answers but refuses writes: another one may be the master', async () => {
    const redis = await startRedis();
    const master = await startRedis();
    const clock = takeTheClock();
    const client = openClient(redis.port);
    await startNode({ redisConnection: client });
    await redis.cli('REPLICAOF', '127.0.0.1', `${master.port}`);
    client.moveTo(master.port);
    for (let tick = 0; tick < 15; tick++) {
      clock.ticks(1);
      await answered(client);
    }
    for (const role of ['publisher', 'subscriber', 'emitter'] as const) {
      await eventually(async () => {
        expect(client.connection(role).options.port).toBe(master.port);
        expect(await client.connection(role).ping()).toBe('PONG');
      });
    }
  });
});

describe('with any options of the program’s client', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });

  it.each([
    ['gives up at once', { retryStrategy: () => null }],
    ['is the default of ioredis', {}],
    ['speaks RESP 2', { protocol: 2 }],
    ['queues nothing', { enableOfflineQueue: false, autoResubscribe: false, maxRetriesPerRequest: 0 }],
    [
      'queues and resends',
      { enableOfflineQueue: true, autoResendUnfulfilledCommands: true, maxRetriesPerRequest: null },
    ],
    ['uses automatic pipelining', { enableAutoPipelining: true }],
    ['prefixes its keys, and uses another database', { keyPrefix: 'app:', db: 3 }],
    ['reconnects on errors', { reconnectOnError: () => 2 }],
    ['has timeouts for its commands', { commandTimeout: 100, socketTimeout: 200 }],
  ] as const)('recovers if it %s', async (_, options) => {
    const one = await startNode({ redisConnection: redisClient(redis.port, options) });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    const heardByOne = await listener(one.url);
    const heardByTwo = await listener(two.url);
    await dropAll({ redis } as Stage);
    const next = await sendUntilHeard(one, heardByTwo, 0);
    await sendUntilHeard(two, heardByOne, next);
  });

  it.each([{ keyPrefix: 'app:' }, { db: 3 }])('uses the one scope of channels, with %o too', async (options) => {
    const one = await startNode({ redisConnection: redisClient(redis.port, options), sockets: ['b'] });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    expect((await two.search.find(['b'], 5_000)).get('b')).toBe('elsewhere');
    await one.backplane.close(500);
  });
});

describe('open()', () => {
  it('names address and reason when Redis refuses, and leaves nothing open; another backplane opens later', async () => {
    const redis = await startRedis({ password: 'secret' });
    const { createRedisBackplane } = await import('../../src/backplane/redis/redis-backplane.js');
    const redisConnection = redisClient(redis.port);
    const create = () => createRedisBackplane({ redisConnection, identifier: 'a', report: () => undefined });
    const backplane = create();
    const time = takeTheTimeOf(redisConnection);
    const refused = expect(backplane.open(300)).rejects.toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${redis.port} within 300 ms: .*NOAUTH`)),
    });
    // One attempt more than there are connections.
    await time.passAfter(4, 300);
    await refused;
    await eventually(async () => (await redis.cli('CLIENT', 'LIST')).split('\n').length === 1);
    await redis.configSet('requirepass', '');
    await expect(backplane.open(300)).rejects.toMatchObject({ code: 'shut_down' });
    const later = create();
    await later.open(5_000);
    await later.close(1_000);
    expect(redisConnection.status).toBe('wait');
  });

  it('waits for a Redis that starts later', async () => {
    const redis = await startRedis();
    await redis.kill();
    const opening = startNode({ redisConnection: redisClient(redis.port) });
    await redis.restart();
    await opening;
  });
});

describe('close()', () => {
  it('is bounded if Redis does not answer', async () => {
    const redis = await startRedis();
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await redis.pause();
    const begun = performance.now();
    await node.backplane.close(300);
    // Without a limit it would never end.
    expect(performance.now() - begun).toBeLessThan(4_000);
    redis.resume();
    await eventually(async () => (await redis.cli('CLIENT', 'LIST')).split('\n').length === 1);
  });
});
