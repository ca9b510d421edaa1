// npm test: node
// npm run test:matrix: newest-node
import { encode } from 'notepack.io';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  answered,
  listener,
  openClient,
  type PlainInstance,
  redisClient,
  sendUntilHeard,
  startNode,
} from '../support/backplane.js';
import { takeTheClock } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

/** Publishes messages that no instance sends; resolves once `node` has received all of them. */
async function publishTo(node: PlainInstance, channel: string, messages: readonly (string | Buffer)[]): Promise<void> {
  const client = redisClient(redis.port);
  for (const message of messages) await client.publish(channel, message);
  const client2 = await listener(node.url);
  // On one connection Redis delivers in order: this message arrives after all others.
  await client.publish('socket.io#/#', encode(['x', { type: 2, data: ['n', 1], nsp: '/' }, { rooms: [], except: [] }]));
  await eventually(() => client2.heard.length === 1);
}

const event = (data: unknown[], more: object = {}) => ({ type: 2, data, nsp: '/', ...more });
const TARGET = { rooms: [], except: [], flags: {} };

/** 100 000 nested lists. */
const DEEP = Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([0xc0])]);

const MALFORMED_BROADCASTS: readonly (readonly [string, string | Buffer])[] = [
  ['nothing', ''],
  ['text', 'junk'],
  ['a lone byte of an unfinished map', Buffer.from([0xdf])],
  ['a number', encode(1)],
  ['an object', encode({ a: 1 })],
  ['an empty list', encode([])],
  ['no sender', encode([1, event(['n', 0]), TARGET])],
  ['no packet', encode(['x', null, TARGET])],
  ['a packet of another type', encode(['x', { ...event(['n', 0]), type: 1 }, TARGET])],
  ['an acknowledgement', encode(['x', { ...event(['n', 0]), type: 3, id: 0 }, TARGET])],
  ['a numbered packet', encode(['x', event(['n', 0], { id: 5 }), TARGET])],
  ['no data', encode(['x', { type: 2, nsp: '/' }, TARGET])],
  ['no name', encode(['x', event([{ a: 1 }]), TARGET])],
  ['a reserved name', encode(['x', event(['disconnect', 0]), TARGET])],
  ['no target', encode(['x', event(['n', 0])])],
  ['rooms that are not a list', encode(['x', event(['n', 0]), { rooms: 5, except: [] }])],
  ['rooms of objects', encode(['x', event(['n', 0]), { rooms: [{}], except: [] }])],
  ['100 000 levels', DEEP],
  ['2 000 levels in an event', encode(['x', event(['n', nested(2_000)]), TARGET])],
];

function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

describe('malformed messages on a broadcast channel', () => {
  it.each(MALFORMED_BROADCASTS)('%s reaches no client, and is counted', async (_, message) => {
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    const { heard } = await listener(node.url);
    await publishTo(node, 'socket.io#/#', [message, message]);
    await eventually(() => expect(heard).toEqual([1]));
    expect(node.reported('backplane_messages_rejected')).toMatchObject([{ channel: 'broadcast', count: 1 }]);
  });

  it('are reported once in ten seconds, with a count', async () => {
    const clock = takeTheClock();
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await publishTo(node, 'socket.io#/#', Array(50).fill('junk'));
    clock.ticks(9);
    expect(node.reported('backplane_messages_rejected').map(({ count }) => count)).toEqual([1]);
    clock.ticks(1);
    expect(node.reported('backplane_messages_rejected').map(({ count }) => count)).toEqual([1, 49]);
  });

  it('do not include valid unusual ones: deep data, binary data, numbers as names', async () => {
    const [one, two] = [
      await startNode({ redisConnection: redisClient(redis.port) }),
      await startNode({ redisConnection: redisClient(redis.port) }),
    ];
    const { heard } = await listener(two.url);
    one.io.emit('deep', nested(500));
    one.io.emit('binary', Buffer.alloc(5_000, 0x91), { in: { an: [new Uint8Array(2_000)] } });
    one.io.to('a').to('b').except('c').volatile.compress(false).timeout(50).emit('flags');
    one.io.emit('n', 1);
    await eventually(() => heard.length === 1);
    expect(two.reported('backplane_messages_rejected')).toEqual([]);
  });
});

