// npm test: node
// npm run test:matrix: newest-node
import type { Socket as ServerSocket } from 'socket.io';
import { io as connect, type Socket } from 'socket.io-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { type PlainInstance, startOver } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { EventLog, eventually, nextEvent } from '../support/facts.js';
import { memoryPlace, type Place, redisPlace } from '../support/place.js';
import { type RedisServer, startRedis } from '../support/redis.js';

interface Ear {
  readonly socket: Socket;
  readonly id: string;
  /** Every event, with its arguments. */
  readonly heard: EventLog<readonly unknown[]>;
}

/** An instance with one client. */
interface Instance extends PlainInstance {
  readonly ear: Ear;
  /** The server's socket for this client. */
  readonly socket: ServerSocket;
}

const NAMES = ['one', 'two', 'three'] as const;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

async function listen(url: string): Promise<Ear> {
  const socket = connect(url, { transports: ['websocket'], forceNew: true });
  defer(() => socket.disconnect());
  const heard = new EventLog<readonly unknown[]>();
  socket.onAny((...args: unknown[]) => heard.push(args));
  await nextEvent(socket, 'connect');
  return { socket, id: socket.id ?? '', heard };
}

async function startInstance(place: Place, name: string): Promise<Instance> {
  const ids: string[] = [];
  const node = await startOver((report) => place.createBackplane(name, report), ids);
  const ear = await listen(node.url);
  ids.push(ear.id);
  const socket = node.io.sockets.sockets.get(ear.id);
  if (socket === undefined) throw new Error('unreachable');
  return { ...node, ear, socket };
}

type Three = readonly [Instance, Instance, Instance];

async function startThree(place: Place): Promise<Three> {
  const [one, two, three] = NAMES.map((name) => startInstance(place, name));
  if (one === undefined || two === undefined || three === undefined) throw new Error('unreachable');
  const all: Three = [await one, await two, await three];
  // All instances have subscribed when each counts three servers.
  for (const { io } of all) await eventually(async () => expect(await io.sockets.adapter.serverCount()).toBe(3));
  return all;
}

/** Each instance broadcasts `end`. Once each client has all of them, no earlier message is in flight. */
async function flush(instances: readonly Instance[]): Promise<void> {
  for (const { io } of instances) io.emit('end');
  for (const { ear } of instances) await eventually(() => heardOn(ear, 'end').length === instances.length);
}

const heardOn = ({ heard }: Ear, topic: string) =>
  heard.all.filter(([name]) => name === topic).map(([, ...args]) => args);

const idsOf = (sockets: readonly { readonly id: string }[]) => sockets.map(({ id }) => id).sort();

