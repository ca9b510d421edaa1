// npm test: node
// npm run test:matrix: newest-node
import type { Emitter } from '@socket.io/redis-emitter';
import { Cluster, Redis } from 'ioredis';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import { RedisClusterHelper } from '../../src/backplane/redis/redis-helper.js';
import { inOrder, listener, sendUntilHeard, startNode } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { takeTheClock, takeTheTimeOf } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis, startRedisCluster } from '../support/redis.js';
import { type RunningProxy, startProxy } from '../support/tcp-proxy.js';

// A new node answers two seconds after its start: https://github.com/redis/redis/blob/7.0/src/cluster.c
// (CLUSTER_WRITABLE_DELAY). So all tests share these, except the one that kills nodes.
let single: RedisServer;
let three: readonly RedisServer[];
let mortal: readonly RedisServer[];

beforeAll(async () => {
  [single, three, mortal] = await Promise.all([
    startRedis({ cluster: true }),
    startRedisCluster(),
    startRedisCluster(),
  ]);
});

function clusterClient(nodes: readonly Pick<RedisServer, 'host' | 'port'>[]): Cluster {
  const client = new Cluster(
    nodes.map(({ host, port }) => ({ host, port })),
    { lazyConnect: true },
  );
  client.on('error', () => undefined);
  defer(() => client.disconnect());
  return client;
}

const proxyNode = ({ port }: RunningProxy) => ({ host: '127.0.0.1', port });

/** Resolves once Redis has answered all commands on connections created from here on. */
function watchConnections(): () => Promise<unknown> {
  const made: Redis[] = [];
  const { duplicate } = Redis.prototype;
  const spy = vi.spyOn(Redis.prototype, 'duplicate').mockImplementation(function (this: Redis, ...args) {
    const connection = duplicate.apply(this, args);
    made.push(connection);
    return connection;
  });
  onTestFinished(() => spy.mockRestore());
  return () => Promise.allSettled(made.filter(({ status }) => status === 'ready').map((client) => client.ping()));
}

describe.each([
  ['one node', () => [single]],
  ['three nodes', () => three],
] as const)('a Redis cluster of %s', (_, nodesOf) => {
  it('delivers messages in order, counts servers on all nodes, and finds remote sockets', async () => {
    const nodes = nodesOf();
    const servers = await Promise.all(
      ['a', 'b', 'c'].map((id) => startNode({ redisConnection: clusterClient(nodes), sockets: [id], identifier: id })),
    );
    const [one, two, three] = servers;
    if (one === undefined || two === undefined || three === undefined) throw new Error('unreachable');
    const ears = await Promise.all(servers.map(({ url }) => listener(url)));
    const [ear] = ears;
    if (ear === undefined) throw new Error('unreachable');
    await sendUntilHeard(one, ears[2] ?? ear, await sendUntilHeard(one, ears[1] ?? ear, 0));
    for (let number = 10_000; number < 15_000; number++) one.io.emit('n', number);
    await eventually(() => ears.every(({ heard }) => heard.at(-1) === 14_999), { timeout: 15_000 });
    for (const { heard } of ears) {
      expect(inOrder(heard)).toBe(true);
      expect(heard.filter((number) => number >= 10_000)).toHaveLength(5_000);
    }
    await eventually(async () => expect(await one.io.fetchSockets()).toHaveLength(3));
    const owners = await one.search.find(['a', 'b', 'c', 'd'], 5_000);
    expect([...owners.values()]).toEqual(['nowhere', 'elsewhere', 'elsewhere', 'nowhere']);
    (one.backplane.emitter() as Emitter).emit('n', 20_000);
    await eventually(() => ears.every(({ heard }) => heard.at(-1) === 20_000));
    expect(servers.flatMap(({ reports }) => reports)).toEqual([]);
  });
});

