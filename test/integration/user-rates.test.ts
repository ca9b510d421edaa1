// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import type { Report } from '../../src/server/reports.js';
import { eventually } from '../support/facts.js';
import { byMemory, byRedis, type Way } from '../support/instances.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { connectAuthenticated, type Started, startServer, type TestClient } from '../support/server.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

const WAYS = [
  ['in the memory of one process', () => byMemory()],
  ['over Redis', () => byRedis(redis.port)],
] as const;

interface Instance extends Started {
  readonly reports: Report[];
}

/** Clients are the user of their `auth`. Five seconds of the limit are 50 events. */
async function start(way: Way, index: number): Promise<Instance> {
  const reports: Report[] = [];
  const started = await startServer({
    identifier: `instance-${index}`,
    authenticateFn: ({ auth }) => ({ user: auth.user }),
    limits: { messagesPerUserOfAll: 10 },
    clientConnectedFn: ({ socket }) => {
      socket.on('say', (answer) => answer('said'));
    },
    onReport: (report) => reports.push(report),
    ...way.options(),
  });
  return { ...started, reports };
}

const enter = ({ url }: Started, user: string): Promise<TestClient> => connectAuthenticated(url, { auth: { user } });

async function say(client: TestClient, times = 1): Promise<unknown[]> {
  const asking = Array.from({ length: times }, () => client.socket.timeout(10_000).emitWithAck('say'));
  return Promise.all(asking);
}

const isRefused = async (client: TestClient) => (await say(client))[0] !== 'said';
const typesOf = ({ reports }: Instance, type: string) => reports.filter((report) => report.type === type);

describe.each(WAYS)('limits.messagesPerUserOfAll %s', (name, makeWay) => {
  it('counts what a user sends to all instances, and nobody else', async () => {
    const way = makeWay();
    const [one, two] = [await start(way, 0), await start(way, 1)];
    const user = `ann ${name}`;
    const [here, there] = [await enter(one, user), await enter(two, user)];
    await say(here, 30);
    await say(there, 30);
    await eventually(() => isRefused(here));
    await eventually(() => isRefused(there));
    const [answer] = await say(there);
    expect(answer).toMatchObject({ 'roomgate:error': { code: 'rate_limited', retryAfter: expect.any(Number) } });
    expect((answer as { 'roomgate:error': { retryAfter: number } })['roomgate:error'].retryAfter).toBeLessThanOrEqual(
      5_000,
    );
    expect(await say(await enter(two, `bob ${name}`))).toEqual(['said']);
    expect(typesOf(two, 'user_limited')).toMatchObject([{ limit: 'messages_per_user_of_all' }]);
    expect(typesOf(two, 'limit_counted_alone')).toEqual([]);
    // After five seconds the user may send again.
    await eventually(async () => !(await isRefused(there)), { timeout: 10_000 });
  }, 20_000);
});

it('an instance that is cut off counts alone, and says so once, and once that it is back', async () => {
  const network = new MemoryNetwork();
  const way = byMemory(network);
  const [one, two] = [await start(way, 0), await start(way, 1)];
  const [here, there] = [await enter(one, 'ann'), await enter(two, 'ann')];
  network.cut('instance-1');
  await say(here, 60);
  await eventually(() => isRefused(here));
  for (let times = 0; times < 4; times++) {
    expect(await say(there, 5)).toEqual(Array.from({ length: 5 }, () => 'said'));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(typesOf(two, 'limit_counted_alone')).toHaveLength(1);
  await say(there, 40);
  await eventually(() => isRefused(there));
  network.heal('instance-1');
  const other = await enter(two, 'bob');
  await eventually(async () => {
    await say(other);
    expect(typesOf(two, 'limit_counted_together')).toMatchObject([{ afterMs: expect.any(Number) }]);
  });
  expect(typesOf(two, 'limit_counted_alone')).toHaveLength(1);
  expect(typesOf(one, 'limit_counted_alone')).toEqual([]);
});

it('an instance counts alone while Redis hangs, and its clients wait for nothing', async () => {
  const own = await startRedis();
  const one = await start(byRedis(own.port), 0);
  const client = await enter(one, 'ann');
  await say(client);
  await own.pause();
  for (let times = 0; typesOf(one, 'limit_counted_alone').length === 0; times++) {
    const began = performance.now();
    expect(await say(client)).toEqual(['said']);
    expect(performance.now() - began).toBeLessThan(1_000);
    if (times > 100) throw new Error('it does not count alone');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await say(client, 60);
  await eventually(() => isRefused(client));
  own.resume();
  const other = await enter(one, 'bob');
  await eventually(
    async () => {
      await say(other);
      expect(typesOf(one, 'limit_counted_together')).toHaveLength(1);
    },
    { timeout: 15_000 },
  );
  expect(typesOf(one, 'limit_counted_alone')).toHaveLength(1);
}, 40_000);

it('a refused command of Redis is reported with its rule, and the instance counts alone', async () => {
  const own = await startRedis();
  await own.cli('ACL', 'SETUSER', 'default', '-evalsha');
  const one = await start(byRedis(own.port), 0);
  const client = await enter(one, 'ann');
  await say(client);
  await eventually(() => expect(typesOf(one, 'limit_counted_alone')).toHaveLength(1));
  expect(typesOf(one, 'backplane_command_refused')).toMatchObject([
    {
      command: 'EVALSHA',
      consequence: expect.stringContaining('this instance counts a limit of all instances by itself'),
    },
  ]);
  expect(one.log.loud.join('\n')).toContain('needs the ACL rule +evalsha');
});

it('an event does not reach the program if onReport ends the client because of it', async () => {
  const heard: unknown[] = [];
  let heardBefore: number | undefined;
  const { helper, url } = await startServer({
    authenticateFn: () => ({ user: 'ann' }),
    limits: { messagesPerUser: 1 },
    clientConnectedFn: ({ socket }) => {
      // Called when an event is delivered, and not in a later tick.
      socket.onAny((_, value) => heard.push(value));
    },
    onReport: (report) => {
      if (report.type !== 'user_limited') return;
      heardBefore = heard.length;
      const { socket } = helper.getClients({ id: report.client }) ?? {};
      if (socket !== undefined) helper.disconnect({ socket });
    },
  });
  const client = await connectAuthenticated(url);
  // Ten seconds of the limit are ten events.
  for (let n = 0; n < 40; n++) client.socket.emit('say', n);
  await client.heardOf('disconnect');
  expect(heardBefore).toBeGreaterThanOrEqual(10);
  expect(heard).toHaveLength(heardBefore ?? 0);
});