describe.each([
  ['in the memory of one process', () => memoryPlace()],
  ['over Redis', () => redisPlace(redis)],
] as const)('three instances %s', (_, makePlace) => {
  it('reach all, a room, a list and all but a room, each client once and in each sender’s order', async () => {
    const all = await startThree(makePlace());
    const [one, two, three] = all;
    one.socket.join(['a', 'b']);
    two.socket.join('a');
    const everybody = [one, two, three];
    const targets = [
      { send: (from: Instance) => from.io, hear: everybody },
      { send: (from: Instance) => from.io.to('a'), hear: [one, two] },
      { send: (from: Instance) => from.io.to(['a', 'b', three.ear.id, two.ear.id]), hear: everybody },
      { send: (from: Instance) => from.io.except('b'), hear: [two, three] },
      { send: (from: Instance) => from.io.to('a').except(one.ear.id), hear: [two] },
      { send: (from: Instance) => from.io.to('nobody'), hear: [] },
      { send: (from: Instance) => from.io.local, hear: undefined },
    ];
    const expected = new Map(all.map((instance) => [instance, all.map((): number[] => [])]));
    for (let number = 0; number < 70; number++) {
      const target = targets[number % targets.length];
      for (const [sender, from] of all.entries()) {
        target?.send(from).emit('n', sender, number);
        for (const to of target?.hear ?? [from]) expected.get(to)?.[sender]?.push(number);
      }
    }
    await flush(all);
    for (const to of all) {
      const heard = heardOn(to.ear, 'n');
      const bySender = all.map((__, sender) => heard.filter(([from]) => from === sender).map(([, number]) => number));
      expect(bySender).toEqual(expected.get(to));
    }
    expect(all.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it('deliver to local clients before the call returns, so that a later message to one client stays behind', async () => {
    const [one, two] = await startThree(makePlace());
    one.io.emit('n', 1);
    one.socket.emit('n', 2);
    one.io.emit('n', 3);
    await two.ear.heard.next(([, number]) => number === 3);
    await one.ear.heard.next(([, number]) => number === 3);
    expect(heardOn(one.ear, 'n')).toEqual([[1], [2], [3]]);
    expect(heardOn(two.ear, 'n')).toEqual([[1], [3]]);
  });

  it('send a message as it was at the time of the call', async () => {
    const [one, two, three] = await startThree(makePlace());
    const data = { list: [1], bytes: Buffer.from([1]) };
    one.io.emit('v', data);
    data.list.push(2);
    data.bytes[0] = 2;
    for (const { ear } of [two, three]) {
      const [, value] = await ear.heard.next();
      expect(value).toEqual({ list: [1], bytes: Buffer.from([1]) });
    }
  });

  it('deliver each kind of value as local clients receive it', async () => {
    const all = await startThree(makePlace());
    const [one] = all;
    const bytes = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]);
    const own = { secret: 1, toJSON: () => ({ bytes: new Uint16Array([1, 2]), none: new Date(Number.NaN) }) };
    const values = [
      ...[0, -0, 1.5, 1e-300, 2 ** 53, -(2 ** 31), Number.NaN, Number.POSITIVE_INFINITY, true, false, null, undefined],
      ...['', 'ü😀', 'x'.repeat(70_000), new Date(0), new Date(Number.NaN), own],
      ...[[], {}, [1, [2, [3]], undefined], { a: undefined, b: { c: [null] } }, Object.create(null)],
      ...[Buffer.alloc(0), Buffer.from([1, 2]), bytes, bytes.subarray(2, 4), bytes.buffer.slice(0, 3)],
      ...[new Float32Array([1.5, -2]), new Uint16Array(bytes.buffer, 2, 2), new DataView(bytes.buffer, 1, 2)],
      { list: [1, { deep: [new Uint16Array([7]), Buffer.from([8])] }], own },
    ];
    for (const value of values) one.io.emit('v', value, 'behind');
    one.io.emit('v');
    await flush(all);
    const [local, ...remote] = all.map(({ ear }) => heardOn(ear, 'v'));
    expect(local).toHaveLength(values.length + 1);
    expect(local?.slice(-2)[0]).toEqual([
      {
        list: [1, { deep: [Buffer.from(new Uint16Array([7]).buffer), Buffer.from([8])] }],
        own: { bytes: Buffer.from(new Uint16Array([1, 2]).buffer), none: null },
      },
      'behind',
    ]);
    for (const heard of remote) expect(heard).toEqual(local);
  });

  it('collect acknowledgements from clients on every instance', async () => {
    const [one, two, three] = await startThree(makePlace());
    for (const { ear } of [one, two, three]) {
      ear.socket.on('question', (value: number, answer: (value: unknown) => void) => {
        answer({ id: ear.id, bytes: Buffer.from([value]) });
      });
    }
    three.socket.join('room');
    const answers: readonly { id: string; bytes: Buffer }[] = await one.io.timeout(5_000).emitWithAck('question', 7);
    expect(idsOf(answers)).toEqual(idsOf([one.ear, two.ear, three.ear]));
    for (const { bytes } of answers) expect(bytes).toEqual(Buffer.from([7]));
    expect(idsOf(await two.io.to('room').timeout(5_000).emitWithAck('question', 7))).toEqual([three.ear.id]);
    expect(await two.io.to('nobody').timeout(5_000).emitWithAck('question', 7)).toEqual([]);
    two.ear.socket.off('question');
    const late: { responses?: readonly { id: string }[] } = await one.io
      .timeout(3_000)
      .emitWithAck('question', 7)
      .catch((error: unknown) => error);
    expect(late).toBeInstanceOf(Error);
    expect(idsOf(late.responses ?? [])).toEqual(idsOf([one.ear, three.ear]));
  });

  it('find, move and disconnect each other’s sockets', async () => {
    const [one, two, three] = await startThree(makePlace());
    two.socket.data = { name: 'second', since: new Date(0) };
    for (const { io } of [one, two, three]) {
      expect(idsOf(await io.fetchSockets())).toEqual(idsOf([one.ear, two.ear, three.ear]));
    }
    const roomOf = async (from: Instance) => idsOf(await from.io.in('room').fetchSockets());
    one.io.in([two.ear.id, three.ear.id]).socketsJoin(['room', 'other']);
    await eventually(async () => expect(await roomOf(one)).toEqual(idsOf([two.ear, three.ear])));
    const [found] = await three.io.in('room').except(three.ear.id).fetchSockets();
    expect(found?.data).toEqual({ name: 'second', since: '1970-01-01T00:00:00.000Z' });
    expect([...(found?.rooms ?? [])].sort()).toEqual([two.ear.id, 'other', 'room'].sort());
    expect(found?.handshake.headers).toEqual(two.socket.handshake.headers);
    found?.emit('private', 1);
    await two.ear.heard.next(([topic]) => topic === 'private');
    three.io.in(two.ear.id).socketsLeave('room');
    await eventually(async () => expect(await roomOf(two)).toEqual([three.ear.id]));
    expect(two.socket.rooms.has('other')).toBe(true);
    const gone = nextEvent(three.ear.socket, 'disconnect');
    one.io.in('room').disconnectSockets(true);
    await gone;
    await eventually(async () => expect(idsOf(await one.io.fetchSockets())).toEqual(idsOf([one.ear, two.ear])));
    expect(one.ear.socket.connected && two.ear.socket.connected).toBe(true);
    expect(heardOn(one.ear, 'private')).toEqual([]);
  });

  it('exchange events of the program, and continue after a handler throws', async () => {
    const [one, two, three] = await startThree(makePlace());
    const heard = NAMES.map((): unknown[][] => []);
    const since = '1970-01-01T00:00:00.000Z';
    for (const [index, { io }] of [one, two, three].entries()) {
      io.on('note', (...args: unknown[]) => heard[index]?.push(args));
      io.on('ask', (value: number, answer: (value: unknown) => void) => answer([value, index, new Date(0)]));
    }
    two.io.on('note', () => {
      throw new Error('of the program');
    });
    one.io.serverSideEmit('note', 1, undefined, new Date(0), { bytes: Buffer.from([1]) });
    one.io.serverSideEmit('note', 2);
    const first = [1, null, since, { bytes: { type: 'Buffer', data: [1] } }];
    await eventually(() => expect(heard).toEqual([[], [first, [2]], [first, [2]]]));
    const answers = await one.io.serverSideEmitWithAck('ask', 7);
    expect(answers.sort()).toEqual([
      [7, 1, since],
      [7, 2, since],
    ]);
    const failure = { type: 'handler_failed', where: 'a handler of serverSideEmit' };
    expect(two.reports).toMatchObject([failure, failure]);
    expect([...one.reports, ...three.reports]).toEqual([]);
    const circular: unknown[] = [];
    circular.push(circular);
    expect(() => one.io.serverSideEmit('note', circular)).toThrow();
  });

  it('keep namespaces apart', async () => {
    const [one, two, three] = await startThree(makePlace());
    for (const { io } of [one, two]) io.of('/chat');
    await eventually(async () => expect(await one.io.of('/chat').adapter.serverCount()).toBe(2));
    const chat = await listen(`${two.url}/chat`);
    one.io.of('/chat').emit('n', 1);
    one.io.emit('n', 2);
    for (const ear of [chat, two.ear, three.ear]) await ear.heard.next();
    expect(chat.heard.all).toEqual([['n', 1]]);
    for (const { ear } of [two, three]) expect(ear.heard.all).toEqual([['n', 2]]);
    expect(idsOf(await one.io.of('/chat').fetchSockets())).toEqual([chat.id]);
  });

  it('know which sockets another instance has, and when one has left', async () => {
    const [one, two, three] = await startThree(makePlace());
    const ids = [...[one, two, three].map(({ ear }) => ear.id), 'x', ''];
    const owners = async ({ search }: Instance) => [...(await search.find(ids, 5_000)).values()];
    expect(await owners(one)).toEqual(['nowhere', 'elsewhere', 'elsewhere', 'nowhere', 'nowhere']);
    expect(await owners(three)).toEqual(['elsewhere', 'elsewhere', 'nowhere', 'nowhere', 'nowhere']);
    await three.backplane.close(5_000);
    expect(await owners(one)).toEqual(['nowhere', 'elsewhere', 'nowhere', 'nowhere', 'nowhere']);
    expect(await owners(three)).toEqual([...Array(4).fill('unanswered'), 'nowhere']);
    await eventually(async () => expect(idsOf(await one.io.fetchSockets())).toEqual(idsOf([one.ear, two.ear])));
    three.io.emit('n', 3);
    one.io.emit('n', 1);
    for (const { ear } of [one, two, three]) await ear.heard.next();
    expect([one, two, three].map(({ ear }) => heardOn(ear, 'n'))).toEqual([[[1]], [[1]], [[3]]]);
  });

  it('count instances whose Socket.IO server is open', async () => {
    const [one, two, three] = await startThree(makePlace());
    await three.io.close();
    for (const { io } of [one, two])
      await eventually(async () => expect(await io.sockets.adapter.serverCount()).toBe(2));
    expect(idsOf(await one.io.fetchSockets())).toEqual(idsOf([one.ear, two.ear]));
  });

  it('report an incomplete answer while one is cut off, continue without it, and recover', async () => {
    const place = makePlace();
    const [one, two, three] = await startThree(place);
    const ask = async ({ search }: Instance, id: string, forMs: number) => (await search.find([id], forMs)).get(id);
    await place.cut('three');
    await eventually(() => expect(three.reported('backplane_disconnected')).not.toEqual([]));
    // Immediately: an instance that knows of its outage does not wait.
    await eventually(async () => expect(await ask(three, 'x', 60_000)).toBe('unanswered'));
    expect(await ask(one, three.ear.id, 100)).toBe('unanswered');
    expect(await ask(one, two.ear.id, 5_000)).toBe('elsewhere');
    for (const [number, { io }] of [one, two, three].entries()) io.emit('n', number);
    const numbers = ({ ear }: Instance) => heardOn(ear, 'n').flat().sort();
    for (const there of [one, two]) await eventually(() => expect(numbers(there)).toEqual([0, 1]));
    await eventually(() => expect(numbers(three)).toEqual([2]));
    await expect(three.io.fetchSockets()).rejects.toThrow('unreachable');
    expect(idsOf(await three.io.local.fetchSockets())).toEqual([three.ear.id]);
    await place.heal('three');
    await eventually(async () => expect(await ask(one, three.ear.id, 1_000)).toBe('elsewhere'), { timeout: 15_000 });
    await eventually(() => expect(three.reported('backplane_reconnected')).not.toEqual([]));
    await eventually(async () => expect(await three.io.fetchSockets()).toHaveLength(3));
    one.io.emit('back', 1);
    three.io.emit('back', 2);
    for (const { ear } of [one, two, three]) {
      await eventually(() => expect(heardOn(ear, 'back').flat().sort()).toEqual([1, 2]));
    }
    // A message sent while its instance is disconnected may be lost or late, but is never delivered twice.
    for (const there of [one, two])
      expect([
        [0, 1],
        [0, 1, 2],
      ]).toContainEqual(numbers(there));
    expect(numbers(three)).toEqual([2]);
  });
});