describe('a Redis cluster', () => {
  it('has three connections an instance, and leaves the given client unconnected', async () => {
    const client = clusterClient([single]);
    const node = await startNode({ redisConnection: client, identifier: 'one' });
    const connections = async () => (await single.cli('CLIENT', 'LIST')).split('\n').length - 1;
    await eventually(async () => (await connections()) === 3);
    expect(client.status).toBe('wait');
    await node.backplane.close(1_000);
    await eventually(async () => (await connections()) === 0);
  });

  it('that loses nodes is reached again through the others', async () => {
    const nodes = mortal;
    for (const node of nodes) {
      await node.configSet('cluster-require-full-coverage', 'no');
      await node.configSet('cluster-allow-pubsubshard-when-down', 'yes');
    }
    const one = await startNode({ redisConnection: clusterClient(nodes), identifier: 'one' });
    const two = await startNode({ redisConnection: clusterClient(nodes), identifier: 'two' });
    const ear = await listener(two.url);
    const next = await sendUntilHeard(one, ear, 0);
    for (const node of nodes) {
      const ours = (await node.cli('CLIENT', 'LIST')).includes('name=roomgate:one:publisher');
      if (ours) await node.kill();
    }
    await eventually(() => one.reported('backplane_disconnected').some(({ connection }) => connection === 'publisher'));
    await sendUntilHeard(one, ear, next + 1_000);
    expect(inOrder(ear.heard)).toBe(true);
  });

  it.each([
    ['refuses', (proxy: RunningProxy) => proxy.refuse()],
    ['swallows everything', async (proxy: RunningProxy) => proxy.blackhole()],
  ])('is reached through the second start node if the first one %s', async (_, harm) => {
    const proxy = await startProxy({ target: 1 });
    await harm(proxy);
    const node = await startNode({ redisConnection: clusterClient([proxyNode(proxy), single]), identifier: 'late' });
    const ear = await listener(node.url);
    (node.backplane.emitter() as Emitter).emit('n', 1);
    await eventually(() => ear.heard.length === 1);
  });

  it('is reached through discovered nodes after all start nodes are gone', async () => {
    const proxy = await startProxy({ target: single.port });
    const one = await startNode({ redisConnection: clusterClient([proxyNode(proxy)]), identifier: 'one' });
    const two = await startNode({ redisConnection: clusterClient([single]), identifier: 'two' });
    const ear = await listener(one.url);
    const next = await sendUntilHeard(two, ear, 0);
    await proxy.refuse();
    for (const type of ['pubsub', 'normal']) await single.cli('CLIENT', 'KILL', 'TYPE', type);
    await eventually(() => one.reported('backplane_reconnected').length === 3, { timeout: 15_000 });
    await sendUntilHeard(two, ear, next + 1_000);
  }, 30_000);

  it('is reached through discovered nodes if the start nodes do not answer', async () => {
    const proxies = await Promise.all([0, 1, 2].map(() => startProxy({ target: single.port })));
    const one = await startNode({ redisConnection: clusterClient(proxies.map(proxyNode)), identifier: 'one' });
    for (const proxy of proxies) proxy.blackhole();
    for (const type of ['pubsub', 'normal']) await single.cli('CLIENT', 'KILL', 'TYPE', type);
    await eventually(() => one.reported('backplane_reconnected').length === 3, { timeout: 15_000 });
  }, 30_000);

  it('is followed through a failover of its only start node', async () => {
    const [seed, ...others] = await startRedisCluster();
    const replica = await startRedis({ cluster: true, empty: true });
    if (seed === undefined) throw new Error('unreachable');
    const key = 'roomgate:socket.io:instances';
    const slot = await seed.cli('CLUSTER', 'KEYSLOT', key);
    const id = await seed.cli('CLUSTER', 'MYID');
    // The lost node is the one with the leases.
    for (const node of [seed, ...others]) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', id);
    await replica.cli('CLUSTER', 'MEET', seed.host, `${seed.port}`, `${seed.busPort}`);
    await eventually(async () => (await replica.cli('CLUSTER', 'NODES')).includes(id), { timeout: 10_000 });
    await eventually(async () => (await replica.cli('CLUSTER', 'REPLICATE', id)) === 'OK', { timeout: 10_000 });
    await eventually(async () => (await replica.cli('INFO', 'replication')).includes('master_link_status:up'), {
      timeout: 20_000,
    });
    const one = await startNode({ redisConnection: clusterClient([seed]), identifier: 'one' });
    const two = await startNode({ redisConnection: clusterClient([seed]), identifier: 'two', sockets: ['a'] });
    const ear = await listener(two.url);
    const next = await sendUntilHeard(one, ear, 0);
    await seed.kill();
    for (const node of others) for (const type of ['pubsub', 'normal']) await node.cli('CLIENT', 'KILL', 'TYPE', type);
    await eventually(() => [one, two].every((node) => node.reported('backplane_reconnected').length >= 3), {
      timeout: 25_000,
    });
    await sendUntilHeard(one, ear, next + 1_000);
    await eventually(async () => (await one.search.find(['a'], 1_000)).get('a') === 'elsewhere', {
      timeout: 25_000,
    });
    await eventually(async () => expect(await replica.cli('ZCARD', key)).toBe('2'));
  }, 90_000);

  it('that moves its slots is followed to the node with the leases', async () => {
    const nodes = three;
    const clock = takeTheClock();
    const answered = watchConnections();
    const one = await startNode({ redisConnection: clusterClient(nodes), identifier: 'one' });
    await startNode({ redisConnection: clusterClient(nodes), identifier: 'two', sockets: ['a'] });
    const key = 'roomgate:socket.io:instances';
    const holds = async (node: RedisServer) => (await node.cli('KEYS', key)) === key;
    const held = await Promise.all(nodes.map(holds));
    const from = nodes[held.indexOf(true)];
    const to = nodes[held.indexOf(false)];
    if (from === undefined || to === undefined) throw new Error('unreachable');
    const slot = await from.cli('CLUSTER', 'KEYSLOT', key);
    const id = await to.cli('CLUSTER', 'MYID');
    await from.cli('DEL', key);
    // The former owner first: while two nodes claim the slot, the one with the greater epoch takes it back from the
    // other.
    for (const node of [from, to, ...nodes]) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', id);
    // Each lease is renewed after five ticks. A tick before Redis' answers would be counted as silence.
    await eventually(
      async () => {
        clock.ticks(1);
        await answered();
        return (await one.search.find(['a'], 1_000)).get('a') === 'elsewhere';
      },
      { timeout: 25_000 },
    );
    await eventually(async () => (await to.cli('ZCARD', key)) === '2', { timeout: 25_000 });
  }, 60_000);

  it('is reached through RedisClusterHelper with a password on the first node only', async () => {
    const [redis] = three;
    if (redis === undefined) throw new Error('unreachable');
    for (const node of three) {
      await node.configSet('requirepass', 'secret');
      defer(() => node.configSet('requirepass', ''));
    }
    const helper = new RedisClusterHelper({
      name: 'cluster',
      nodes: [{ host: redis.host, port: `${redis.port}`, password: 'secret' }],
    });
    helper.getClient().on('error', () => undefined);
    defer(() => helper.disconnect());
    await eventually(() => helper.getClient().status === 'ready');
    await Promise.all(Array.from({ length: 20 }, (_, index) => helper.getClient().set(`key-${index}`, 'x')));
    const node = await startNode({ redisConnection: helper });
    const ear = await listener(node.url);
    const emitter = new SocketIOEmitterHelper({ identifier: 'worker', redisConnection: helper, logger: false });
    defer(() => emitter.shutdown());
    await emitter.configure();
    emitter.send({ payload: { topic: 'n', data: 1 } });
    await eventually(() => ear.heard.length === 1);
  });

  it('can be connected to by RedisClusterHelper', async () => {
    const helper = new RedisClusterHelper({ name: 'c', nodes: [{ host: single.host, port: `${single.port}` }] });
    defer(() => helper.disconnect());
    await eventually(() => helper.getClient().status === 'ready');
    expect(await helper.ping()).toBe('PONG');
    expect(await helper.disconnect()).toBe(true);
  });

  it('that is unreachable is named by its nodes', async () => {
    const redis = await startRedis();
    await redis.kill();
    const client = clusterClient([redis]);
    const time = takeTheTimeOf(client);
    const backplane = createRedisBackplane({ redisConnection: client, identifier: 'a', report: () => undefined });
    const refused = expect(backplane.open(300)).rejects.toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringMatching(
        new RegExp(`${redis.host}:${redis.port} within 300 ms: No node of the cluster is usable: .+`),
      ),
    });
    await time.passAfter(2, 300);
    await refused;
  });
});
