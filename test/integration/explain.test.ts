// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import type { Explanation } from '../../src/limits/explanation.js';
import { eventually } from '../support/facts.js';
import { byMemory, byRedis, type Way } from '../support/instances.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import {
  connectAuthenticated,
  type Started,
  startServer,
  type TestClient,
  type TestOptions,
} from '../support/server.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

const WAYS = [
  ['in the memory of one process', () => byMemory()],
  ['over Redis', () => byRedis(redis.port)],
] as const;

const EXPIRES_AT = Date.now() + 3_600_000;
const UNTIL = Date.now() + 1_800_000;
const SECRETS = ['secret claim', 'secret token', '127.0.0.1'];

/** Clients are the user and session of their `auth`. The room `short` is granted for some time. */
const start = (way: Way, index: number, options: TestOptions = {}): Promise<Started> =>
  startServer({
    identifier: `instance-${index}`,
    defaultRooms: ['everybody'],
    authenticateFn: ({ auth }) => ({
      ...{ user: auth.user, session: auth.session, expiresAt: EXPIRES_AT, claims: { note: 'secret claim' } },
    }),
    validateRoomFn: ({ rooms }) => rooms.map((room) => (room === 'short' ? { room, until: UNTIL } : room)),
    ...options,
    ...way.options(),
  });

async function enter({ url }: Started, auth: object, rooms: readonly string[] = []): Promise<TestClient> {
  const client = await connectAuthenticated(url, {
    auth: { token: 'secret token', ...auth },
    transports: ['websocket'],
  });
  if (rooms.length > 0) await client.socket.emitWithAck('join', { rooms });
  return client;
}

/** Whether a time is in the last seconds. */
const isRecent = (at: number | undefined): boolean => at !== undefined && Math.abs(Date.now() - at) < 10_000;

const roomsOf = ({ connections }: Explanation, id: string | undefined) =>
  new Map(connections.find((it) => it.id === id)?.rooms.map((it) => [it.room, it]));

describe.each(WAYS)('explain() %s', (name, makeWay) => {
  it('says which clients of a user are connected to every instance, why they are in rooms, and until when', async () => {
    const way = makeWay();
    const [one, two] = [await start(way, 0), await start(way, 1)];
    const user = `ann ${name}`;
    const here = await enter(one, { user }, ['long', 'short']);
    const there = await enter(two, { user }, ['long']);
    await enter(two, { user: 'bob' }, ['long']);
    await two.helper.joinRooms({ user, rooms: ['ours'] });
    const found = await one.helper.explain({ user });
    expect(found).toMatchObject({ user, instances: 2, unconfirmed: [], limits: [], bars: [], truncated: false });
    const connected = [...found.connections].sort((a, b) => a.instance.localeCompare(b.instance));
    expect(connected).toMatchObject([
      { id: here.socket.id, instance: 'instance-0', until: EXPIRES_AT },
      { id: there.socket.id, instance: 'instance-1', until: EXPIRES_AT },
    ]);
    expect(connected.every(({ since }) => isRecent(since))).toBe(true);
    const rooms = roomsOf(found, here.socket.id);
    expect([...rooms.keys()].sort()).toEqual(['everybody', 'long', 'ours', 'short']);
    expect(rooms.get('long')).toEqual({ room: 'long', rule: 'granted', since: expect.any(Number) });
    expect(rooms.get('short')).toEqual({ room: 'short', rule: 'granted', since: expect.any(Number), until: UNTIL });
    expect(rooms.get('everybody')).toEqual({ room: 'everybody', rule: 'default', since: expect.any(Number) });
    expect(rooms.get('ours')).toEqual({ room: 'ours', rule: 'program' });
    for (const room of ['long', 'short', 'everybody']) expect(isRecent(rooms.get(room)?.since)).toBe(true);
    expect([...roomsOf(found, there.socket.id).keys()].sort()).toEqual(['everybody', 'long', 'ours']);
    // The same from the other instance, whichever is asked.
    const others = await two.helper.explain({ user });
    expect(others.connections).toHaveLength(2);
    const text = JSON.stringify([found, others]);
    expect(SECRETS.filter((secret) => text.includes(secret))).toEqual([]);
  });

  it('with a room, says only what concerns that room', async () => {
    const way = makeWay();
    const [one, two] = [await start(way, 0), await start(way, 1)];
    const user = `cem ${name}`;
    const client = await enter(one, { user }, ['long', 'short']);
    await two.helper.revoke({ user, room: 'long', barFor: 60_000 });
    await two.helper.revoke({ user, room: 'other', barFor: 60_000 });
    await eventually(async () => expect((await one.helper.explain({ user })).bars).toHaveLength(2));
    const found = await one.helper.explain({ user, room: 'long' });
    expect(found.connections).toMatchObject([{ id: client.socket.id, rooms: [] }]);
    expect(found.bars).toEqual([{ of: 'user', room: 'long', since: expect.any(Number), until: expect.any(Number) }]);
    const [bar] = found.bars;
    expect(isRecent(bar?.since)).toBe(true);
    expect(Math.round(((bar?.until ?? 0) - (bar?.since ?? 0)) / 1_000)).toBe(60);
    expect((await two.helper.explain({ user, room: 'short' })).connections[0]?.rooms).toHaveLength(1);
  });

  it('says how a user and its sessions are barred, once for all instances', async () => {
    const way = makeWay();
    const [one, two] = [await start(way, 0), await start(way, 1)];
    const user = `dan ${name}`;
    await enter(one, { user, session: `s of ${user}` });
    await one.helper.revoke({ session: `s of ${user}`, room: 'a', barFor: 60_000 });
    await two.helper.revoke({ user, room: 'b', barFor: 60_000 });
    const before = await two.helper.explain({ user });
    expect(before.bars.map(({ of, room }) => [of, room]).sort()).toEqual([
      ['session', 'a'],
      ['user', 'b'],
    ]);
    const issuedBefore = Date.now() + 10_000;
    await one.helper.revoke({ user, issuedBefore, barFor: 60_000 });
    const after = await two.helper.explain({ user });
    expect(after).toMatchObject({ connections: [], instances: 2 });
    expect(after.bars.map(({ room, issuedBefore: limit }) => [room, limit])).toEqual([
      ['b', undefined],
      [undefined, issuedBefore],
    ]);
    // What is over, and what never barred anything, is not named.
    await one.helper.revoke({ user: 'eve', barFor: 1 });
    await one.helper.revoke({ user: 'eve' });
    await eventually(async () => expect((await one.helper.explain({ user: 'eve' })).bars).toEqual([]));
  });
});

