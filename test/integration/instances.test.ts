// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import { byMemory, byRedis, everybodyHas, heardOn, startInstances, startTwo } from '../support/instances.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { connect, connectAuthenticated } from '../support/server.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

const WAYS = [
  ['in the memory of one process', () => byMemory()],
  ['over Redis', () => byRedis(redis.port)],
] as const;

class Own {
  readonly bytes = new Uint16Array([1, 2]);
  toJSON(): unknown {
    return { bytes: this.bytes, none: new Date(Number.NaN) };
  }
}

describe.each(WAYS)('instances %s', (_, makeWay) => {
  it.each([2, 3])(
    '%i of them form a cluster: ids, rooms, lists and broadcasts reach each client once and in order',
    async (count) => {
      const instances = await startInstances(count, makeWay());
      const [first] = instances;
      if (first === undefined) throw new Error('unreachable');
      const clients = await Promise.all(instances.map(({ url }) => connectAuthenticated(url)));
      for (const { socket } of clients) await socket.emitWithAck('join', { rooms: ['a', 'b'] });
      const expected: number[] = [];
      for (let number = 0; number < 300; number++) {
        const destination = [undefined, 'a', ['a', 'b'], clients.map(({ socket }) => socket.id ?? '')][number % 4];
        first.helper.send({ destination, payload: { topic: 'n', data: number } });
        expected.push(number);
      }
      await everybodyHas(clients, 'n', 299);
      for (const client of clients) expect(heardOn(client, 'n')).toEqual(expected);
    },
  );

  it('reach each other’s client by id, and deliver every value to it', async () => {
    const [one, two] = await startTwo(makeWay());
    const client = await connectAuthenticated(two.url);
    const values = [0, false, '', null, undefined, 'ü😀', { a: [1] }, Buffer.from([1, 2])];
    for (const data of values) one.helper.send({ destination: client.socket.id, payload: { topic: 'v', data } });
    one.helper.send({ destination: client.socket.id, payload: { topic: 'v', data: 'end' } });
    await everybodyHas([client], 'v', 'end');
    expect(heardOn(client, 'v')).toEqual([...values, 'end']);
  });

  it('refuse a room named like a remote client’s id, authenticated or not, and accept names that only resemble one', async () => {
    const [one, two] = await startTwo(makeWay());
    const stranger = connect(two.url);
    await stranger.heardOf('connect');
    const member = await connectAuthenticated(two.url);
    const thief = await connectAuthenticated(one.url);
    const [a, b] = [stranger.socket.id ?? '', member.socket.id ?? ''];
    const answer = await thief.socket.emitWithAck('join', { rooms: [a, b, 'customer-support-eu1'] });
    expect(answer.joined).toEqual(['customer-support-eu1']);
    expect(answer.refused).toMatchObject([
      { room: a, code: 'socket_id' },
      { room: b, code: 'socket_id' },
    ]);
  });

  it('skip clients that are not authenticated', async () => {
    const way = makeWay();
    const [one, two] = await startTwo(way);
    const stranger = connect(two.url);
    await stranger.heardOf('connect');
    const member = await connectAuthenticated(two.url);
    const id = stranger.socket.id ?? '';
    const senders = [one.helper.getIOServer(), ...way.emitters(one)];
    for (const target of senders) target.in(id).socketsJoin('room');
    for (const target of senders) {
      target.emit('x', 1);
      target.to(id).emit('x', 1);
      target.to('room').emit('x', 1);
    }
    one.helper.send({ payload: { topic: 'end', data: -1 } });
    for (const [index, target] of senders.entries()) target.emit('end', index);
    for (const last of [-1, ...senders.keys()]) await everybodyHas([member], 'end', last);
    expect((await one.helper.getIOServer().fetchSockets()).map((socket) => socket.id)).toEqual([member.socket.id]);
    const deliberate = two.helper.getClients({ id })?.socket;
    deliberate?.emit('deliberate', 1);
    await stranger.heardOf('deliberate');
    expect(stranger.heard.map(([event]) => event)).toEqual(['connect', 'deliberate']);
  });

  it('deliver typed arrays and unusual dates as local clients receive them', async () => {
    const [one, two] = await startTwo(makeWay());
    const clients = await Promise.all([one, two].map(({ url }) => connectAuthenticated(url)));
    const data = {
      floats: new Float32Array([1.5, -2]),
      own: new Own(),
      none: new Date(Number.NaN),
      some: new Date(0),
      list: [1, { a: [new Uint16Array([7])] }],
    };
    one.helper.send({ payload: { topic: 'v', data } });
    one.helper.send({ payload: { topic: 'end', data: 1 } });
    await everybodyHas(clients, 'end', 1);
    const [local, remote] = clients.map((client) => heardOn(client, 'v')[0]);
    expect(remote).toEqual(local);
    expect(local).toMatchObject({
      none: null,
      some: '1970-01-01T00:00:00.000Z',
      floats: Buffer.from(new Float32Array([1.5, -2]).buffer),
    });
  });
});

describe('an instance that is cut off from its network', () => {
  it('serves its clients, refuses rooms that may be remote sockets, and recovers', async () => {
    const network = new MemoryNetwork();
    const [one, two] = await startTwo(byMemory(network));
    const [here, there] = [await connectAuthenticated(one.url), await connectAuthenticated(two.url)];
    const id = there.socket.id ?? '';
    network.cut('instance-0');
    const answer = await here.socket.emitWithAck('join', { rooms: ['room', id, 'customer-support-eu1'] });
    expect(answer.joined).toEqual(['room']);
    expect(answer.refused).toMatchObject([
      { room: id, code: 'socket_id' },
      { room: 'customer-support-eu1', code: 'cluster_unanswered' },
    ]);
    one.helper.send({ destination: 'room', payload: { topic: 'n', data: 1 } });
    two.helper.send({ payload: { topic: 'n', data: 2 } });
    await everybodyHas([here], 'n', 1);
    await everybodyHas([there], 'n', 2);
    network.heal('instance-0');
    expect((await here.socket.emitWithAck('join', { rooms: ['customer-support-eu1'] })).joined).toHaveLength(1);
    one.helper.send({ payload: { topic: 'n', data: 3 } });
    two.helper.send({ payload: { topic: 'n', data: 4 } });
    for (const last of [3, 4]) await everybodyHas([here, there], 'n', last);
    expect(heardOn(here, 'n').sort()).toEqual([1, 3, 4]);
    expect(heardOn(there, 'n').sort()).toEqual([2, 3, 4]);
    const aboutBus = one.log.lines.filter((line) => line.includes('bus'));
    expect(aboutBus).toEqual([
      expect.stringContaining('lost its connection to Redis'),
      expect.stringContaining('connected to Redis again'),
    ]);
    expect(one.log.loud).toEqual([]);
  });
});
