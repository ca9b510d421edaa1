// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { listener, type PlainInstance, redisClient, sendUntilHeard, startNode } from '../support/backplane.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';

/** The permissions that every instance needs for the namespace `/`, and none for other namespaces. */
const RULES = ['~roomgate:*', '&socket.io*', '&socket.io#/#*', '&roomgate:*', '+@all'];

async function setUser(redis: RedisServer, ...rules: readonly string[]): Promise<void> {
  await redis.cli('ACL', 'SETUSER', 'app', 'reset', 'resetchannels', 'on', '>pass', ...rules);
}

const asUser = (redis: RedisServer) => redisClient(redis.port, { username: 'app', password: 'pass' });

const refusals = (node: PlainInstance) => node.reported('backplane_command_refused').map(({ command }) => command);

describe('a Redis user without the channels of one namespace', () => {
  it('keeps all other subscriptions, reports the refused one, and subscribes to it once it is allowed', async () => {
    const redis = await startRedis();
    await setUser(redis, ...RULES);
    const one = await startNode({ redisConnection: asUser(redis), identifier: 'one' });
    const two = await startNode({ redisConnection: asUser(redis), identifier: 'two' });
    const admin: number[] = [];
    for (const { io } of [one, two]) io.of('/admin');
    await eventually(() => refusals(two).includes('PSUBSCRIBE socket.io#/admin#*'));
    const ear = await listener(two.url);
    const next = await sendUntilHeard(one, ear, 0);

    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => two.reported('backplane_reconnected').length === 1, { timeout: 10_000 });
    await sendUntilHeard(one, ear, next + 1_000);
    const [, again] = two.reported('backplane_command_refused');
    expect(again?.command).toBe('PSUBSCRIBE socket.io#/admin#*');
    expect(again?.consequence).toMatch(/namespace "\/admin".*tries again/);
    expect(String(again?.error)).toContain('the missing ACL rule is &socket.io#/admin#*');

    await redis.cli('ACL', 'SETUSER', 'app', '&socket.io#/admin#*');
    await eventually(() => two.reported('backplane_command_allowed').length === 1, { timeout: 10_000 });
    expect(two.reported('backplane_command_allowed')).toMatchObject([{ command: 'PSUBSCRIBE socket.io#/admin#*' }]);
    two.io.of('/admin').on('note', (value: number) => admin.push(value));
    one.io.of('/admin').serverSideEmit('note', 1);
    await eventually(() => admin.length === 1);
  }, 40_000);

  it('reports its refused requests and responses in one line', async () => {
    const redis = await startRedis();
    await setUser(
      redis,
      '~roomgate:*',
      '&socket.io#/#*',
      '&socket.io-re*#/#*',
      '&socket.io#/admin#*',
      '&roomgate:*',
      '+@all',
    );
    const node = await startNode({ redisConnection: asUser(redis) });
    node.io.of('/admin');
    await eventually(() => refusals(node).length > 0);
    expect(refusals(node)).toMatchObject([
      expect.stringMatching(
        /^SUBSCRIBE socket\.io-request#\/admin#, socket\.io-response#\/admin#, socket\.io-response#\/admin#/,
      ),
    ]);
  });

  it('keeps its other channels if Redis revokes those of "/", and gets them back', async () => {
    const redis = await startRedis();
    await setUser(redis, ...RULES, '&socket.io#/admin#*');
    const one = await startNode({ redisConnection: asUser(redis), identifier: 'one' });
    const two = await startNode({ redisConnection: asUser(redis), identifier: 'two' });
    const admin: number[] = [];
    for (const { io } of [one, two]) io.of('/admin').on('note', (value: number) => admin.push(value));
    const ear = await listener(two.url);
    const next = await sendUntilHeard(one, ear, 0);
    await setUser(redis, '~roomgate:*', '&socket.io*', '&socket.io#/admin#*', '&roomgate:*', '+@all');
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => refusals(two).includes('PSUBSCRIBE socket.io#/#*'));
    await eventually(() => {
      one.io.of('/admin').serverSideEmit('note', 1);
      return admin.length > 0;
    });
    await setUser(redis, ...RULES, '&socket.io#/admin#*');
    await sendUntilHeard(one, ear, next + 1_000);
  }, 40_000);
});
