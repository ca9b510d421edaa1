// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { inOrder, listener, openClient, redisClient, sendUntilHeard, startNode } from '../support/backplane.js';
import { takeTheClock, takeTheTime } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

describe('the publisher', () => {
  it('loses none of 20 000 messages in one tick', async () => {
    const { port } = await startRedis();
    const [one, two] = [
      await startNode({ redisConnection: redisClient(port) }),
      await startNode({ redisConnection: redisClient(port) }),
    ];
    const { heard } = await listener(two.url);
    for (let number = 0; number < 20_000; number++) one.io.emit('n', number);
    await eventually(() => heard.length >= 20_000, { timeout: 40_000 });
    expect(heard).toEqual(numbers(0, 20_000));
    expect(one.reports).toEqual([]);
  }, 60_000);

  it('queues messages while Redis is unreachable, in order, and counts dropped ones', async () => {
    const redis = await startRedis();
    const proxy = await startProxy({ target: redis.port });
    const one = await startNode({ redisConnection: redisClient(proxy.port) });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    const { heard } = await listener(two.url);
    const own = await listener(one.url);
    await proxy.refuse();
    proxy.cut();
    await eventually(() => one.reported('backplane_disconnected').length === 3);
    for (let number = 0; number < 12_000; number++) one.io.emit('n', number);
    await eventually(() => own.heard.length === 12_000, { what: 'local delivery', timeout: 15_000 });
    expect(heard).toEqual([]);
    await proxy.accept();
    await eventually(() => heard.at(-1) === 11_999, { timeout: 15_000 });
    expect(heard).toEqual(numbers(2_000, 12_000));
    const [back] = one.reported('backplane_reconnected').filter(({ connection }) => connection === 'publisher');
    expect(back).toMatchObject({ dropped: 2_000, uncertain: 0 });
  });

  it('waits after an outage until other instances have subscribed again', async () => {
    const redis = await startRedis();
    const proxy = await startProxy({ target: redis.port });
    const one = await startNode({ redisConnection: redisClient(proxy.port) });
    proxy.cut();
    const restored = () => one.reported('backplane_reconnected').find(({ connection }) => connection === 'publisher');
    await eventually(() => restored() !== undefined);
    expect(restored()?.afterMs).toBeGreaterThanOrEqual(300);
    expect(restored()?.afterMs).toBeLessThan(4_000);
  });

  it('holds at most 16 MB', async () => {
    const redis = await startRedis();
    const one = await startNode({ redisConnection: redisClient(redis.port) });
    await redis.kill();
    await eventually(() => one.reported('backplane_disconnected').length === 3);
    const megabyte = 'x'.repeat(1_024 * 1_024);
    for (let count = 0; count < 20; count++) one.io.emit('large', megabyte);
    await redis.restart();
    const [back] = await eventually(
      () => {
        const found = one.reported('backplane_reconnected').filter(({ connection }) => connection === 'publisher');
        return found.length > 0 && found;
      },
      { timeout: 15_000 },
    );
    expect(back?.dropped).toBe(5);
  });

  it('never throws or rejects, in any state', async () => {
    const redis = await startRedis();
    const one = await startNode({ redisConnection: redisClient(redis.port) });
    one.io.emit('n', 1);
    await redis.kill();
    one.io.emit('n', 2);
    await eventually(() => one.reported('backplane_disconnected').length === 3);
    one.io.emit('n', 3);
    await expect(one.io.fetchSockets()).rejects.toThrow('Redis is unreachable');
    await one.backplane.close(100);
    expect(() => one.io.emit('n', 4)).not.toThrow();
  });
});

