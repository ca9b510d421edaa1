// npm test: node
// npm run test:matrix: newest-node
import { Emitter } from '@socket.io/redis-emitter';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import type { ILogger } from '../../src/common/types.js';
import { inOrder, listener, redisClient, startNode } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { takeTheTimeOf } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

function newEmitter(port: number, more: { redisTimeout?: number; key?: string; logger?: ILogger } = {}) {
  const redisConnection = redisClient(port);
  const helper = new SocketIOEmitterHelper({ identifier: 'worker', redisConnection, logger: false, ...more });
  defer(() => helper.shutdown());
  return { helper, redisConnection };
}

describe('SocketIOEmitterHelper', () => {
  it('reaches all clients, a room and a socket, each client once and in order', async () => {
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    const [a, b] = [await listener(node.url), await listener(node.url)];
    node.io.in(a.id).socketsJoin(['room', 'other']);
    await eventually(() => node.io.sockets.adapter.rooms.has('room'));
    const { helper, redisConnection } = newEmitter(redis.port);
    await helper.configure();
    await helper.configure();
    const done: number[] = [];
    helper.send({ payload: { topic: 'n', data: 1 }, cb: () => done.push(1) });
    expect(done).toEqual([]);
    helper.send({ destination: 'room', payload: { topic: 'n', data: 2 } });
    helper.send({ destination: ['room', 'other', a.id], payload: { topic: 'n', data: 3 } });
    helper.send({ destination: b.id, payload: { topic: 'n', data: 4 } });
    helper.send({ payload: { topic: 'n', data: 0 } });
    await eventually(() => a.heard.at(-1) === 0 && b.heard.at(-1) === 0);
    expect(a.heard).toEqual([1, 2, 3, 0]);
    expect(b.heard).toEqual([1, 4, 0]);
    expect(done).toEqual([1]);
    expect(helper.getEmitter()).toBeInstanceOf(Emitter);
    expect(redisConnection.status).toBe('wait');
  });

  it('reaches only servers with its key', async () => {
    const [ours, theirs] = [
      await startNode({ redisConnection: redisClient(redis.port), key: 'shop' }),
      await startNode({ redisConnection: redisClient(redis.port) }),
    ];
    const [ear, other] = [await listener(ours.url), await listener(theirs.url)];
    const { helper } = newEmitter(redis.port, { key: 'shop' });
    await helper.configure();
    helper.send({ payload: { topic: 'n', data: 1 } });
    await eventually(() => ear.heard.length === 1);
    // A misdirected message would arrive before this one.
    const { helper: ofTheirs } = newEmitter(redis.port);
    await ofTheirs.configure();
    ofTheirs.send({ payload: { topic: 'n', data: 2 } });
    await eventually(() => other.heard.includes(2));
    expect(other.heard).toEqual([2]);
  });

  it('rejects invalid calls, and sends before configure()', async () => {
    const { helper } = newEmitter(redis.port);
    const message = { payload: { topic: 'n', data: 1 } };
    expect(() => helper.send(message)).toThrow('configure');
    expect(() => helper.getEmitter()).toThrow('configure');
    await helper.configure();
    expect(() => helper.send({ ...message, destination: '' })).toThrow('destination');
    expect(() => helper.send({ payload: { topic: 'disconnect' } })).toThrow('reserved');
    expect(() => new SocketIOEmitterHelper({ identifier: '', redisConnection: redisClient(1) })).toThrow('identifier');
    expect(() => new SocketIOEmitterHelper({ identifier: 'a', redisConnection: {} as never })).toThrow(
      'redisConnection',
    );
  });

  it('queues messages while Redis is unreachable, and throws nothing', async () => {
    const own = await startRedis();
    const node = await startNode({ redisConnection: redisClient(own.port) });
    const { heard } = await listener(node.url);
    const lines: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => lines.push(line) };
    const { helper } = newEmitter(own.port, { logger });
    await helper.configure();
    await own.kill();
    await eventually(() => lines.some((line) => line.includes('lost connection to Redis')));
    for (let number = 0; number < 1_000; number++) helper.send({ payload: { topic: 'n', data: number } });
    await own.restart();
    let next = 5_000;
    await eventually(
      () => {
        helper.send({ payload: { topic: 'n', data: next++ } });
        return heard.some((number) => number >= 5_000);
      },
      { timeout: 15_000 },
    );
    expect(inOrder(heard)).toBe(true);
    await eventually(() => lines.some((line) => line.includes('back')));
  });

  it('names the address of a missing Redis, may be configured again, and shuts down cleanly', async () => {
    const own = await startRedis();
    await own.kill();
    const { helper, redisConnection } = newEmitter(own.port, { redisTimeout: 200 });
    const time = takeTheTimeOf(redisConnection);
    const refused = expect(helper.configure()).rejects.toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringContaining(`127.0.0.1:${own.port}`),
    });
    await time.passAfter(1, 200);
    await refused;
    await own.restart();
    await helper.configure();
    await Promise.all([helper.shutdown(), helper.shutdown()]);
    expect(() => helper.send({ payload: { topic: 'n', data: 1 } })).not.toThrow();
    await eventually(async () => (await own.cli('CLIENT', 'LIST')).split('\n').length === 1);
    await newEmitter(own.port).helper.shutdown();
  });

  it('aborts a waiting configure() at shutdown()', async () => {
    const own = await startRedis();
    await own.kill();
    const { helper } = newEmitter(own.port);
    const configuring = helper.configure().catch((error: unknown) => error);
    await helper.shutdown();
    expect(await configuring).toMatchObject({ code: 'shut_down' });
  });
});
