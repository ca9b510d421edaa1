// npm test: node
// npm run test:matrix: newest-node
import { Cluster, type Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { LedgerRead } from '../../src/ports/backplane/ledger.js';
import type { Backplane } from '../../src/ports/backplane.js';
import {
  answered,
  listener,
  openClient,
  type PlainInstance,
  redisClient,
  startNode,
  startOver,
} from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { takeTheClock, takeTheTime } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis, startRedisCluster } from '../support/redis.js';
import { type RunningProxy, startProxy } from '../support/tcp-proxy.js';

const HOUR = 3_600_000;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

interface Reader {
  readonly backplane: Backplane;
  readonly reads: LedgerRead[];
  readonly reports: BackplaneReport[];
  readonly awayChanges: boolean[];
  refused(): Extract<BackplaneReport, { type: 'backplane_command_refused' }>[];
}

type RedisConnection = Parameters<typeof createRedisBackplane>[0]['redisConnection'];

/** A backplane that reads the ledger. */
async function startReader(redisConnection: RedisConnection, key: string): Promise<Reader> {
  const [reads, reports, awayChanges]: [LedgerRead[], BackplaneReport[], boolean[]] = [[], [], []];
  const report = (one: BackplaneReport) => void reports.push(one);
  const backplane = createRedisBackplane({ redisConnection, identifier: 'reader', key, report });
  defer(() => backplane.close(500));
  backplane.ledger.onRead((read) => void reads.push(read));
  backplane.reach.onChange((isAway) => awayChanges.push(isAway));
  await backplane.open(20_000);
  const refused = () => reports.filter((one) => one.type === 'backplane_command_refused');
  return { backplane, reads, reports, awayChanges, refused };
}

/** The next read, after the subscription was lost. */
async function readAgain(server: RedisServer, { reads }: Reader): Promise<LedgerRead | undefined> {
  const before = reads.length;
  await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually(() => reads.length > before, { timeout: 10_000 });
  return reads.at(-1);
}

const ledgerKey = (key: string) => `roomgate:{roomgate:${key}:instances}:ledger`;
const idsIn = (read: LedgerRead | undefined) => (read?.entries ?? []).map(({ id }) => id).sort();

/** Adds members with these scores, bypassing the ledger. */
async function addMembers(key: string, members: readonly (readonly [score: number, member: string])[]): Promise<void> {
  const client = redisClient(redis.port);
  for (let from = 0; from < members.length; from += 10_000) {
    await client.zadd(
      ledgerKey(key),
      ...members
        .slice(from, from + 10_000)
        .flat()
        .map(String),
    );
  }
}

type Connection = Record<'call' | 'psubscribe' | 'subscribe', (...args: never[]) => Promise<unknown>>;

/** A client whose connections run `phase` before and after each subscription and each read of the ledger. */
function watchedClient(port: number, phase: (name: string) => Promise<void>) {
  const client = redisClient(port);
  return {
    duplicate(overrides: object): Redis {
      const connection = client.duplicate(overrides);
      const watched = connection as unknown as Connection;
      for (const method of ['call', 'psubscribe', 'subscribe'] as const) {
        const original = watched[method].bind(connection);
        watched[method] = async (...args) => {
          const name = String(args[0]);
          const isPhase = method !== 'call' || (name === 'zrangebyscore' && String(args[1]).includes('ledger'));
          if (!isPhase) return original(...args);
          await phase(`before ${method}`);
          const reply = await original(...args);
          await phase(`after ${method}`);
          return reply;
        };
      }
      return connection;
    },
  };
}

/** Adds an entry, tells it on the Bus, and then broadcasts the number of entries. */
async function addOne({ backplane, io }: PlainInstance, ids: string[], name: string): Promise<void> {
  const id = `${ids.length}: ${name}`;
  expect(await backplane.ledger.add(id, 'v', HOUR)).toBe('stored');
  ids.push(id);
  await backplane.bus.publish('added', { id });
  io.emit('n', ids.length);
  io.serverSideEmit('n', ids.length);
}

interface Loss {
  readonly proxy: RunningProxy;
  readonly clock: ReturnType<typeof takeTheClock>;
  readonly add: () => Promise<void>;
}

