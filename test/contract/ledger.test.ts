// npm test: node
// npm run test:matrix: newest-node
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { LedgerRead } from '../../src/ports/backplane/ledger.js';
import type { Backplane } from '../../src/ports/backplane.js';
import { defer } from '../support/cleanup.js';
import { takeTheTime } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { memoryPlace, type Place, redisPlace } from '../support/place.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const HOUR = 3_600_000;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

interface Reader extends Backplane {
  readonly reads: LedgerRead[];
  /** What happened, in order: `read`, `done`, and the numbers of messages of the Bus. */
  readonly events: (string | number)[];
  readonly awayChanges: boolean[];
  readonly reports: BackplaneReport[];
}

/** Runs as the listener of the ledger. */
type OnRead = (read: LedgerRead) => void | Promise<void>;

/** Returns it before `open()`. */
async function createReader(place: Place, name: string, onRead: OnRead = () => {}): Promise<Reader> {
  const reports: BackplaneReport[] = [];
  const backplane = await place.createBackplane(name, (report) => reports.push(report));
  defer(() => backplane.close(500));
  const [reads, events, awayChanges]: [LedgerRead[], (string | number)[], boolean[]] = [[], [], []];
  backplane.ledger.onRead(async (read) => {
    events.push('read');
    reads.push(read);
    await onRead(read);
    events.push('done');
  });
  backplane.reach.onChange((isAway) => awayChanges.push(isAway));
  backplane.bus.subscribe('note', ({ number }) => void events.push(Number(number)));
  return Object.assign(backplane, { reads, events, awayChanges, reports });
}

async function startReader(place: Place, name: string, onRead?: OnRead): Promise<Reader> {
  const reader = await createReader(place, name, onRead);
  await reader.open(5_000);
  return reader;
}

/** Disconnects it, and waits until it knows. */
async function cut(place: Place, name: string, reader: Reader): Promise<void> {
  await place.cut(name);
  await eventually(() => reader.reach.awaySince !== undefined, { what: 'an instance that is away' });
}

const idsIn = (read: LedgerRead | undefined) => (read?.entries ?? []).map(({ id }) => id).sort();

const PLACES = [
  ['in the memory of one process', () => memoryPlace()],
  ['over Redis', () => redisPlace(redis)],
] as const;