it('names the limits that a user has reached, of the instance where that is', async () => {
  const way = byMemory();
  const limits = { messagesPerUser: 10, connectionsPerUser: 1 };
  const [one, two] = [await start(way, 0), await start(way, 1, { limits })];
  const client = await enter(two, { user: 'ann' });
  for (let n = 0; n < 110; n++) client.socket.emit('say', n);
  await client.socket.emitWithAck('leave', { rooms: [] });
  const { limits: found } = await one.helper.explain({ user: 'ann' });
  expect(found).toEqual([
    { rule: 'messages_per_user', instance: 'instance-1', since: expect.any(Number), until: expect.any(Number) },
    { rule: 'connections_per_user', instance: 'instance-1' },
  ]);
  expect(isRecent(found[0]?.since)).toBe(true);
  expect(found[0]?.until).toBeGreaterThan(Date.now());
}, 20_000);

it('names a user that is refused because it has sent too much', async () => {
  const limits = { messagesPerSecond: 10, messageBurst: 10, delayedFor: 50, refusedFor: 60_000 };
  const one = await start(byMemory(), 0, { limits });
  const client = await connectAuthenticated(one.url, { auth: { user: 'ann' }, transports: ['websocket'] });
  const flooding = setInterval(() => {
    for (let n = 0; n < 50; n++) client.socket.emit('say', n);
  }, 5);
  await client.heardOf('unauthenticated').finally(() => clearInterval(flooding));
  const { limits: found, connections } = await one.helper.explain({ user: 'ann' });
  expect(connections).toEqual([]);
  expect(found).toEqual([
    { rule: 'messages_per_second', instance: 'instance-0', since: expect.any(Number), until: expect.any(Number) },
  ]);
  expect(Math.round(((found[0]?.until ?? 0) - Date.now()) / 10_000)).toBe(6);
});

it('names the instances that do not answer in time', async () => {
  const network = new MemoryNetwork();
  const way = byMemory(network);
  const [one, two] = [await start(way, 0), await start(way, 1)];
  await enter(two, { user: 'ann' });
  network.pause('instance-1');
  const late = await one.helper.explain({ user: 'ann', timeout: 50 });
  expect(late).toMatchObject({ instances: 1, connections: [] });
  expect(late.unconfirmed).toHaveLength(1);
  network.heal('instance-1');
  expect(await one.helper.explain({ user: 'ann' })).toMatchObject({ instances: 2, unconfirmed: [] });
});

it('answers from what it knows while Redis hangs', async () => {
  const own = await startRedis();
  const way = byRedis(own.port);
  const one = await start(way, 0);
  const client = await enter(one, { user: 'ann' });
  await own.pause();
  const found = await one.helper.explain({ user: 'ann', timeout: 200 });
  own.resume();
  expect(found.connections).toMatchObject([{ id: client.socket.id }]);
  expect(found.unconfirmed).toEqual(['unknown']);
}, 20_000);

it('is bounded: an instance tells at most 100 connections and 1 000 rooms', async () => {
  const one = await start(byMemory(), 0, { limits: { roomsPerClient: 2_000 } });
  const rooms = Array.from({ length: 200 }, (_, n) => `room ${n}`);
  const clients = await Promise.all(Array.from({ length: 6 }, () => enter(one, { user: 'ann' }, rooms)));
  const found = await one.helper.explain({ user: 'ann' });
  expect(found.truncated).toBe(true);
  expect(found.connections).toHaveLength(clients.length);
  expect(found.connections.flatMap((it) => it.rooms)).toHaveLength(1_000);
  const ofRoom = await one.helper.explain({ user: 'ann', room: 'room 7' });
  expect(ofRoom.truncated).toBe(false);
  expect(ofRoom.connections.flatMap((it) => it.rooms)).toHaveLength(6);
  // In groups, so that a busy machine answers each client in time.
  for (let group = 0; group < 11; group++) {
    await Promise.all(Array.from({ length: 10 }, () => enter(one, { user: 'bob' })));
  }
  const many = await one.helper.explain({ user: 'bob' });
  expect([many.connections.length, many.truncated]).toEqual([100, true]);
}, 60_000);
