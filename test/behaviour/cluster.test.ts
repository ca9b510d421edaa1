// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { settled, type TestClient } from '../support/server.js';
import { SETTING } from '../support/setting.js';
import { enter, heardOn, idOf, type Served, serve, stranger, topicsOf } from './program.js';

const OTHER = SETTING.runtime === 'bun' ? 'node' : 'bun';
const BYTES = [[], [0], [1, 2, 255]];

/** A number above all sent so far: once every client has it, no earlier message is in flight. */
async function everybodyHas(clients: readonly TestClient[], topic: string, last: unknown): Promise<void> {
  for (const client of clients) {
    await eventually(() => heardOn(client, topic).includes(last), { what: `${topic} ${last}`, timeout: 10_000 });
  }
}

interface Fault {
  readonly what: string;
  strike(redis: RedisServer): Promise<unknown>;
  repair?(redis: RedisServer): unknown;
}

const FAULTS: readonly Fault[] = [
  { what: 'a restart of Redis', strike: (redis) => redis.kill(), repair: (redis) => redis.restart() },
  { what: 'a hang of Redis', strike: (redis) => redis.pause(), repair: (redis) => redis.resume() },
  { what: 'cut connections', strike: (redis) => cut(redis) },
  {
    what: 'a new password of Redis',
    strike: async (redis) => {
      await redis.configSet('requirepass', 'changed');
      await cut(redis);
    },
    repair: (redis) => redis.configSet('requirepass', ''),
  },
  {
    what: 'malformed messages on their channels',
    strike: async (redis) => {
      const channels = (await redis.cli('PUBSUB', 'CHANNELS')).split('\n').filter(Boolean);
      for (const channel of ['socket.io#/#', 'socket.io#/#open-r#', ...channels]) {
        for (const junk of ['junk', '{}', '{"type":0}', 'null']) await redis.cli('PUBLISH', channel, junk);
      }
    },
  },
];

async function cut(redis: RedisServer): Promise<void> {
  for (const type of ['normal', 'pubsub']) await redis.cli('CLIENT', 'KILL', 'TYPE', type);
}

const numbersOf = (client: TestClient, from: number, to: number): number[] =>
  (heardOn(client, 'n') as number[]).filter((n) => n >= from && n < to);

const joinAll = (clients: readonly TestClient[], rooms: string[]) =>
  Promise.all(clients.map(({ socket }) => socket.timeout(5_000).emitWithAck('join', { rooms })));

// Without Redis there is no cluster; other projects test that.
const SECONDS = [
  ['on the same runtime', SETTING.runtime],
  ['on the other runtime', OTHER],
] as const;

