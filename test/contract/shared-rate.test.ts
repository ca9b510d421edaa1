// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { SharedRate } from '../../src/ports/backplane/shared-rate.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { memoryPlace, type Place, redisPlace } from '../support/place.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

const PLACES = [
  ['in the memory of one process', () => memoryPlace()],
  ['over Redis', () => redisPlace(redis)],
] as const;

const RATE = { name: 'test', points: 10, seconds: 60 };

interface Instance {
  readonly rate: SharedRate;
  readonly reports: BackplaneReport[];
}

async function start(place: Place, name: string, options = RATE): Promise<Instance> {
  const reports: BackplaneReport[] = [];
  const backplane = await place.createBackplane(name, (report) => reports.push(report));
  defer(() => backplane.close(500));
  await backplane.open(5_000);
  return { rate: await backplane.createRate(options), reports };
}

const FREE = { waitMs: 0, isShared: true };

describe.each(PLACES)('a shared rate %s', (_, makePlace) => {
  it('counts the points of a key on all instances, and those of other keys for themselves', async () => {
    const place = makePlace();
    const [one, two] = [await start(place, 'one'), await start(place, 'two')];
    expect(await one.rate.use('ann', 6)).toEqual(FREE);
    expect(await two.rate.use('ann', 4)).toEqual(FREE);
    expect(await two.rate.use('bob', 10)).toEqual(FREE);
    for (const { rate } of [one, two]) {
      const { waitMs, isShared } = await rate.use('ann', 1);
      expect(isShared).toBe(true);
      expect(waitMs).toBeGreaterThan(30_000);
      expect(waitMs).toBeLessThanOrEqual(60_000);
    }
    expect((await one.rate.use('cem', 10_000)).waitMs).toBeGreaterThan(30_000);
    expect([...one.reports, ...two.reports]).toEqual([]);
  });

  it('gives a key all of its points again after its time', async () => {
    const place = makePlace();
    const { rate } = await start(place, 'one', { ...RATE, seconds: 1 });
    const { waitMs } = await rate.use('ann', 11);
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(1_000);
    await new Promise((resolve) => setTimeout(resolve, waitMs + 20));
    expect(await rate.use('ann', 10)).toEqual(FREE);
  });

  it('distinguishes any names, however long', async () => {
    const { rate } = await start(makePlace(), 'one');
    const names = [
      'a',
      'a:b',
      'a}',
      '{a}',
      '',
      ' ',
      'a'.repeat(100_000),
      `${'a'.repeat(100_000)}b`,
      '\ud800',
      '\udc00',
      '\ufffd',
      '\u00e4',
      'a\u0308',
    ];
    for (const name of names) expect([name.slice(-5), await rate.use(name, 10)]).toEqual([name.slice(-5), FREE]);
  });

  it('counts alone while the instance is cut off, and together when it is back', async () => {
    const place = makePlace();
    const [one, two] = [await start(place, 'one'), await start(place, 'two')];
    await one.rate.use('ann', 10);
    await place.cut('two');
    await eventually(async () => !(await two.rate.use('bob', 1)).isShared);
    expect(await two.rate.use('ann', 10)).toEqual({ waitMs: 0, isShared: false });
    const alone = await two.rate.use('ann', 1);
    expect(alone.isShared).toBe(false);
    expect(alone.waitMs).toBeGreaterThan(0);
    await place.heal('two');
    await eventually(async () => (await two.rate.use('cem', 1)).isShared, { timeout: 10_000 });
    expect((await two.rate.use('ann', 1)).waitMs).toBeGreaterThan(0);
    expect(await one.rate.use('dan', 10)).toEqual(FREE);
  });
});

describe('a shared rate over Redis', () => {
  it('answers within a second or so while Redis hangs, and counts with it when it goes on', async () => {
    const own = await startRedis();
    const { rate } = await start(redisPlace(own), 'one');
    expect(await rate.use('ann', 5)).toEqual(FREE);
    await own.pause();
    const began = performance.now();
    expect(await rate.use('ann', 10)).toEqual({ waitMs: 0, isShared: false });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect((await rate.use('ann', 1)).waitMs).toBeGreaterThan(0);
    own.resume();
    await eventually(async () => (await rate.use('bob', 1)).isShared, { timeout: 15_000 });
  }, 30_000);

  it('goes on when Redis was killed and starts again without its data', async () => {
    const own = await startRedis();
    const { rate } = await start(redisPlace(own), 'one');
    await rate.use('ann', 10);
    await own.kill();
    await eventually(async () => !(await rate.use('bob', 1)).isShared);
    await own.restart();
    await eventually(async () => (await rate.use('bob', 1)).isShared, { timeout: 15_000 });
    expect(await rate.use('ann', 10)).toEqual(FREE);
  }, 30_000);

  it('keeps one key for a user, with hashed name, whose lifetime is the time of the rate', async () => {
    const own = await startRedis();
    const { rate } = await start(redisPlace(own), 'one');
    await rate.use('ann', 1);
    const keys = (await own.cli('KEYS', '*:test:*')).split(/\s+/).filter((key) => key !== '');
    expect(keys).toEqual([expect.stringMatching(/^roomgate:\{roomgate:place-\d+:instances\}:test:[\w-]{43}$/)]);
    const ttl = Number(await own.cli('TTL', keys[0] ?? ''));
    expect(ttl).toBeGreaterThan(50);
    expect(ttl).toBeLessThanOrEqual(60);
  });
});
