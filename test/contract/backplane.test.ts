// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import { createMemoryBackplane } from '../../src/backplane/memory/memory-backplane.js';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { Backplane } from '../../src/ports/backplane.js';
import type { Reporter } from '../../src/ports/reports.js';
import { SocketSearch } from '../../src/rooms/socket-search.js';
import { redisClient, startOver, startPlain } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;
let keys = 0;

beforeAll(async () => {
  redis = await startRedis();
});

/** Each creates a backplane of a single instance. */
const KINDS: readonly (readonly [string, (report: Reporter<BackplaneReport>) => Backplane])[] = [
  ['of a single instance', (report) => createMemoryBackplane({ report })],
  ['in the memory of one process', (report) => createMemoryBackplane({ network: new MemoryNetwork(), report })],
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
  async function opened(): Promise<{ backplane: Backplane; search: SocketSearch; reports: BackplaneReport[] }> {
    const reports: BackplaneReport[] = [];
    const backplane = create((report) => reports.push(report));
    const search = new SocketSearch(backplane.bus, (id) => id === 'mine');
    await backplane.open(5_000);
    defer(() => backplane.close(500));
    return { backplane, search, reports };
  }

  it('opens once and closes, without a report', async () => {
    const { backplane, search, reports } = await opened();
    await expect(backplane.open(5_000)).rejects.toThrow('open already');
    expect((await search.find(['x'], 5_000)).get('x')).toBe('nowhere');
    await backplane.close(5_000);
    await expect(backplane.open(5_000)).rejects.toMatchObject({ code: 'shut_down' });
    expect(reports).toEqual([]);
  });

  it('returns no adapter before open() or after close()', async () => {
    const backplane = create(() => undefined);
    defer(() => backplane.close(500));
    expect(() => backplane.adapterFactory()).toThrow('not open');
    await backplane.open(5_000);
    backplane.adapterFactory();
    await backplane.close(5_000);
    expect(() => backplane.adapterFactory()).toThrow('not open');
  });

  it('makes adapters that Socket.IO works with', async () => {
    const { backplane } = await opened();
    const { io } = await startPlain(backplane.adapterFactory());
    expect(await io.fetchSockets()).toEqual([]);
    expect(await io.of('/other').fetchSockets()).toEqual([]);
    expect(await io.timeout(5_000).emitWithAck('question')).toEqual([]);
  });

  it('throws to the sender if data cannot be encoded, and sends the next message', async () => {
    const { backplane, reports } = await opened();
    const { io } = await startPlain(backplane.adapterFactory());
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect(() => io.emit('n', circular)).toThrow();
    expect(() => io.emit('n', 1)).not.toThrow();
    expect(reports).toEqual([]);
  });

  it('finds no remote socket without another instance, its own sockets included', async () => {
    const { search } = await opened();
    const owners = await search.find(['mine', 'x', 'x', ''], 5_000);
    expect([...owners]).toEqual([
      ['mine', 'nowhere'],
      ['x', 'nowhere'],
      ['', 'nowhere'],
    ]);
    expect((await search.find([], 5_000)).size).toBe(0);
  });

  it('can be closed twice, and without having been opened', async () => {
    const { backplane, search } = await opened();
    await Promise.all([backplane.close(5_000), backplane.close(5_000)]);
    await backplane.close(0);
    await create(() => undefined).close(0);
    expect((await search.find(['x'], 100)).get('x')).toBe('unanswered');
  });
});

describe.each(KINDS.slice(1))('a backplane %s', (_, create) => {
  it('answers for the other instances when there are none', async () => {
    const { io } = await startOver(create);
    expect(await io.serverSideEmitWithAck('question')).toEqual([]);
  });
});
