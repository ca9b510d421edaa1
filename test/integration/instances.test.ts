// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { Server } from 'socket.io';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RedisHelper } from '../../src/backplane/redis-helper.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { eventually } from '../support/facts.js';
import { type IRedis, startRedis } from '../support/redis.js';
import {
  connect,
  connectAuthenticated,
  type IStarted,
  type ITestClient,
  listen,
  startServer,
  type TTestOptions,
} from '../support/server.js';

let redis: IRedis;

beforeAll(async () => {
  redis = await startRedis();
});

function plainRedis(port = redis.port): Redis {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, protocol: 2 });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function startInstances(count: number, port = redis.port): Promise<IStarted[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      startServer({
        identifier: `instance-${index}`,
        redisConnection: plainRedis(port),
        validateRoomFn: ({ rooms }) => rooms,
        clientConnectedFn: ({ socket }) => {
          socket.on('echo', (value, acknowledge) => acknowledge(value));
        },
      }),
    ),
  );
}

const heardOn = (client: ITestClient, topic: string) =>
  client.heard.filter(([event]) => event === topic).map(([, payload]) => payload);

/** One past the last thing that was sent: once everybody has it, nothing that was sent before is still on the way. */
async function everybodyHas(clients: readonly ITestClient[], topic: string, last: unknown): Promise<void> {
  await Promise.all(
    clients.map((client) =>
      eventually(() => heardOn(client, topic).includes(last), { what: `${topic} ${last}`, timeout: 10_000 }),
    ),
  );
}

class Own {
  readonly bytes = new Uint16Array([1, 2]);
  toJSON(): unknown {
    return { bytes: this.bytes, none: new Date(Number.NaN) };
  }
}

describe.each([2, 3])('%i instances', (count) => {
  it('act as one: ids, rooms, lists and everybody, each client once and in order', async () => {
    const instances = await startInstances(count);
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
  });
});