describe('a Redis that does not answer', () => {
  it('gets a bounded queue, and all of it in order when it continues', async () => {
    const redis = await startRedis();
    const clock = takeTheClock();
    const one = await startNode({ redisConnection: redisClient(redis.port) });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    const { heard } = await listener(two.url);
    await redis.pause();
    for (let number = 0; number < 500; number++) one.io.emit('n', number);
    clock.ticks(4);
    expect(one.reported('backplane_disconnected').map(({ connection }) => connection)).toContain('publisher');
    for (let number = 500; number < 1_000; number++) one.io.emit('n', number);
    redis.resume();
    await eventually(() => heard.length === 1_000, { timeout: 10_000 });
    expect(heard).toEqual(numbers(0, 1_000));
    expect(one.reported('backplane_reconnected').find(({ connection }) => connection === 'publisher')).toMatchObject({
      dropped: 0,
      uncertain: 0,
    });
  });

  it('gets another connection and the queue, without what the former connection wrote', async () => {
    const redis = await startRedis();
    const clock = takeTheClock();
    const client = openClient(redis.port);
    const one = await startNode({ redisConnection: client });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    const { heard } = await listener(two.url);
    const former = client.connection('publisher');
    await redis.pause();
    for (let number = 0; number < 3_000; number++) one.io.emit('n', number);
    clock.ticks(12);
    for (let number = 3_000; number < 3_500; number++) one.io.emit('n', number);
    await eventually(() => client.connection('publisher') !== former);
    redis.resume();
    const restored = () => one.reported('backplane_reconnected').find(({ connection }) => connection === 'publisher');
    await eventually(() => restored() !== undefined, { timeout: 15_000 });
    await sendUntilHeard(one, { heard }, 10_000);
    expect(inOrder(heard)).toBe(true);
    expect(restored()).toMatchObject({ dropped: 0, uncertain: 3_000 });
  });

  it('is not considered dead because the program blocked its event loop', async () => {
    const { port } = await startRedis();
    const clock = takeTheClock();
    const client = openClient(port);
    const one = await startNode({ redisConnection: client });
    const former = client.connection('publisher');
    const time = takeTheTime();
    one.io.emit('n', 1);
    // As after a stall of 11 s: the time has passed, and each timer is due once.
    time.pass(11_000);
    clock.ticks(1);
    await eventually(async () => (await one.io.fetchSockets()).length === 0);
    expect(client.connection('publisher')).toBe(former);
    expect(one.reports).toEqual([]);
  });
});

describe('the fence', () => {
  it('keeps delayed writes of an old connection out of Redis', async () => {
    const redis = await startRedis();
    const proxy = await startProxy({ target: redis.port });
    const clock = takeTheClock();
    const client = openClient(proxy.port);
    const one = await startNode({ redisConnection: client });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    const { heard } = await listener(two.url);
    await sendUntilHeard(one, { heard }, 0);
    proxy.blackhole();
    for (let number = 1_000; number < 2_000; number++) one.io.emit('n', number);
    client.moveTo(redis.port);
    clock.ticks(14);
    const next = await sendUntilHeard(one, { heard }, 2_000);
    proxy.heal();
    await eventually(() => proxy.connections === 0, { what: 'everything that the network held was delivered' });
    await sendUntilHeard(one, { heard }, next + 1_000);
    expect(heard.filter((number) => number >= 1_000 && number < 2_000)).toEqual([]);
    expect(inOrder(heard)).toBe(true);
  });

  it('kills no client in a restarted Redis, where client ids start again', async () => {
    const redis = await startRedis();
    const client = openClient(redis.port);
    const node = await startNode({ redisConnection: client });
    const id = Number(await client.connection('publisher').call('client', 'id'));
    client.moveTo(1);
    await redis.restart();
    await eventually(() => node.reported('backplane_disconnected').length === 3);
    // Other clients take the ids of Roomgate's former connections.
    const mortal = { retryStrategy: () => null };
    const strangers = Array.from({ length: id + 5 }, () => redisClient(redis.port, mortal));
    await Promise.all(strangers.map((stranger) => stranger.connect()));
    client.moveTo(redis.port);
    await eventually(() => node.reported('backplane_reconnected').length === 3);
    expect(new Set(await Promise.all(strangers.map((stranger) => stranger.ping())))).toEqual(new Set(['PONG']));
  });

  it('is skipped if CLIENT is forbidden, which is reported once', async () => {
    const redis = await startRedis();
    await redis.cli('ACL', 'SETUSER', 'guest', 'on', '>secret', '~*', '&*', '+@all', '-client', '-info');
    const connection = redisClient(redis.port, { username: 'guest', password: 'secret', disableClientInfo: true });
    const one = await startNode({ redisConnection: connection });
    const two = await startNode({ redisConnection: redisClient(redis.port) });
    const { heard } = await listener(two.url);
    await sendUntilHeard(one, { heard }, 0);
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => one.reported('backplane_reconnected').length >= 3);
    await eventually(() => two.reported('backplane_reconnected').length >= 3);
    await sendUntilHeard(one, { heard }, 10_000);
    expect(one.reported('backplane_command_refused').map(({ command }) => command)).toEqual([
      'INFO',
      'CLIENT ID',
      'CLIENT SETNAME',
    ]);
  });
});
