// npm test: node
// npm run test:matrix: newest-node
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import { listener, type PlainInstance, redisClient, startNode, startOver } from '../support/backplane.js';
import { takeTheClock } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type RunningProxy, startProxy } from '../support/tcp-proxy.js';

const HOUR = 3_600_000;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

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
