// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { Server } from 'socket.io';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RedisHelper } from '../../src/backplane/redis/redis-helper.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { redisClient } from '../support/backplane.js';
import { takeTheTimeOf } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { byRedis, everybodyHas, heardOn, startOne, startTwo } from '../support/instances.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { connect, connectAuthenticated, listen, startServer, type TestOptions } from '../support/server.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

const plainRedis = (port = redis.port) => redisClient(port, { protocol: 2 });

describe('two instances', () => {
  it('work together with an unmodified Socket.IO server and a plain emitter on the same Redis', async () => {
    const one = await startOne(byRedis(redis.port));
    const { http, url } = await listen(createServer());
    const plain = new Server(http);
    // The adapter uses the API of ioredis 5 on its clients.
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

  it('can be created from a client of ioredis 5 or 6', async () => {
    const old = new Redis5({ port: redis.port, host: '127.0.0.1', lazyConnect: true, maxRetriesPerRequest: 1 });
    old.on('error', () => {});
    onTestFinished(() => old.disconnect());
    const one = await startServer({ redisConnection: old });
    const two = await startOne(byRedis(redis.port));
    const clients = await Promise.all([one, two].map(({ url }) => connectAuthenticated(url)));
    one.helper.send({ payload: { topic: 'a', data: 5 } });
    two.helper.send({ payload: { topic: 'a', data: 6 } });
    for (const last of [5, 6]) await everybodyHas(clients, 'a', last);
    expect(await one.helper.getIOServer().fetchSockets()).toHaveLength(2);
    expect(old.status).toBe('wait');
  });

  it('can be created from a wrapper whose clients connect automatically', async () => {
    const made: Redis[] = [];
    const wrapper = {
      duplicate: () => {
        const client = new Redis({ port: redis.port, host: '127.0.0.1' });
        made.push(client);
        return client;
      },
    };
    const one = await startServer({ redisConnection: { getClient: () => wrapper } });
    const two = await startOne(byRedis(redis.port));
    const client = await connectAuthenticated(one.url);
    two.helper.send({ payload: { topic: 'a', data: 1 } });
    expect(await client.heardOf('a')).toBe(1);
    expect(made).toHaveLength(3);
    await one.helper.shutdown();
    await eventually(() => made.every(({ status }) => status === 'end'), { what: 'all connections have ended' });
  });

  it('can be created from a Redis helper that is not connected', async () => {
    const helper = new RedisHelper({ name: 'r', host: '127.0.0.1', port: String(redis.port), autoConnect: false });
    const { helper: server } = await startServer({ redisConnection: helper });
    expect(server.getEmitter()).toBeInstanceOf(Emitter);
    expect(helper.getClient().status).toBe('wait');
  });
});

async function unconfigured(options: TestOptions): Promise<SocketIOServerHelper> {
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
  it('undelivered messages are reported at the end', async () => {
    const away = await startRedis();
    const one = await startOne(byRedis(away.port));
    await away.kill();
    await eventually(() => one.log.loud.some((line) => line.includes('lost connection to Redis at')));
    for (let number = 0; number < 3; number++) one.helper.send({ payload: { topic: 'n', data: number } });
    await one.helper.shutdown();
    expect(one.log.loud).toContainEqual(
      expect.stringContaining(
        'the publisher ended while Redis was unreachable; messages for other instances that were lost: 3',
      ),
    );
  });

  it('a broadcast with acknowledgements fails by its timeout, and a question to all servers is answered', async () => {
    const away = await startRedis();
    const [one] = await startTwo(byRedis(away.port));
    const client = await connectAuthenticated(one.url);
    client.socket.on('ask', (answer: (value: string) => void) => answer('here'));
    await away.kill();
    await eventually(() => one.log.loud.some((line) => line.includes('lost connection to Redis at')));
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => {
      process.off('unhandledRejection', note);
    });
    const io = one.helper.getIOServer();
    // Long enough that the local client answers, even if the machine stalls.
    await expect(io.timeout(2_000).emitWithAck('ask')).rejects.toMatchObject({ responses: ['here'] });
    await expect(io.serverSideEmitWithAck('ask')).rejects.toThrow('Redis is unreachable');
    await expect(io.fetchSockets()).rejects.toThrow('Redis is unreachable');
    expect(unhandled).toEqual([]);
  });

  it('configure() rejects if the helper returns no client', async () => {
    await expect(startServer({ redisConnection: { getClient: () => null as never } })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('null'),
    });
  });

  it('configure() rejects in time, naming host and port, and may be called again', async () => {
    const away = await startRedis();
    const port = away.port;
    await away.kill();
    const client = plainRedis(port);
    const helper = await unconfigured({ redisConnection: client, redisTimeout: 500 });
    const time = takeTheTimeOf(client);
    const refused = expect(helper.configure()).rejects.toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    await time.passAfter(1, 500);
    await refused;
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
    async (server: RedisServer, meanwhile: () => Promise<void>) => {
      await server.kill();
      await meanwhile();
      await server.restart();
    },
  ],
  [
    'stopped and continued',
    async (server: RedisServer, meanwhile: () => Promise<void>) => {
      await server.pause();
      await meanwhile();
      server.resume();
    },
  ],
  [
    'made to drop every connection',
    async (server: RedisServer, meanwhile: () => Promise<void>) => {
      await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
      await meanwhile();
    },
  ],
  [
    'locked behind a new password',
    async (server: RedisServer, meanwhile: () => Promise<void>) => {
      await server.configSet('requirepass', 'new');
      await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
      await meanwhile();
      await server.configSet('requirepass', '');
    },
  ],
  [
    'given malformed messages on every channel',
    async (server: RedisServer, meanwhile: () => Promise<void>) => {
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
  it('costs local clients nothing, duplicates and reorders nothing, and recovers', async () => {
    const server = await startRedis();
    const [one, two] = await startTwo(byRedis(server.port));
    const local = await connectAuthenticated(one.url);
    const remote = await connectAuthenticated(two.url);
    let number = 0;
    const send = () => {
      for (let count = 0; count < 5; count++) one.helper.send({ payload: { topic: 'n', data: number++ } });
    };
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
    // The network is repaired: new messages arrive at the other instance.
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
