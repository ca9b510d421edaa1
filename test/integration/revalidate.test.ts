// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import type { ValidateRoomFn } from '../../src/ports/options.js';
import { eventually } from '../support/facts.js';
import { byMemory, byRedis, heardOn, type Way } from '../support/instances.js';
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

interface Cluster {
  readonly instances: readonly [Started, Started, Started];
  /** Rooms that are refused. */
  readonly closed: Set<string>;
  /** The instances whose guard does not answer. */
  readonly stuck: Set<number>;
  /** The instances whose guard was asked, and the user. */
  readonly asked: [number, string | undefined][];
}

async function startThree(way: Way): Promise<Cluster> {
  const closed = new Set<string>();
  const stuck = new Set<number>();
  const asked: [number, string | undefined][] = [];
  const guardOf =
    (index: number): ValidateRoomFn =>
    async ({ rooms, identity }) => {
      asked.push([index, identity?.user]);
      if (stuck.has(index)) await new Promise(() => {});
      return rooms.filter((room) => !closed.has(room));
    };
  const start = (index: number): Promise<Started> =>
    startServer({
      identifier: `instance-${index}`,
      authenticateFn: ({ auth }) => ({ user: auth.user }),
      validateRoomFn: guardOf(index),
      ...way.options(),
    });
  return { instances: [await start(0), await start(1), await start(2)], closed, stuck, asked };
}

async function enter({ url }: Started, user: string, rooms: string[]): Promise<TestClient> {
  const client = await connectAuthenticated(url, { auth: { user } });
  expect((await client.socket.emitWithAck('join', { rooms })).joined).toEqual(rooms);
  return client;
}

describe.each(WAYS)('revalidate() %s', (_, makeWay) => {
  it('puts clients of every instance out, and asks once for each user of an instance', async () => {
    const { instances, closed, asked } = await startThree(makeWay());
    const [first] = instances;
    const anns = await Promise.all(instances.map((instance) => enter(instance, 'ann', ['a', 'b'])));
    anns.push(await enter(first, 'ann', ['a', 'b']));
    const bob = await enter(instances[1], 'bob', ['a']);
    closed.add('a');
    asked.splice(0);
    expect(await first.helper.revalidate({ user: 'ann' })).toEqual({ instances: 3, unconfirmed: [], left: 4 });
    expect(asked.sort()).toEqual([0, 1, 2].map((index) => [index, 'ann']));
    for (const client of anns) {
      await eventually(() => expect(heardOn(client, 'roomgate:left')).toHaveLength(1));
      expect(heardOn(client, 'roomgate:left')).toMatchObject([{ rooms: [{ room: 'a', code: 'not_allowed' }] }]);
    }
    expect(heardOn(bob, 'roomgate:left')).toEqual([]);
    expect(await instances[2].helper.revalidate({ room: 'a' })).toEqual({ instances: 3, unconfirmed: [], left: 1 });
    await eventually(() => expect(heardOn(bob, 'roomgate:left')).toHaveLength(1));
    expect(await first.helper.revalidate({ user: 'ann', room: 'b' })).toMatchObject({ left: 0 });
  });

  it('names the instances that have not answered within the timeout', async () => {
    const { instances, closed, stuck } = await startThree(makeWay());
    await Promise.all(instances.map((instance) => enter(instance, 'ann', ['a'])));
    closed.add('a');
    stuck.add(2);
    const [first, , third] = instances;
    const late = await first.helper.revalidate({ room: 'a', timeout: 1_000 });
    expect(late).toMatchObject({ instances: 2, left: 2 });
    expect(late.unconfirmed).toHaveLength(1);
    const own = await third.helper.revalidate({ room: 'a', timeout: 500 });
    expect(own).toEqual({ instances: 2, unconfirmed: late.unconfirmed, left: 0 });
  });

  it('is over for pending joins of other instances too: none is granted by an older verdict', async () => {
    const { instances, closed } = await startThree(makeWay());
    const [first, second] = instances;
    const client = await connectAuthenticated(second.url, { auth: { user: 'ann' } });
    const joining = client.socket.emitWithAck('join', { rooms: ['a'] });
    closed.add('a');
    const { unconfirmed } = await first.helper.revalidate({ room: 'a' });
    const { joined } = await joining;
    const again = await first.helper.revalidate({ room: 'a' });
    expect([unconfirmed, again.unconfirmed]).toEqual([[], []]);
    // It joined before, or not at all: either way it is out now.
    if (joined.length > 0) await eventually(() => expect(heardOn(client, 'roomgate:left')).toHaveLength(1));
    expect(second.helper.getIOServer().sockets.adapter.rooms.has('a')).toBe(false);
  });
});

it('revalidate() names an instance that is cut off', async () => {
  const network = new MemoryNetwork();
  const { instances } = await startThree(byMemory(network));
  await Promise.all(instances.map((instance) => enter(instance, 'ann', ['a'])));
  network.cut('instance-2');
  const { unconfirmed } = await instances[0].helper.revalidate({ room: 'a', timeout: 300 });
  expect(unconfirmed).toHaveLength(1);
  const alone = await instances[2].helper.revalidate({ room: 'a', timeout: 300 });
  expect(alone).toMatchObject({ instances: 1, left: 0 });
  expect(alone.unconfirmed.length).toBeGreaterThan(0);
});
