// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { openClient, redisClient, startNode } from '../support/backplane.js';
import { takeTheClock } from '../support/clock.js';
import { eventually, nextEvent, within } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

const start = (sockets: readonly string[] = [], more: { key?: string; port?: number } = {}) =>
  startNode({ redisConnection: redisClient(more.port ?? redis.port), sockets, ...(more.key ? { key: more.key } : {}) });

describe('findSockets()', () => {
  it('returns another instance’s sockets in one request, long before the timeout', async () => {
    const one = await start(['a']);
    await start(['b']);
    await start(['c']);
    const begun = performance.now();
    const owners = await one.search.find(['a', 'b', 'c', 'd'], 10_000);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect([...owners]).toEqual([
      ['a', 'nowhere'],
      ['b', 'elsewhere'],
      ['c', 'elsewhere'],
      ['d', 'nowhere'],
    ]);
  });

  it('looks up thousands at once, and no name that a socket cannot have', async () => {
    const one = await start();
    await start(['id-2500']);
    const ids = Array.from({ length: 3_000 }, (_, index) => `id-${index}`);
    const owners = await one.search.find([...ids, 'x'.repeat(1_000)], 5_000);
    expect(owners.size).toBe(3_001);
    expect([...owners].filter(([, owner]) => owner !== 'nowhere')).toEqual([['id-2500', 'elsewhere']]);
  });

  it('reports an instance that lives and does not answer as unknown', async () => {
    const client = openClient(redis.port);
    const mute = await startNode({ redisConnection: client, sockets: ['a'] });
    const one = await start();
    await client.connection('subscriber').unsubscribe('roomgate:socket.io:ask');
    const owners = await one.search.find(['a', 'b'], 200);
    expect([...owners.values()]).toEqual(['unanswered', 'unanswered']);
    await mute.backplane.close(500);
    expect((await one.search.find(['a'], 5_000)).get('a')).toBe('nowhere');
  });

  it('keeps programs apart that share one Redis with different keys', async () => {
    const one = await start([], { key: 'shop' });
    await start(['a'], { key: 'other' });
    expect((await one.search.find(['a'], 5_000)).get('a')).toBe('nowhere');
  });

  it('answers at once, and never "nowhere", while Redis is unreachable; and recovers automatically', async () => {
    const own = await startRedis();
    const one = await start([], { port: own.port });
    const two = await start(['a'], { port: own.port });
    await own.kill();
    await eventually(() => one.reported('backplane_disconnected').length === 3);
    const begun = performance.now();
    expect([...(await one.search.find(['a', 'b'], 10_000)).values()]).toEqual(['unanswered', 'unanswered']);
    expect(performance.now() - begun).toBeLessThan(5_000);
    await own.restart();
    for (const node of [one, two]) await eventually(() => node.reported('backplane_reconnected').length === 3);
    expect((await one.search.find(['a'], 5_000)).get('a')).toBe('elsewhere');
  });

  it('waits no longer than its timeout if Redis does not answer', async () => {
    const own = await startRedis();
    const one = await start([], { port: own.port });
    await own.pause();
    expect((await one.search.find(['a'], 200)).get('a')).toBe('unanswered');
    own.resume();
  });

  it('does not forget other instances when Redis lost its memory', async () => {
    const own = await startRedis();
    const one = await start([], { port: own.port });
    await start(['a'], { port: own.port });
    expect((await one.search.find(['a'], 5_000)).get('a')).toBe('elsewhere');
    await own.cli('FLUSHALL');
    expect((await one.search.find(['a'], 5_000)).get('a')).toBe('elsewhere');
  });

  it('holds a bounded number of questions', async () => {
    const client = openClient(redis.port);
    const mute = await startNode({ redisConnection: client });
    const one = await start();
    await client.connection('subscriber').unsubscribe('roomgate:socket.io:ask');
    const asked = Array.from({ length: 1_000 }, () => one.search.find(['a'], 400));
    const begun = performance.now();
    expect((await one.search.find(['a'], 10_000)).get('a')).toBe('unanswered');
    expect(performance.now() - begun).toBeLessThan(5_000);
    await Promise.all(asked);
    await mute.backplane.close(500);
    expect((await one.search.find(['a'], 5_000)).get('a')).toBe('nowhere');
  });

  it('ends with close()', async () => {
    const client = openClient(redis.port);
    await startNode({ redisConnection: client });
    const one = await start();
    await client.connection('subscriber').unsubscribe('roomgate:socket.io:ask');
    const witness = redisClient(redis.port);
    await witness.subscribe('roomgate:socket.io:ask');
    const published = nextEvent(witness, 'message');
    const asked = one.search.find(['a'], 20_000);
    await published;
    await one.backplane.close(500);
    expect((await within(asked, 'the answer')).get('a')).toBe('unanswered');
  });
});

