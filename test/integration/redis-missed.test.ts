// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import {
  answered,
  inOrder,
  listener,
  openClient,
  redisClient,
  sendUntilHeard,
  startNode,
} from '../support/backplane.js';
import { takeTheClock } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

/** Two instances; the test can keep the second one from receiving. */
async function setUp() {
  const redis = await startRedis();
  const clock = takeTheClock();
  const clients = [openClient(redis.port), openClient(redis.port)] as const;
  const one = await startNode({ redisConnection: clients[0], identifier: 'one' });
  const two = await startNode({ redisConnection: clients[1], identifier: 'two' });
  const ear = await listener(two.url);
  /** Advances the clock by seconds, and waits for Redis' answers in each. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.ticks(1);
      await Promise.all(clients.map(answered));
    }
  };
  return { redis, clients, one, two, ear, pass };
}

const missed = ({ two }: Pick<Awaited<ReturnType<typeof setUp>>, 'two'>) => two.reported('backplane_messages_missed');

describe('broadcasts that an instance misses', () => {
  it('are counted while the subscriber is disconnected, and reported once it has reconnected', async () => {
    const stage = await setUp();
    const { redis, clients, one, two, ear, pass } = stage;
    const next = await sendUntilHeard(one, ear, 0);
    await pass(10);
    clients[1].moveTo(1);
    clients[1].connection('subscriber').disconnect();
    await eventually(() => two.reported('backplane_disconnected').length === 1);
    for (let number = next; number < next + 7; number++) one.io.emit('n', number);
    one.io.to('room').emit('n', next);
    one.io.of('/lonely').emit('n', next);
    await pass(1);
    clients[1].moveTo(redis.port);
    await eventually(() => two.reported('backplane_reconnected').length === 1, { timeout: 10_000 });
    await sendUntilHeard(one, ear, next + 1_000);
    await pass(20);
    expect(missed(stage)).toEqual([{ type: 'backplane_messages_missed', atLeast: 8, uncountedInstances: 0 }]);
    expect(inOrder(ear.heard)).toBe(true);
    await pass(40);
    expect(missed(stage)).toHaveLength(1);
  }, 30_000);

  it('are zero if nothing was sent meanwhile, whatever was sent before and after', async () => {
    const stage = await setUp();
    const { redis, one, two, ear, pass } = stage;
    await pass(6);
    let next = await sendUntilHeard(one, ear, 0);
    await pass(3);
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => [one, two].every((node) => node.reported('backplane_reconnected').length === 1));
    for (let round = 0; round < 20; round++) {
      next = await sendUntilHeard(one, ear, next);
      await pass(1);
    }
    expect(missed(stage)).toEqual([{ type: 'backplane_messages_missed', atLeast: 0, uncountedInstances: 0 }]);
  }, 30_000);

  it('are counted for an instance that had sent nothing before', async () => {
    const stage = await setUp();
    const { redis, clients, one, two, pass } = stage;
    await pass(6);
    clients[1].moveTo(1);
    clients[1].connection('subscriber').disconnect();
    await eventually(() => two.reported('backplane_disconnected').length === 1);
    for (let number = 0; number < 3; number++) one.io.emit('n', number);
    await pass(1);
    clients[1].moveTo(redis.port);
    await eventually(() => two.reported('backplane_reconnected').length === 1, { timeout: 10_000 });
    await pass(20);
    expect(missed(stage)).toMatchObject([{ atLeast: 3 }]);
  }, 30_000);

  it('are counted if Redis drops the subscriber for reading too slowly', async () => {
    const stage = await setUp();
    const { redis, clients, one, two, ear, pass } = stage;
    const start = await sendUntilHeard(one, ear, 0);
    await pass(10);
    await redis.configSet('client-output-buffer-limit', 'pubsub 200000 0 0');
    // It does not read, so Redis buffers the published messages.
    clients[1].connection('subscriber').stream.pause();
    const text = 'x'.repeat(100_000);
    let sent = 0;
    await eventually(
      async () => {
        for (let count = 0; count < 20; count++, sent++) one.io.emit('big', text);
        return !(await redis.cli('CLIENT', 'LIST')).includes('name=roomgate:two:subscriber');
      },
      { timeout: 10_000 },
    );
    clients[1].connection('subscriber').stream.resume();
    await eventually(() => two.reported('backplane_reconnected').length >= 1, { timeout: 10_000 });
    await sendUntilHeard(one, ear, start + 1_000);
    await pass(20);
    const [report] = missed(stage);
    expect(report?.atLeast).toBeGreaterThan(0);
    expect(report?.atLeast).toBeLessThanOrEqual(sent);
  }, 40_000);

  it('are not counted for a namespace that is not used here', async () => {
    const stage = await setUp();
    const { redis, one, two, pass } = stage;
    one.io.of('/lonely').emit('n', 1);
    await pass(6);
    one.io.of('/lonely').emit('n', 2);
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => two.reported('backplane_reconnected').length === 1);
    two.io.of('/lonely');
    one.io.of('/lonely').emit('n', 3);
    await pass(20);
    expect(missed(stage)).toMatchObject([{ atLeast: 0 }]);
  }, 30_000);

  it('are unknown for instances that do not count, such as version 0.1', async () => {
    const stage = await setUp();
    const { redis, two, pass } = stage;
    const other = redisClient(redis.port);
    // An instance that does not count is known only by its probes.
    const probe = () => other.publish('socket.io#/#roomgate:probe:AAAAAAAAAAAAAAAA#', '');
    await pass(6);
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => two.reported('backplane_reconnected').length === 1);
    for (let round = 0; round < 4; round++) {
      await probe();
      await pass(5);
    }
    expect(missed(stage)).toMatchObject([{ atLeast: 0, uncountedInstances: 1 }]);
    expect(two.reported('backplane_messages_rejected')).toEqual([]);
  }, 30_000);
});