const MALFORMED_REQUESTS: readonly (readonly [string, unknown])[] = [
  ['text', 'junk'],
  ['an unfinished object', '{'],
  ['a list', '[]'],
  ['nothing', ''],
  ['no type', {}],
  ['an unknown type', { type: 99 }],
  ['a type of a wrong kind', { type: '2' }],
  ['a join without rooms', { type: 2, opts: TARGET }],
  ['a join of one socket in an old format', { type: 2, sid: 'x', room: 'y' }],
  ['a join into objects', { type: 2, opts: TARGET, rooms: [{}] }],
  ['a leave without a target', { type: 3, rooms: ['a'] }],
  ['a leave from rooms that are not a list', { type: 3, opts: { rooms: 1, except: [] }, rooms: ['a'] }],
  ['a disconnect of one socket in an old format', { type: 4, sid: 'x' }],
  ['a fetch without a target', { type: 5, requestId: 'r' }],
  ['a fetch without a number', { type: 5, opts: TARGET }],
  ['a request for sockets in no rooms', { type: 0, requestId: 'r' }],
  ['an event without data', { type: 6 }],
  ['an event without a name', { type: 6, data: [] }],
  ['a forged connection', { type: 6, uid: 'x', data: ['connection', { id: 'x' }] }],
  ['a forged connect', { type: 6, uid: 'x', data: ['connect', { id: 'x' }] }],
  ['a forged namespace', { type: 6, uid: 'x', data: ['new_namespace', {}] }],
  ['a broadcast without a packet', { type: 7, requestId: 'r', opts: TARGET }],
  ['a broadcast of a reserved name', { type: 7, requestId: 'r', opts: TARGET, packet: event(['disconnect']) }],
  ['a broadcast that cannot be answered', { type: 7, opts: TARGET, packet: event(['n', 0]) }],
  ['100 000 levels', DEEP],
];

describe('malformed messages on a request channel', () => {
  it.each(MALFORMED_REQUESTS)('%s changes nothing, and is counted', async (_, request) => {
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    const called: unknown[] = [];
    for (const name of ['connect', 'new_namespace'] as const)
      node.io.of('/').on(name as 'connect', (x) => called.push(x));
    const { heard, id } = await listener(node.url);
    called.length = 0;
    const message = typeof request === 'string' || Buffer.isBuffer(request) ? request : JSON.stringify(request);
    await publishTo(node, 'socket.io-request#/#', [message]);
    // The additional one is the client of `publishTo`.
    expect(called.length).toBe(1);
    await eventually(() => expect(heard).toEqual([1]));
    expect([...(node.io.sockets.adapter.socketRooms(id) ?? [])]).toEqual([id]);
    expect(node.reported('backplane_messages_rejected')).toMatchObject([{ channel: 'request', count: 1 }]);
  });
});

describe('malformed messages on a response channel', () => {
  it.each([
    ['text', 'junk'],
    ['null', 'null'],
    ['no number', '{}'],
    ['sockets that are not a list', '{"requestId":"r","sockets":{"length":1}}'],
    ['null among the sockets', '{"requestId":"r","sockets":[null]}'],
    ['sockets without rooms', '{"requestId":"r","sockets":[{"id":"a","rooms":5}]}'],
    ['an invalid count', '{"requestId":"r","type":8,"clientCount":"many"}'],
  ])('%s is dropped, and is counted', async (_, message) => {
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await publishTo(node, 'socket.io-response#/#', [message]);
    expect(node.reported('backplane_messages_rejected')).toMatchObject([{ channel: 'response', count: 1 }]);
  });
});

describe('malformed messages on our own channels', () => {
  it.each(['ask', 'goodbye', 'sent'])('%s: it is dropped and counted', async (name) => {
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await publishTo(node, `roomgate:socket.io:${name}`, [
      '',
      '{',
      'null',
      '{"from":5}',
      '{"ask":"a","from":"b","ids":[1]}',
    ]);
    expect(node.reported('backplane_messages_rejected')[0]).toMatchObject({ channel: name, count: 1 });
  });
});