/** How the connections of an instance are lost. The entries that `add` adds meanwhile are unknown to it at first. */
const LOSSES: readonly (readonly [string, (parts: Loss) => Promise<void>])[] = [
  [
    'the subscription is killed',
    async ({ add }) => {
      await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await add();
    },
  ],
  [
    'all its connections are cut',
    async ({ proxy, add }) => {
      await proxy.refuse();
      proxy.cut();
      await add();
      await proxy.accept();
    },
  ],
  [
    'its connections are silent',
    async ({ proxy, clock, add }) => {
      proxy.blackhole();
      await add();
      const before = proxy.accepted;
      await eventually(() => {
        clock.ticks(1);
        return proxy.accepted > before;
      });
      await add();
      proxy.heal();
    },
  ],
];

describe('an instance that was cut off', () => {
  it.each(LOSSES)(
    'knows each entry before it delivers a later message, if %s',
    async (_, lose) => {
      const clock = takeTheClock();
      const ids: string[] = [];
      const known = new Set<string>();
      const tooEarly: string[] = [];
      const heard: number[] = [];
      let isBusy = false;
      let phases = new Set<string>();
      const one = await startNode({ redisConnection: redisClient(redis.port), identifier: 'one', key: `order-${_}` });
      const phase = async (name: string) => {
        // Not while the phase itself sends, and not forever: a read begins again if it was disturbed.
        if (!isBusy || phases.has(name)) return;
        phases.add(name);
        await addOne(one, ids, name);
      };
      const proxy = await startProxy({ target: redis.port });
      const redisConnection = watchedClient(proxy.port, phase);
      const two = await startOver((report) => {
        const options = { redisConnection, identifier: 'two', key: `order-${_}`, report };
        const backplane = createRedisBackplane(options);
        backplane.ledger.onRead(async ({ entries, complete }) => {
          expect(complete).toBe(true);
          await phase('in the listener, before');
          for (const { id } of entries) known.add(id);
          await phase('in the listener, after');
        });
        backplane.bus.subscribe('added', ({ id }) => void known.add(String(id)));
        return backplane;
      });
      const hear = (what: string, number: number) => {
        heard.push(number);
        for (const id of ids.slice(0, number)) if (!known.has(id)) tooEarly.push(`${what} ${number} before "${id}"`);
      };
      two.io.on('n' as 'connection', ((number: number) => hear('request', number)) as never);
      const ear = await listener(two.url);
      two.io.sockets.sockets.get(ear.id)?.onAnyOutgoing((_topic, number: number) => hear('broadcast', number));
      for (let round = 1; round <= 3; round++) {
        phases = new Set();
        isBusy = true;
        await lose({ proxy, clock, add: () => addOne(one, ids, 'while it is away') });
        await eventually(() => two.backplane.reach.awaySince === undefined && phases.size >= 8, { timeout: 15_000 });
        isBusy = false;
        const last = ids.length + 1;
        await addOne(one, ids, `after round ${round}`);
        await eventually(() => heard.filter((number) => number === last).length === 2, { timeout: 10_000 });
      }
      expect(tooEarly).toEqual([]);
      expect([...known].sort()).toEqual([...ids].sort());
      expect(heard.length).toBeGreaterThan(12);
    },
    40_000,
  );
});