describe.each(PLACES)('the ledger %s', (_, makePlace) => {
  it('is read before open() resolves: empty at first, and with all living entries by an instance that starts later', async () => {
    const place = makePlace();
    const one = await startReader(place, 'one');
    expect(one.reads).toEqual([{ entries: [], complete: true }]);
    const odd = 'a "b"\n\ud800 ü {}';
    expect(await one.ledger.add('a', odd, 2 * HOUR)).toBe('stored');
    expect(await one.ledger.add(odd, '', 3 * HOUR)).toBe('stored');
    const two = await startReader(place, 'two');
    expect(two.reads).toHaveLength(1);
    expect(two.reads[0]?.complete).toBe(true);
    const found = new Map(two.reads[0]?.entries.map((entry) => [entry.id, entry]));
    expect(found.get('a')).toMatchObject({ value: odd });
    expect(found.get(odd)).toMatchObject({ value: '' });
    expect(found.get('a')?.remainingMs).toBeGreaterThan(2 * HOUR - 60_000);
    expect(found.get('a')?.remainingMs).toBeLessThanOrEqual(2 * HOUR);
    expect([...one.reports, ...two.reports]).toEqual([]);
  });

  it('keeps an entry for at least an hour, and the later end of two', async () => {
    const place = makePlace();
    const one = await startReader(place, 'one');
    await one.ledger.add('short', '1', 1);
    await one.ledger.add('twice', '2', 3 * HOUR);
    await one.ledger.add('twice', '2', 2 * HOUR);
    await one.ledger.add('thrice', '3', 2 * HOUR);
    await one.ledger.add('thrice', '3', 3 * HOUR);
    const two = await startReader(place, 'two');
    const hours = two.reads[0]?.entries.map(({ id, remainingMs }) => [id, Math.round(remainingMs / HOUR)]).sort();
    expect(hours).toEqual([
      ['short', 1],
      ['thrice', 3],
      ['twice', 3],
    ]);
  });

  it('rejects entries that exceed the bounds', async () => {
    const { ledger } = await startReader(makePlace(), 'one');
    const wrong: readonly (readonly [string, string, number])[] = [
      ['', 'v', 1],
      ['i'.repeat(256), 'v', 1],
      ['i', 'v'.repeat(4_097), 1],
      ['i', 'v', 0],
      ['i', 'v', Number.NaN],
      ['i', 'v', 31 * 24 * HOUR + 1],
    ];
    for (const entry of wrong) await expect(ledger.add(...entry)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await ledger.add('i'.repeat(255), 'v'.repeat(4_096), 31 * 24 * HOUR)).toBe('stored');
  });

  it('is of one program: another network has another one', async () => {
    const one = await startReader(makePlace(), 'one');
    await one.ledger.add('a', 'a', HOUR);
    const two = await startReader(makePlace(), 'one');
    expect(two.reads).toEqual([{ entries: [], complete: true }]);
  });

  it('is read completely if it has thousands of entries', async () => {
    const place = makePlace();
    const one = await startReader(place, 'one');
    const ids = Array.from({ length: 3_500 }, (__, index) => `entry ${index}`);
    const outcomes = await Promise.all(ids.map((id) => one.ledger.add(id, id, HOUR)));
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    const two = await startReader(place, 'two');
    expect(idsIn(two.reads[0])).toEqual([...ids].sort());
  });

  it('stores nothing before open(), after close() and while the instance is cut off', async () => {
    const place = makePlace();
    const one = await createReader(place, 'one');
    expect(await one.ledger.add('a', 'a', HOUR)).toBe('away');
    await one.open(5_000);
    await cut(place, 'one', one);
    await eventually(async () => expect(await one.ledger.add('a', 'a', HOUR)).toBe('away'));
    await place.heal('one');
    await eventually(() => expect(one.reads).toHaveLength(2), { timeout: 10_000 });
    expect(idsIn(one.reads[1])).toEqual([]);
    await one.close(500);
    expect(await one.ledger.add('a', 'a', HOUR)).toBe('away');
  });
});

/** A listener that waits from its second call on, until the test lets it finish. */
function gatedListener(): { onRead: OnRead; isWaiting(): boolean; finish(): void } {
  let calls = 0;
  let finish: (() => void) | undefined;
  return {
    onRead: () => {
      calls += 1;
      if (calls === 1) return undefined;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    },
    isWaiting: () => finish !== undefined,
    finish: () => finish?.(),
  };
}

