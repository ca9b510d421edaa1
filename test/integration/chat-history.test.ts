// npm test: node
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Entry, History, MAX_CONVERSATIONS } from '../../examples/chat/server/history.js';
import { isAvailable, redisAt } from '../../examples/chat/server/redis.js';
import { HISTORY_LENGTH } from '../../examples/chat/words.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});

let kinds = 0;
let messages = 0;

async function redisHistory(kind: string): Promise<History<Entry>> {
  const link = redisAt(redis.url);
  defer(() => link.disconnect());
  await link.connect();
  return new History<Entry>(kind, link);
}

/** A store to write to, and a store to read from. With Redis the second is another object, because each remembers its own writes. */
type Store = [writer: History<Entry>, reader: History<Entry>];

const STORES: [name: string, make: (kind: string) => Promise<Store>][] = [
  [
    'in memory',
    async () => {
      const history = new History<Entry>('memory');
      return [history, history];
    },
  ],
  ['in Redis', async (kind) => [await redisHistory(kind), await redisHistory(kind)]],
];

function message(from: string, echo?: string): Entry {
  messages += 1;
  const at = new Date(messages).toISOString();
  return { id: `id-${messages}`, from, at, ...(echo === undefined ? {} : { echo }) };
}

const pairs = (names: readonly string[]): [from: string, pair: string][] =>
  names.flatMap((from, index) => names.slice(index + 1).map((to): [string, string] => [from, `${from}/${to}`]));

describe.each(STORES)('the history %s', (where, make) => {
  const isInMemory = where === 'in memory';
  let history: History<Entry>;
  let reader: History<Entry>;
  const start = async (): Promise<string> => {
    kinds += 1;
    [history, reader] = await make(`kind-${kinds}`);
    return `kind-${kinds}`;
  };
  const idsIn = async (conversation: string): Promise<string[]> =>
    (await reader.list(conversation)).map(({ id }) => id);

  it(`keeps the last ${HISTORY_LENGTH} of a conversation`, async () => {
    await start();
    const all = Array.from({ length: HISTORY_LENGTH + 3 }, () => message('Ada'));
    for (const each of all) await history.add('lobby', each);
    expect(await idsIn('lobby')).toEqual(all.slice(3).map(({ id }) => id));
  });

  it('drops messages of the person who has most of them, so that no burst pushes out the others', async () => {
    await start();
    const names = ['Ada', 'Ben', 'Cleo', 'Dora'];
    const others = Array.from({ length: 40 }, (__, n) => message(names[n % names.length] ?? ''));
    for (const each of others) await history.add('lobby', each);
    const burst = Array.from({ length: 100 }, () => message('Eve'));
    for (const each of burst) await history.add('lobby', each);
    const last = burst.slice(-10);
    expect(await idsIn('lobby')).toEqual([...others, ...last].map(({ id }) => id));
    const late = message('Fay');
    await history.add('lobby', late);
    expect(await idsIn('lobby')).toEqual([...others.slice(1), ...last, late].map(({ id }) => id));
  });

  it('adds a retry of one sender once, and keeps messages of others with the same token', async () => {
    await start();
    const first = message('Ada', 'token');
    expect(await history.add('lobby', first)).toBeUndefined();
    expect(await history.add('lobby', message('Ada', 'token'))).toEqual(first);
    const other = message('Eve', 'token');
    expect(await history.add('lobby', other)).toBeUndefined();
    const elsewhere = message('Ada', 'token');
    expect(await history.add('garden', elsewhere)).toBeUndefined();
    expect(await idsIn('lobby')).toEqual([first.id, other.id]);
    expect(await idsIn('garden')).toEqual([elsewhere.id]);
  });

  it('forgets conversations of the people who opened most, and keeps the others', { timeout: 60_000 }, async () => {
    const kind = await start();
    const whisper = message('Ada');
    await history.add('Ada/Ben', whisper);
    const strangers = Array.from({ length: 34 }, (__, index) => `Stranger ${index}`);
    const opened = pairs(strangers);
    expect(opened.length).toBeGreaterThan(MAX_CONVERSATIONS);
    for (const [from, pair] of opened) await history.add(pair, message(from));
    for (const from of strangers) await history.add(`Ada/${from}`, message(from));
    expect(await idsIn('Ada/Ben')).toEqual([whisper.id]);
    const left = await Promise.all(opened.map(async ([, pair]) => (await reader.list(pair)).length > 0));
    const kept = left.filter(Boolean).length + 1 + strangers.length;
    if (isInMemory) expect(kept).toBe(MAX_CONVERSATIONS);
    else await expectInRedis(kind, MAX_CONVERSATIONS);
  });
});

/** This many conversations, and nothing else. */
async function expectInRedis(kind: string, count: number): Promise<void> {
  const client = new Redis(redis.url);
  defer(() => client.disconnect());
  expect(await client.keys(`chat:${kind}:*`)).toHaveLength(count);
  expect(await client.zcard(`chat:${kind}`)).toBe(count);
  for (const key of await client.keys(`chat:${kind}*`)) expect(await client.ttl(key)).toBeGreaterThan(0);
}

describe('the history in Redis, while Redis is unreachable', () => {
  it('recognizes a retry on another instance once Redis is back', { timeout: 60_000 }, async () => {
    const own = await startRedis();
    const stores: History<Entry>[] = [];
    const links: Redis[] = [];
    for (let n = 0; n < 2; n += 1) {
      const link = redisAt(own.url);
      defer(() => link.disconnect());
      await link.connect();
      links.push(link);
      stores.push(new History<Entry>('away', link));
    }
    await own.kill();
    await eventually(() => links.every((link) => !isAvailable(link)), { timeout: 20_000 });
    const [first, retry, other] = [message('Ada', 'token'), message('Ada', 'token'), message('Eve', 'token')];
    await stores[0]?.add('lobby', first);
    await stores[1]?.add('lobby', retry);
    await stores[1]?.add('lobby', other);
    await own.restart();
    await eventually(() => links.every(isAvailable), { timeout: 20_000 });
    const senders = async (): Promise<string[]> => {
      const link = redisAt(own.url);
      await link.connect();
      const entries = await new History<Entry>('away', link).list('lobby');
      link.disconnect();
      return entries.map(({ from }) => from);
    };
    await eventually(async () => expect(await senders()).toEqual(['Ada', 'Eve']), { timeout: 10_000 });
  });
});
