// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { createInProcessBackplane } from '../../src/backplane/in-process.js';
import { createRedisBackplane } from '../../src/backplane/redis-backplane.js';
import type { IBackplane, IBackplaneLocal, TReport } from '../../src/server/ports.js';
import { redisClient, startPlain } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { startRedis } from '../support/redis.js';

const LOCAL: IBackplaneLocal = { hasSocket: (id) => id === 'mine' };

describe.each([
  ['in-process', async () => () => createInProcessBackplane()],
  [
    'over Redis',
    async () => {
      const { port } = await startRedis();
      const redisConnection = redisClient(port);
      return (report: (report: TReport) => void) => createRedisBackplane({ redisConnection, identifier: 'a', report });
    },
  ],
] as const)('a backplane %s', (_, prepare) => {
  async function opened(): Promise<{ backplane: IBackplane; reports: TReport[] }> {
    const reports: TReport[] = [];
    const backplane = (await prepare())((report) => reports.push(report));
    await backplane.open(LOCAL, 5_000);
    defer(() => backplane.close(500));
    return { backplane, reports };
  }

  it('opens and closes, again and again, and has nothing to report of it', async () => {
    const { backplane, reports } = await opened();
    for (let round = 0; round < 3; round++) {
      await backplane.close(1_000);
      await backplane.open(LOCAL, 5_000);
      expect((await backplane.findSockets(['x'], 1_000)).get('x')).toBe('nowhere');
    }
    expect(reports).toEqual([]);
  });

  it('makes adapters that Socket.IO works with', async () => {
    const { backplane } = await opened();
    const { io } = await startPlain(backplane.adapterFactory());
    expect(await io.fetchSockets()).toEqual([]);
    expect(await io.of('/other').fetchSockets()).toEqual([]);
  });

  it('knows no socket elsewhere where there is no other instance, its own least of all', async () => {
    const { backplane } = await opened();
    const owners = await backplane.findSockets(['mine', 'x', 'x', ''], 1_000);
    expect([...owners]).toEqual([
      ['mine', 'nowhere'],
      ['x', 'nowhere'],
      ['', 'nowhere'],
    ]);
    expect((await backplane.findSockets([], 1_000)).size).toBe(0);
  });

  it('is closed twice, or without having been opened, without harm', async () => {
    const { backplane } = await opened();
    await Promise.all([backplane.close(1_000), backplane.close(1_000)]);
    await backplane.close(0);
    await (await prepare())(() => undefined).close(0);
    expect((await backplane.findSockets(['x'], 100)).size).toBe(1);
  });
});