describe('an instance', () => {
  it('that died silently is waited for until its lease expires', async () => {
    const own = await startRedis();
    const dead = `${'d'.repeat(16)}`;
    const one = await start([], { port: own.port });
    const changes: (readonly [string, string])[] = [];
    one.backplane.instances.onChange((change, id) => changes.push([change, id]));
    const [seconds] = (await own.cli('TIME')).split('\n');
    // Late enough that the first question is asked before it.
    const until = (Number(seconds) + 5) * 1_000;
    await own.cli('ZADD', 'roomgate:socket.io:instances', `${until}`, dead);
    expect((await one.search.find(['a'], 100)).get('a')).toBe('unanswered');
    await eventually(async () => (await one.search.find(['a'], 100)).get('a') === 'nowhere', {
      timeout: 15_000,
    });
    await eventually(() =>
      expect(changes).toEqual([
        ['joined', dead],
        ['expired', dead],
      ]),
    );
  });

  it('that leaves delays no question, even a pending one', async () => {
    const client = openClient(redis.port);
    const mute = await startNode({ redisConnection: client, sockets: ['a'] });
    const one = await start();
    await client.connection('subscriber').unsubscribe('roomgate:socket.io:ask');
    const listener = redisClient(redis.port);
    await listener.subscribe('roomgate:socket.io:ask');
    const isAsked = nextEvent(listener, 'message');
    const asked = one.search.find(['a'], 10_000);
    await isAsked;
    await mute.backplane.close(500);
    const begun = performance.now();
    expect((await asked).get('a')).toBe('nowhere');
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('renews its lease, and writes it again to a Redis that lost it', async () => {
    const own = await startRedis();
    const clock = takeTheClock();
    const client = openClient(own.port);
    await startNode({ redisConnection: client });
    const list = () => own.cli('ZRANGE', 'roomgate:socket.io:instances', '0', '-1');
    expect(await list()).toMatch(/^[\w-]{16}$/);
    await own.cli('FLUSHALL');
    for (let tick = 0; tick < 5; tick++) {
      clock.ticks(1);
      // Waits until Redis has answered the commands of the tick.
      await client.connection('emitter').ping();
    }
    await eventually(async () => expect(await list()).toMatch(/^[\w-]{16}$/));
    expect(Number(await own.cli('PTTL', 'roomgate:socket.io:instances'))).toBeGreaterThan(15_000);
  });

  it('without write access reports it, and does not count silence as an answer', async () => {
    const own = await startRedis();
    await own.cli('ACL', 'SETUSER', 'guest', 'on', '>secret', '~*', '&*', '+@all', '-zadd');
    const redisConnection = redisClient(own.port, { username: 'guest', password: 'secret' });
    const one = await startNode({ redisConnection });
    expect((await one.search.find(['a'], 1_000)).get('a')).toBe('unanswered');
    expect(one.reported('backplane_command_refused')).toMatchObject([{ command: 'ZADD' }]);
  });
});