describe('two instances', () => {
  it('reach the client of the other by its id, and carry every value there', async () => {
    const [one, two] = await startInstances(2);
    if (one === undefined || two === undefined) throw new Error('unreachable');
    const client = await connectAuthenticated(two.url);
    const values = [0, false, '', null, undefined, 'ü😀', { a: [1] }, Buffer.from([1, 2])];
    for (const data of values) one.helper.send({ destination: client.socket.id, payload: { topic: 'v', data } });
    one.helper.send({ destination: client.socket.id, payload: { topic: 'v', data: 'end' } });
    await everybodyHas([client], 'v', 'end');
    expect(heardOn(client, 'v')).toEqual([...values, 'end']);
  });

  it("refuse a room that is the id of the other's client, authenticated or not, and take names that only look like one", async () => {
    const [one, two] = await startInstances(2);
    if (one === undefined || two === undefined) throw new Error('unreachable');
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

  it('leave out of everything whoever is not authenticated', async () => {
    const [one, two] = await startInstances(2);
    if (one === undefined || two === undefined) throw new Error('unreachable');
    const stranger = connect(two.url);
    await stranger.heardOf('connect');
    const member = await connectAuthenticated(two.url);
    const id = stranger.socket.id ?? '';
    const emitter = new Emitter(plainRedis());
    one.helper.getIOServer().in(id).socketsJoin('room');
    emitter.in(id).socketsJoin('room');
    for (const target of [one.helper.getIOServer(), emitter, one.helper.getEmitter()]) {
      target.emit('x', 1);
      target.to(id).emit('x', 1);
      target.to('room').emit('x', 1);
    }
    one.helper.send({ payload: { topic: 'end', data: 1 } });
    emitter.emit('end', 2);
    one.helper.getEmitter().emit('end', 3);
    for (const last of [1, 2, 3]) await everybodyHas([member], 'end', last);
    expect((await one.helper.getIOServer().fetchSockets()).map((socket) => socket.id)).toEqual([member.socket.id]);
    const deliberate = two.helper.getClients({ id })?.socket;
    deliberate?.emit('deliberate', 1);
    await stranger.heardOf('deliberate');
    expect(stranger.heard.map(([event]) => event)).toEqual(['connect', 'deliberate']);
  });

  it('work beside an unmodified Socket.IO server and a plain emitter on the same Redis', async () => {
    const [one] = await startInstances(1);
    if (one === undefined) throw new Error('unreachable');
    const { http, url } = await listen(createServer());
    const plain = new Server(http);
    // The adapter asks its clients in the way of ioredis 5.
    const [pub, sub] = [plainRedis(), plainRedis()];
    Object.assign(pub, {
      send_command: (name: string, args: string[], done: (e: unknown, r?: unknown) => void) =>
        pub.call(name, ...args).then((reply) => done(null, reply), done),
    });
    plain.adapter(createAdapter(pub, sub));
    onTestFinished(() => plain.close());
    plain.on('connection', (socket) => socket.join('room'));
    const theirs = connect(url);
    await theirs.heardOf('connect');
    const ours = await connectAuthenticated(one.url);
    await ours.socket.emitWithAck('join', { rooms: ['room'] });
    const emitter = new Emitter(plainRedis());
    await eventually(async () => expect(await one.helper.getIOServer().of('/').adapter.serverCount()).toBe(2));
    one.helper.send({ destination: 'room', payload: { topic: 'a', data: 'helper' } });
    await everybodyHas([ours, theirs], 'a', 'helper');
    plain.to('room').emit('a', 'plain');
    await everybodyHas([ours, theirs], 'a', 'plain');
    emitter.to('room').emit('a', 'emitter');
    await everybodyHas([ours, theirs], 'a', 'emitter');
    for (const client of [ours, theirs]) expect(heardOn(client, 'a')).toEqual(['helper', 'plain', 'emitter']);
    expect((await plain.fetchSockets()).map((socket) => socket.id).sort()).toEqual(
      [ours.socket.id, theirs.socket.id].sort(),
    );
  });

  it('are made from a client of ioredis 5 as well as of 6', async () => {
    const old = new Redis5({ port: redis.port, host: '127.0.0.1', lazyConnect: true, maxRetriesPerRequest: 1 });
    old.on('error', () => {});
    onTestFinished(() => old.disconnect());
    const one = await startServer({ redisConnection: old });
    const [two] = await startInstances(1);
    if (two === undefined) throw new Error('unreachable');
    const clients = await Promise.all([one, two].map(({ url }) => connectAuthenticated(url)));
    one.helper.send({ payload: { topic: 'a', data: 5 } });
    two.helper.send({ payload: { topic: 'a', data: 6 } });
    for (const last of [5, 6]) await everybodyHas(clients, 'a', last);
    expect(await one.helper.getIOServer().fetchSockets()).toHaveLength(2);
    expect(old.status).toBe('wait');
  });

  it('carry typed arrays and odd dates as they are carried to local clients', async () => {
    const [one, two] = await startInstances(2);
    if (one === undefined || two === undefined) throw new Error('unreachable');
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

  it('are made from a wrapper whose clients connect by themselves', async () => {
    const made: Redis[] = [];
    const wrapper = {
      duplicate: () => {
        const client = new Redis({ port: redis.port, host: '127.0.0.1' });
        made.push(client);
        return client;
      },
    };
    const one = await startServer({ redisConnection: { getClient: () => wrapper } });
    const [two] = await startInstances(1);
    if (two === undefined) throw new Error('unreachable');
    const client = await connectAuthenticated(one.url);
    two.helper.send({ payload: { topic: 'a', data: 1 } });
    expect(await client.heardOf('a')).toBe(1);
    expect(made).toHaveLength(3);
    await one.helper.shutdown();
    await eventually(() => made.every(({ status }) => status === 'end'), { what: 'all connections have ended' });
  });

  it('are made from a Redis helper that is left unconnected', async () => {
    const helper = new RedisHelper({ name: 'r', host: '127.0.0.1', port: String(redis.port), autoConnect: false });
    const { helper: server } = await startServer({ redisConnection: helper });
    expect(server.getEmitter()).toBeInstanceOf(Emitter);
    expect(helper.getClient().status).toBe('wait');
  });
});

async function unconfigured(options: TTestOptions): Promise<SocketIOServerHelper> {
  const { http } = await listen();
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    identifier: 'a',
    serverOptions: {},
    authenticateFn: () => true,
    logger: false,
    ...options,
    server: http,
  });
  onTestFinished(() => helper.shutdown());
  return helper;
}

describe('without Redis', () => {
  it('what could not be delivered until the end is told at the end', async () => {
    const away = await startRedis();
    const [one] = await startInstances(1, away.port);
    if (one === undefined) throw new Error('unreachable');
    await away.kill();
    await eventually(() => one.log.loud.some((line) => line.includes('Redis is away (publisher')));
    for (let number = 0; number < 3; number++) one.helper.send({ payload: { topic: 'n', data: number } });
    await one.helper.shutdown();
    expect(one.log.loud).toContainEqual(
      expect.stringContaining('ended (publisher); not delivered to other instances: 3'),
    );
  });

  it('configure() says so where the helper hands out no client', async () => {
    await expect(startServer({ redisConnection: { getClient: () => null as never } })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('null'),
    });
  });

  it('configure() rejects in time, naming host and port, and may be called again', async () => {
    const away = await startRedis();
    const port = away.port;
    await away.kill();
    const helper = await unconfigured({ redisConnection: plainRedis(port), redisTimeout: 500 });
    await expect(helper.configure()).rejects.toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    expect(() => helper.getIOServer()).toThrow('configure');
    await away.restart();
    await helper.configure();
    expect(helper.getIOServer()).toBeInstanceOf(Server);
  });

  it.each([
    ['has just begun', 0],
    ['waits for Redis', 4],
  ])('shutdown() ends a configure() that %s', async (_, attempts) => {
    const away = await startRedis();
    await away.kill();
    const client = plainRedis(away.port);
    const duplicate = vi.spyOn(client, 'duplicate');
    const helper = await unconfigured({ redisConnection: client });
    const configuring = expect(helper.configure()).rejects.toThrow();
    await eventually(() => duplicate.mock.calls.length >= attempts);
    await helper.shutdown();
    await configuring;
  });
});

describe.each([
  [
    'killed and started again',
    async (server: IRedis, meanwhile: () => Promise<void>) => {
      await server.kill();
      await meanwhile();
      await server.restart();
    },
  ],
  [
    'stopped and continued',
    async (server: IRedis, meanwhile: () => Promise<void>) => {
      await server.pause();
      await meanwhile();
      server.resume();
    },
  ],
  [
    'made to drop every connection',
    async (server: IRedis, meanwhile: () => Promise<void>) => {
      await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
      await meanwhile();
    },
  ],
  [
    'locked behind a new password',
    async (server: IRedis, meanwhile: () => Promise<void>) => {
      await server.configSet('requirepass', 'new');
      await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
      await meanwhile();
      await server.configSet('requirepass', '');
    },
  ],
  [
    'given junk on every channel',
    async (server: IRedis, meanwhile: () => Promise<void>) => {
      const forged = { uid: 'x', type: 6, data: ['connection', { id: 'x' }] };
      for (const junk of [
        '',
        'junk',
        '{',
        '[]',
        '{"type":99}',
        JSON.stringify(forged),
        '\u0093\u00a1x\u0080',
        '\xff\xff',
      ]) {
        for (const channel of [
          'socket.io#/#',
          'socket.io#/#room#',
          'socket.io-request#/#',
          'socket.io-response#/#',
          'roomgate:socket.io:ask',
        ]) {
          await server.cli('PUBLISH', channel, junk);
        }
      }
      await meanwhile();
    },
  ],
] as const)('under a numbered stream, a Redis that is %s', (_, harm) => {
  it('costs local clients nothing, doubles and reorders nothing, and is healed from', async () => {
    const server = await startRedis();
    const [one, two] = await startInstances(2, server.port);
    if (one === undefined || two === undefined) throw new Error('unreachable');
    const local = await connectAuthenticated(one.url);
    const remote = await connectAuthenticated(two.url);
    let number = 0;
    const send = () => one.helper.send({ payload: { topic: 'n', data: number++ } });
    const ticking = setInterval(send, 2);
    onTestFinished(() => clearInterval(ticking));
    const streamed = (count: number) => {
      const goal = number + count;
      return eventually(() => heardOn(local, 'n').includes(goal), { timeout: 10_000 });
    };
    await streamed(50);
    await harm(server, async () => {
      await streamed(300);
    });
    // Healed: what is sent now arrives over there.
    const healed = number;
    await eventually(() => heardOn(remote, 'n').some((value) => Number(value) > healed), {
      timeout: 15_000,
      what: 'healing',
    });
    await streamed(50);
    clearInterval(ticking);
    await everybodyHas([local, remote], 'n', number - 1);
    expect(heardOn(local, 'n')).toEqual(Array.from({ length: number }, (_, index) => index));
    const there = heardOn(remote, 'n') as number[];
    expect(there).toEqual([...new Set(there)].sort((a, b) => a - b));
    expect(await local.socket.emitWithAck('echo', 1)).toBe(1);
    expect(two.helper.getClients().size).toBe(1);
  }, 60_000);
});