describe('the guard', () => {
  it('reports an error of the program’s handler as such, and continues', async () => {
    const [one, two] = [
      await startNode({ redisConnection: redisClient(redis.port) }),
      await startNode({ redisConnection: redisClient(redis.port) }),
    ];
    const heard: unknown[] = [];
    two.io.on('note', (value) => {
      heard.push(value);
      throw new Error('of the program');
    });
    one.io.serverSideEmit('note', 1);
    one.io.serverSideEmit('note', 2);
    await eventually(() => heard.length === 2);
    expect(two.reported('handler_failed')).toHaveLength(2);
    expect(two.reported('backplane_messages_rejected')).toEqual([]);
  });

  it('passes every request that Socket.IO servers send each other', async () => {
    const [one, two] = [
      await startNode({ redisConnection: redisClient(redis.port) }),
      await startNode({ redisConnection: redisClient(redis.port) }),
    ];
    const { id } = await listener(two.url);
    two.io.on('ask', (_: unknown, answer: (value: string) => void) => answer('answered'));
    expect((await one.io.fetchSockets()).map((socket) => socket.id)).toEqual([id]);
    one.io.in(id).socketsJoin('room');
    await eventually(async () => (await one.io.in('room').fetchSockets()).length === 1);
    one.io.in('room').socketsLeave('room');
    await eventually(async () => (await one.io.in('room').fetchSockets()).length === 0);
    expect(await one.io.serverSideEmitWithAck('ask', 1)).toEqual(['answered']);
    one.io.in(id).disconnectSockets(true);
    await eventually(() => two.io.engine.clientsCount === 0);
    expect([...one.reports, ...two.reports]).toEqual([]);
  });

  it('passes acknowledgements of remote clients', async () => {
    const [one, two] = [
      await startNode({ redisConnection: redisClient(redis.port) }),
      await startNode({ redisConnection: redisClient(redis.port) }),
    ];
    two.io.on('connection', (socket) => socket.join('room'));
    const { io: connect } = await import('socket.io-client');
    const client = connect(two.url, { transports: ['websocket'] });
    client.on('question', (answer: (value: Buffer) => void) => answer(Buffer.from([1, 2])));
    await eventually(() => client.connected);
    const answers = await one.io.to('room').timeout(3_000).emitWithAck('question');
    client.disconnect();
    expect(answers).toEqual([Buffer.from([1, 2])]);
  });

  it('renews subscriptions of later namespaces on every new connection', async () => {
    const client = openClient(redis.port);
    const one = await startNode({ redisConnection: redisClient(redis.port) });
    const two = await startNode({ redisConnection: client });
    const heard: number[] = [];
    for (const { io } of [one, two]) io.of('/later').on('note', (value: number) => heard.push(value));
    const said = async (value: number) => {
      await eventually(() => {
        one.io.of('/later').serverSideEmit('note', value);
        return heard.includes(value);
      });
    };
    await said(1);
    const former = client.connection('subscriber');
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => client.connection('subscriber') !== former);
    await said(2);
  });
});

describe('a subscription that is connected and deaf', () => {
  it('is noticed and replaced', async () => {
    const clock = takeTheClock();
    const client = openClient(redis.port);
    const one = await startNode({ redisConnection: redisClient(redis.port) });
    const two = await startNode({ redisConnection: client });
    const ear = await listener(two.url);
    await sendUntilHeard(one, ear, 0);
    const former = client.connection('subscriber');
    await former.punsubscribe('socket.io#/#*');
    for (let tick = 0; tick < 25 && two.reported('backplane_subscription_replaced').length === 0; tick++) {
      clock.ticks(1);
      await answered(client);
    }
    expect(two.reported('backplane_subscription_replaced')).toMatchObject([{ silentMs: 10_000 }]);
    await eventually(() => two.reported('backplane_reconnected').length === 1);
    expect(client.connection('subscriber')).not.toBe(former);
    await sendUntilHeard(one, ear, 1_000);
  });

  it.each([2, 3] as const)(
    'is not confused with silence, or with a missing publisher, in RESP %i',
    async (protocol) => {
      const clock = takeTheClock();
      const client = openClient(redis.port, { protocol });
      const node = await startNode({ redisConnection: client });
      for (let tick = 0; tick < 40; tick++) {
        clock.ticks(1);
        await answered(client);
      }
      expect(node.reports).toEqual([]);
      // Its probes would be received, too.
      await node.backplane.close(500);
      const other = openClient(redis.port, { protocol });
      const lonely = await startNode({ redisConnection: other });
      other.moveTo(1);
      other.connection('publisher').disconnect();
      await eventually(() => lonely.reported('backplane_disconnected').length === 1);
      for (let tick = 0; tick < 25; tick++) {
        clock.ticks(1);
        await answered(other);
      }
      expect(lonely.reported('backplane_subscription_replaced')).toEqual([]);
    },
  );
});
