// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { createMemoryBackplane } from '../../src/backplane/memory/memory-backplane.js';
import { MemoryBus } from '../../src/backplane/memory/memory-bus.js';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { Backplane, BackplaneLocal } from '../../src/ports/backplane.js';
import type { Reporter } from '../../src/ports/reports.js';
import { redisClient, startOver, startPlain } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { type IRedis, startRedis } from '../support/redis.js';

const LOCAL: BackplaneLocal = { hasSocket: (id) => id === 'mine' };

let redis: IRedis;
let keys = 0;

beforeAll(async () => {
  redis = await startRedis();
});

/** Each makes a backplane of one instance that has no others. */
const KINDS: readonly (readonly [string, (report: Reporter<BackplaneReport>) => Backplane])[] = [
  ['of an instance that stands alone', (report) => createMemoryBackplane({ report })],
  ['on a memory bus', (report) => createMemoryBackplane({ bus: new MemoryBus(), report })],
  [
    'over Redis',
    (report) => {
      keys += 1;
      const redisConnection = redisClient(redis.port);
      return createRedisBackplane({ redisConnection, identifier: 'a', key: `one-${keys}`, report });
    },
  ],
];

describe.each(KINDS)('a backplane %s', (_, create) => {
  async function opened(): Promise<{ backplane: Backplane; reports: BackplaneReport[] }> {
    const reports: BackplaneReport[] = [];
    const backplane = create((report) => reports.push(report));
    await backplane.open(LOCAL, 5_000);
    defer(() => backplane.close(500));
    return { backplane, reports };
  }

  it('opens and closes, again and again, and has nothing to report of it', async () => {
    const { backplane, reports } = await opened();
    for (let round = 0; round < 3; round++) {
      await backplane.close(5_000);
      await backplane.open(LOCAL, 5_000);
      expect((await backplane.findSockets(['x'], 5_000)).get('x')).toBe('nowhere');
    }
    expect(reports).toEqual([]);
  });

  it('makes adapters that Socket.IO works with', async () => {
    const { backplane } = await opened();
    const { io } = await startPlain(backplane.adapterFactory());
    expect(await io.fetchSockets()).toEqual([]);
    expect(await io.of('/other').fetchSockets()).toEqual([]);
    expect(await io.timeout(5_000).emitWithAck('question')).toEqual([]);
  });

  it('throws to the sender of data that can not be carried, and carries the next', async () => {
    const { backplane, reports } = await opened();
    const { io } = await startPlain(backplane.adapterFactory());
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect(() => io.emit('n', circular)).toThrow();
    expect(() => io.emit('n', 1)).not.toThrow();
    expect(reports).toEqual([]);
  });

  it('knows no socket elsewhere where there is no other instance, its own least of all', async () => {
    const { backplane } = await opened();
    const owners = await backplane.findSockets(['mine', 'x', 'x', ''], 5_000);
    expect([...owners]).toEqual([
      ['mine', 'nowhere'],
      ['x', 'nowhere'],
      ['', 'nowhere'],
    ]);
    expect((await backplane.findSockets([], 5_000)).size).toBe(0);
  });

  it('is closed twice, or without having been opened, without harm', async () => {
    const { backplane } = await opened();
    await Promise.all([backplane.close(5_000), backplane.close(5_000)]);
    await backplane.close(0);
    await create(() => undefined).close(0);
    expect((await backplane.findSockets(['x'], 100)).size).toBe(1);
  });
});

describe.each(KINDS.slice(1))('a backplane %s', (_, create) => {
  it('hands out no adapter before it is open, and is opened once at a time', async () => {
    const backplane = create(() => undefined);
    defer(() => backplane.close(500));
    expect(() => backplane.adapterFactory()).toThrow('not open');
    expect((await backplane.findSockets(['x'], 100)).get('x')).toBe('unanswered');
    await backplane.open(LOCAL, 5_000);
    await expect(backplane.open(LOCAL, 5_000)).rejects.toThrow('open already');
    await backplane.close(5_000);
    expect(() => backplane.adapterFactory()).toThrow('not open');
  });

  it('answers for the other instances where there are none', async () => {
    const { io } = await startOver(create);
    expect(await io.serverSideEmitWithAck('question')).toEqual([]);
  });
});