describe.each(SETTING.redis ? SECONDS : [])('two instances, the second %s', (_, runtime) => {
  let redis: RedisServer;
  let near: Served;
  let far: Served;

  beforeAll(async () => {
    redis = await startRedis();
    const redisPort = redis.port;
    [near, far] = await Promise.all([
      serve({ redisPort, identifier: 'near' }),
      serve({ redisPort, identifier: 'far', runtime }),
    ]);
  });

  // A client of the previous test that the server has not removed yet would be asked too.
  beforeEach(async () => {
    await Promise.all([near, far].map((server) => server.holdsNobody()));
  });

  async function both(transports = ['websocket']): Promise<[TestClient, TestClient]> {
    return Promise.all([enter(near.url, { transports }), enter(far.url, { transports })]);
  }

  it('form a cluster: ids, rooms, lists and broadcasts reach each client once and in order', async () => {
    const clients = [...(await both()), ...(await both(['polling'])), ...(await both(['polling', 'websocket']))];
    await joinAll(clients, ['open-a', 'open-b']);
    for (const from of [near, far]) {
      await from.run(({ helper }, ids) => {
        for (let n = 0; n < 300; n++) {
          const destination = [undefined, 'open-a', ['open-a', 'open-b'], ids][n % 4];
          helper.send({ destination, payload: { topic: helper.identifier, data: n } });
        }
      }, clients.map(idOf));
    }
    for (const topic of ['near', 'far']) {
      await everybodyHas(clients, topic, 299);
      for (const client of clients) expect(heardOn(client, topic)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    }
    for (const { socket } of clients) socket.disconnect();
  });

  it('deliver every value to the other’s client, bytes included', async () => {
    const [ours, theirs] = await both();
    for (const [from, client] of [
      [near, theirs],
      [far, ours],
    ] as const) {
      await from.run(
        ({ helper }, id, all) => {
          const send = (data: unknown) => helper.send({ destination: id, payload: { topic: 'value', data } });
          for (const value of [0, false, '', null, undefined, 'ü😀', { a: [1] }]) send(value);
          for (const bytes of all) {
            send(Buffer.from(bytes));
            send({ of: [new Uint8Array(bytes), 'x'] });
          }
          send('end');
        },
        idOf(client),
        BYTES,
      );
      await everybodyHas([client], 'value', 'end');
      const binary = BYTES.flatMap((bytes) => [Buffer.from(bytes), { of: [Buffer.from(bytes), 'x'] }]);
      expect(heardOn(client, 'value')).toEqual([0, false, '', null, undefined, 'ü😀', { a: [1] }, ...binary, 'end']);
    }
  });

  it('ask, fetch, move and disconnect each other’s clients', async () => {
    const [ours, theirs] = await both();
    for (const { socket } of [ours, theirs]) {
      socket.on('question', (answer: (it: unknown) => void) => answer(socket.id));
    }
    const ids = [idOf(ours), idOf(theirs)];
    const seen = await near.run(async ({ io }, theirId) => {
      const answers = await io.timeout(5_000).emitWithAck('question');
      const fetched = (await io.fetchSockets()).map(({ id }) => id);
      io.in(theirId).socketsJoin('given');
      io.to('given').emit('given', 1);
      return { answers, fetched };
    }, idOf(theirs));
    expect(seen.answers).toEqual(expect.arrayContaining(ids));
    expect(seen.fetched).toEqual(expect.arrayContaining(ids));
    expect(await theirs.heardOf('given')).toBe(1);
    await near.run(({ io }, id) => io.in(id).disconnectSockets(), idOf(theirs));
    expect(await theirs.heardOf('disconnect')).toBe('io server disconnect');
  });

  it('fetch a remote client’s handshake if it is small, and leave it out otherwise', async () => {
    const auth = { token: 'good', note: 'short', junk: 'x'.repeat(10_000) };
    const client = await enter(far.url, { auth });
    const [fetched] = await near.run(async ({ io }, id) => {
      const sockets = await io.in(id).fetchSockets();
      return sockets.map(({ handshake, rooms, data }) => ({ handshake, rooms: [...rooms], data }));
    }, idOf(client));
    expect(fetched?.rooms).toContain(idOf(client));
    expect(fetched?.handshake).toMatchObject({
      auth: { token: 'good', note: 'short' },
      headers: { host: expect.any(String) },
      query: { EIO: '4' },
      url: expect.stringContaining('EIO=4'),
    });
    expect(fetched?.handshake.auth).not.toHaveProperty('junk');
    const [local] = await far.run(async ({ io }, id) => {
      const sockets = await io.in(id).fetchSockets();
      return sockets.map(({ handshake }) => handshake.auth);
    }, idOf(client));
    expect(local).toEqual(auth);
  });

  it('skip clients that are not authenticated', async () => {
    const outside = await stranger(far.url);
    const [ours, theirs] = await both();
    await near.run(({ helper, io }, id) => {
      helper.send({ destination: [id], payload: { topic: 'secret', data: 1 } });
      io.in(id).socketsJoin('room');
      io.to('room').emit('secret');
      io.emit('secret');
      helper.send({ payload: { topic: 'end', data: 1 } });
    }, idOf(outside));
    await everybodyHas([ours, theirs], 'end', 1);
    expect(topicsOf(outside)).toEqual(['connect']);
  });

  it('are reached by SocketIOEmitterHelper and by a plain emitter, each client once', async () => {
    const clients = await both();
    await joinAll(clients, ['open-e']);
    const [ours, theirs] = clients;
    await near.run(async ({ roomgate, newRedis, helper }, id) => {
      const emitter = new roomgate.SocketIOEmitterHelper({ identifier: 'worker', redisConnection: newRedis() });
      await emitter.configure();
      for (const destination of [undefined, 'open-e', ['open-e', id], id]) {
        emitter.send({ destination, payload: { topic: 'work', data: destination ?? 'all' } });
      }
      emitter.send({ payload: { topic: 'work', data: Buffer.from([]) } });
      emitter.send({ payload: { topic: 'work', data: 'end' } });
      await new Promise<void>((resolve) => emitter.send({ payload: { topic: 'x' }, cb: resolve }));
      helper.getEmitter().to('open-e').emit('plain', 1);
      await emitter.shutdown();
    }, idOf(theirs));
    await everybodyHas(clients, 'work', 'end');
    await everybodyHas(clients, 'plain', 1);
    const id = idOf(theirs);
    expect(heardOn(ours, 'work')).toEqual(['all', 'open-e', ['open-e', id], Buffer.from([]), 'end']);
    expect(heardOn(theirs, 'work')).toEqual(['all', 'open-e', ['open-e', id], id, Buffer.from([]), 'end']);
    for (const client of clients) expect(heardOn(client, 'plain')).toEqual([1]);
  });

  it.each(FAULTS)(
    'survive $what: local clients miss nothing, and both directions recover automatically',
    async (fault) => {
      const [ours, theirs] = await both();
      await joinAll([ours, theirs], ['open-r']);
      const send = (from: Served, n: number) =>
        from.run(({ helper }, it) => helper.send({ destination: 'open-r', payload: { topic: 'n', data: it } }), n);
      await send(near, 0);
      await everybodyHas([ours, theirs], 'n', 0);
      await fault.strike(redis);
      for (let n = 1; n <= 10; n++) await send(near, n);
      await everybodyHas([ours], 'n', 10);
      await fault.repair?.(redis);
      let next = 10;
      for (const [from, other, mark] of [
        [near, theirs, 1_000],
        [far, ours, 10_000],
      ] as const) {
        next = mark;
        await eventually(
          async () => {
            next += 1;
            await send(from, next);
            return heardOn(other, 'n').some((n) => (n as number) > mark);
          },
          { timeout: 20_000, what: 'messages pass again' },
        );
      }
      await everybodyHas([ours, theirs], 'n', next);
      expect(numbersOf(ours, 0, 11)).toEqual(Array.from({ length: 11 }, (_, n) => n));
      // In order for each sender; the order between two senders is not guaranteed.
      for (const client of [ours, theirs]) {
        for (const heard of [numbersOf(client, 0, 10_000), numbersOf(client, 10_000, Number.POSITIVE_INFINITY)]) {
          expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
        }
      }
      await Promise.all([settled(ours), settled(theirs)]);
      expect([near.program.stderr, far.program.stderr]).toEqual(['', '']);
    },
  );

  it('keep working when the other shuts down', async () => {
    const more = await serve({ redisPort: redis.port, identifier: 'leaving', runtime });
    const [ours] = await both();
    const leaving = await enter(more.url);
    await more.run(({ helper }) => helper.shutdown());
    await leaving.heardOf('disconnect');
    more.program.endInput();
    expect(await more.program.ended()).toEqual({ code: 0, signal: null });
    await far.run(({ helper }) => helper.send({ payload: { topic: 'after', data: 1 } }));
    expect(await ours.heardOf('after')).toBe(1);
    expect((await near.run(async ({ io }) => (await io.fetchSockets()).length)) > 0).toBe(true);
  });
});

describe.each(SETTING.redis ? [] : ['a single instance'])('%s', () => {
  it('works without Redis', async () => {
    const [one, two] = await Promise.all([serve(), serve()]);
    const [ours, theirs] = await Promise.all([enter(one.url), enter(two.url)]);
    await one.run(({ helper }) => helper.send({ payload: { topic: 'n', data: 1 } }));
    await Promise.all([settled(ours), settled(theirs)]);
    expect([heardOn(ours, 'n'), heardOn(theirs, 'n')]).toEqual([[1], []]);
  });
});