describe('a read of the ledger', () => {
  it('is incomplete after a restart of Redis, even if the entries are still there', async () => {
    const lasting = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    const one = await startReader(redisClient(lasting.port), 'lasting');
    expect(await one.backplane.ledger.add('a', 'v', HOUR)).toBe('stored');
    expect((await readAgain(lasting, one))?.complete).toBe(true);
    const before = one.reads.length;
    await lasting.restart();
    await eventually(() => one.reads.length > before, { timeout: 15_000 });
    const read = one.reads.at(-1);
    expect([read?.complete, idsIn(read)]).toEqual([false, ['a']]);
    expect((await readAgain(lasting, one))?.complete).toBe(true);
  }, 30_000);

  it('is incomplete on a replica, which may be behind', async () => {
    const server = await startRedis();
    const one = await startReader(redisClient(server.port), 'replica');
    expect((await readAgain(server, one))?.complete).toBe(true);
    // It keeps its data while it can't reach its master.
    await server.cli('REPLICAOF', '127.0.0.1', '1');
    expect((await readAgain(server, one))?.complete).toBe(false);
  });

  it('has every page, also if many entries end at the same time', async () => {
    const end = Date.now() + HOUR;
    const ids = Array.from({ length: 3_700 }, (_, index) => `${index}`);
    const scoreOf = (index: number) => (index < 500 || index > 3_200 ? end + index : end + 600);
    await addMembers(
      'pages',
      ids.map((id, index) => [scoreOf(index), JSON.stringify([id, 'v'])]),
    );
    const { reads } = await startReader(redisClient(redis.port), 'pages');
    expect(idsIn(reads[0])).toEqual([...ids].sort());
  });

  it('skips expired entries and deletes them, and reports members that are no entries', async () => {
    const now = Date.now();
    await addMembers('odd', [
      [now - 5_000, JSON.stringify(['expired', 'v'])],
      [now + HOUR, 'junk'],
      [now + HOUR, '["no value"]'],
      [now + HOUR, '[1, 2]'],
      [now + HOUR, 'null'],
      [now + HOUR, JSON.stringify(['valid', 'v'])],
    ]);
    const { reads, reports } = await startReader(redisClient(redis.port), 'odd');
    expect(idsIn(reads[0])).toEqual(['valid']);
    expect(reports).toMatchObject([{ type: 'backplane_messages_rejected', channel: 'ledger', count: 1 }]);
    await eventually(async () => expect(await redis.cli('ZCARD', ledgerKey('odd'))).toBe('6'));
    expect(Number(await redis.cli('PTTL', ledgerKey('odd')))).toBeGreaterThan(31 * 24 * HOUR);
  });

  it('is repeated after Redis granted a channel of the Bus that it had refused', async () => {
    const server = await startRedis();
    const rules = ['on', '>secret', '~*', '+@all', '&roomgate:*', '&socket.io*', '&socket.io#/#*'];
    await server.cli('ACL', 'SETUSER', 'one', 'reset', ...rules);
    const one = await startReader(redisClient(server.port, { username: 'one', password: 'secret' }), 'socket.io');
    await server.cli('ACL', 'SETUSER', 'one', 'resetchannels', '&socket.io*', '&socket.io#/#*');
    await eventually(() => expect(one.refused().length).toBeGreaterThan(0), { timeout: 10_000 });
    await eventually(() => one.backplane.reach.awaySince === undefined, { timeout: 10_000 });
    const before = one.reads.length;
    await server.cli('ACL', 'SETUSER', 'one', '&roomgate:*');
    await eventually(() => expect(one.reads.length).toBe(before + 1), { timeout: 15_000 });
  }, 40_000);
});

describe('add()', () => {
  it('returns full above 100 000 entries, until some of them have expired', async () => {
    const end = Date.now() + HOUR;
    const members = Array.from(
      { length: 100_000 },
      (_, index) => [end + index, JSON.stringify([`${index}`, ''])] as const,
    );
    await addMembers('full', members);
    const { backplane, reads } = await startReader(redisClient(redis.port), 'full');
    expect(reads[0]?.entries).toHaveLength(100_000);
    expect(await backplane.ledger.add('more', 'v', HOUR)).toBe('full');
    await addMembers(
      'full',
      members.slice(0, 10).map(([, member]) => [1, member]),
    );
    expect(await backplane.ledger.add('more', 'v', HOUR)).toBe('stored');
  }, 30_000);

  it('is uncertain if Redis hangs meanwhile', async () => {
    const clock = takeTheClock();
    const proxy = await startProxy({ target: redis.port });
    const client = openClient(proxy.port);
    const { backplane } = await startReader(client, 'hanging');
    const connection = client.connection('emitter');
    const { call } = connection;
    // The command is written, and its answer does not arrive.
    connection.call = (async (name: string, ...args: never[]) => {
      if (name === 'zadd') proxy.blackhole();
      return call.call(connection, name, ...args);
    }) as typeof call;
    let outcome: unknown;
    void backplane.ledger.add('a', 'v', HOUR).then((value) => {
      outcome = value;
    });
    await eventually(() => {
      clock.ticks(1);
      return outcome !== undefined;
    });
    expect(outcome).toBe('uncertain');
    proxy.heal();
  });

  it.each([
    ['+zadd', { outcome: 'away', complete: [true, false] }],
    ['+zrangebyscore', { outcome: 'away', complete: [false, false] }],
    ['+info', { outcome: 'stored', complete: [true, false] }],
  ] as const)(
    'and the reads work as far as possible without the ACL rule %s, which is reported',
    async (rule, expected) => {
      const server = await startRedis();
      await server.cli('ACL', 'SETUSER', 'one', 'reset', 'on', '>secret', '~*', '&*', '+@all', rule.replace('+', '-'));
      const one = await startReader(redisClient(server.port, { username: 'one', password: 'secret' }), 'refused');
      expect(await one.backplane.ledger.add('a', 'v', HOUR)).toBe(expected.outcome);
      await readAgain(server, one);
      expect(one.reads.map(({ complete }) => complete)).toEqual(expected.complete);
      expect(
        one
          .refused()
          .map(({ error }) => String(error))
          .join('\n'),
      ).toContain(`ACL rule ${rule}`);
    },
  );
});