describe.each(PLACES)('after an outage, the ledger %s', (_, makePlace) => {
  it('is read before messages of other instances are delivered, and none that arrives meanwhile is lost', async () => {
    const place = makePlace();
    const [one, three] = [await startReader(place, 'one'), await startReader(place, 'three')];
    const gate = gatedListener();
    const two = await startReader(place, 'two', gate.onRead);
    await one.ledger.add('before', 'v', HOUR);
    await cut(place, 'two', two);
    await one.ledger.add('during', 'v', HOUR);
    await one.bus.publish('note', { number: 1 });
    await eventually(() => expect(three.events).toEqual(['read', 'done', 1]));
    await place.heal('two');
    await eventually(gate.isWaiting, { timeout: 10_000 });
    expect(two.reach.awaySince).toBeDefined();
    for (const number of [2, 3]) await one.bus.publish('note', { number });
    await eventually(() => expect(three.events).toEqual(['read', 'done', 1, 2, 3]));
    // Two more round trips of the instance itself: messages that it does not hold would have been delivered.
    for (let trip = 0; trip < 2; trip++) await two.instances.list();
    expect(two.events).toEqual(['read', 'done', 'read']);
    gate.finish();
    await eventually(() => expect(two.events).toEqual(['read', 'done', 'read', 'done', 2, 3]));
    expect(two.reads.map(({ complete }) => complete)).toEqual([true, true]);
    expect(two.reads.map(idsIn)).toEqual([[], ['before', 'during']]);
    expect(two.awayChanges).toEqual([true, false]);
    expect(two.reach.awaySince).toBeUndefined();
  });

  it('is read again until the listener succeeds, and messages wait for that', async () => {
    const place = makePlace();
    const one = await startReader(place, 'one');
    let calls = 0;
    const two = await startReader(place, 'two', () => {
      calls += 1;
      if (calls > 1 && calls < 5) throw new Error(`failure of call ${calls}`);
    });
    await cut(place, 'two', two);
    await place.heal('two');
    await eventually(() => expect(two.awayChanges).toEqual([true, false]), { timeout: 10_000 });
    await one.bus.publish('note', { number: 1 });
    await eventually(() => expect(two.events).toEqual(['read', 'done', 'read', 'read', 'read', 'read', 'done', 1]));
    const causes = two.reports.filter(({ type }) => type === 'backplane_reconnect_failed');
    expect(causes.map((report) => 'error' in report && String(report.error))).toContainEqual(
      expect.stringContaining('failure of call 2'),
    );
  });

  it('is incomplete if the data was lost, and complete again after the next outage', async () => {
    const place = makePlace();
    const two = await startReader(place, 'two');
    await two.ledger.add('a', 'a', HOUR);
    for (const [loses, complete, ids] of [
      [false, true, ['a']],
      [true, false, []],
      [false, true, []],
    ] as const) {
      const before = two.reads.length;
      await cut(place, 'two', two);
      if (loses) await place.loseData();
      await place.heal('two');
      await eventually(() => two.reach.awaySince === undefined, { timeout: 10_000 });
      expect(two.reads.length).toBeGreaterThan(before);
      expect([two.reads.at(-1)?.complete, idsIn(two.reads.at(-1))]).toEqual([complete, ids]);
    }
  });

  it('is incomplete if the outage was longer than entries live', async () => {
    const place = makePlace();
    const time = takeTheTime();
    const two = await startReader(place, 'two');
    for (const [ms, complete] of [
      [HOUR - 120_000, true],
      [HOUR, false],
      [1_000, true],
    ] as const) {
      await cut(place, 'two', two);
      time.pass(ms);
      await place.heal('two');
      await eventually(() => two.reach.awaySince === undefined, { timeout: 10_000 });
      expect(two.reads.at(-1)?.complete).toBe(complete);
    }
  });
});

describe.each(PLACES)('the reach %s', (_, makePlace) => {
  it('begins an absence at the last moment at which the broker was heard, and ends with close()', async () => {
    const place = makePlace();
    const one = await createReader(place, 'one');
    expect(one.reach.awaySince).toBeUndefined();
    await one.open(5_000);
    expect(one.reach.awaySince).toBeUndefined();
    const before = performance.now();
    await cut(place, 'one', one);
    expect(one.reach.awaySince).toBeLessThanOrEqual(performance.now());
    expect(one.reach.awaySince).toBeGreaterThan(before - 6_000);
    await one.close(500);
    expect(one.reach.awaySince).toBeUndefined();
    expect(one.awayChanges).toEqual([true]);
  });
});

describe('the ledger without a listener', () => {
  it('sends nothing to Redis', async () => {
    const place = redisPlace(redis);
    const backplane = await place.createBackplane('one', () => undefined);
    defer(() => backplane.close(500));
    await redis.cli('FLUSHALL');
    await backplane.open(5_000);
    expect(await redis.cli('KEYS', '*ledger*')).toBe('');
    await backplane.ledger.add('a', 'a', HOUR);
    expect(await redis.cli('KEYS', '*ledger*')).toMatch(/^roomgate:\{roomgate:place-\d+:instances\}:ledger$/);
  });
});