describe('the ledger on a Redis cluster', () => {
  it('is beside the list of instances, whatever the key', async () => {
    const nodes = await startRedisCluster();
    for (const key of ['socket.io', 'app{blue}', '{green}x']) {
      const start = async () => {
        const client = new Cluster(
          nodes.map(({ host, port }) => ({ host, port })),
          { lazyConnect: true },
        );
        client.on('error', () => undefined);
        defer(() => client.disconnect());
        return startReader(client, key);
      };
      const one = await start();
      for (let number = 0; number < 10; number++) {
        expect(await one.backplane.ledger.add(`${number}`, 'v', HOUR)).toBe('stored');
      }
      const two = await start();
      expect(two.reads[0]).toMatchObject({ complete: true });
      expect(idsIn(two.reads[0])).toHaveLength(10);
      for (const node of nodes) await node.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await eventually(() => two.reads.length === 2, { timeout: 10_000 });
      expect(two.reads[1]?.complete).toBe(true);
      expect(idsIn(two.reads[1])).toHaveLength(10);
    }
  }, 40_000);
});

describe('the reach of an instance', () => {
  it('begins an absence before a subscription became deaf, and not when that is found', async () => {
    const clock = takeTheClock();
    const time = takeTheTime();
    const client = openClient(redis.port);
    const one = await startReader(client, 'deaf');
    const tick = async () => {
      time.pass(1_000);
      clock.ticks(1);
      await answered(client);
    };
    for (let second = 0; second < 7; second++) await tick();
    await client.connection('subscriber').punsubscribe('deaf#/#*');
    const before = performance.now();
    await eventually(async () => {
      if (one.awayChanges.length === 0) await tick();
      return one.awayChanges.length > 0;
    });
    expect(performance.now() - before).toBeGreaterThanOrEqual(10_000);
    expect(performance.now() - before).toBeLessThanOrEqual(16_000);
    expect((one.backplane.reach.awaySince ?? 0) - before).toBeGreaterThanOrEqual(-5_000);
    expect((one.backplane.reach.awaySince ?? 0) - before).toBeLessThanOrEqual(0);
    await eventually(() => expect(one.awayChanges).toEqual([true, false]), { timeout: 10_000 });
  });

  it('includes a Redis that does not answer for 3 s, and a recovery without a read', async () => {
    const clock = takeTheClock();
    const proxy = await startProxy({ target: redis.port });
    const client = openClient(proxy.port);
    const one = await startReader(client, 'slow');
    clock.ticks(1);
    await answered(client);
    proxy.blackhole();
    for (let second = 1; second <= 2; second++) clock.ticks(1);
    expect(one.awayChanges).toEqual([]);
    for (let second = 1; second <= 2; second++) clock.ticks(1);
    expect(one.awayChanges).toEqual([true]);
    proxy.heal();
    await answered(client);
    clock.ticks(1);
    expect(one.awayChanges).toEqual([true, false]);
    expect(one.reads).toHaveLength(1);
  });
});
