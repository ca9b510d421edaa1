// npm test: node
import { Cluster } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import { DefaultRedisHelper, RedisHelper } from '../../src/backplane/redis/redis-helper.js';
import { defer } from '../support/cleanup.js';
import { codeBlocksOf } from '../support/document.js';
import { eventually, within } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { connectAuthenticated, type Started, settled, startServer } from '../support/server.js';

const USER = { username: 'roomgate', password: 'secret' };
/** Words of the command that are no permissions: the sign-in of the user, and the reset of its rights. */
const BEGINNINGS = 5;
/** A name that could be the id of a plain Socket.IO server's socket, so that other instances are asked. */
const PLAIN_ID = 'openopenopenopenopen';
/** Time limits of a step, in milliseconds: if all steps must succeed, and if a step is expected to get no answer. */
const [PATIENT, IMPATIENT] = [10_000, 3_000];

let base: readonly string[] = [];
let ofNamespace: readonly string[] = [];
let ofLimits: readonly string[] = [];
let ofCluster: readonly string[] = [];

const blocks = (await codeBlocksOf('docs/concepts/many-instances.md')).filter(({ language }) => language === 'redis');
[base = [], ofNamespace = [], ofLimits = [], ofCluster = []] = blocks.map(({ code }) =>
  code.trim().split(/\s+/).slice(3),
);
const rulesOfBase = base.slice(BEGINNINGS);

interface Plan {
  readonly redis: RedisServer;
  readonly redisConnection: DefaultRedisHelper;
  readonly namespace?: string | undefined;
  /** Whether the messages of users are limited over all instances. */
  readonly isLimited?: boolean;
  readonly patience: number;
  /** Errors, warnings and missing answers. */
  readonly complaints: string[];
}

function singleHelper(redis: RedisServer): RedisHelper {
  const { username: user, password } = USER;
  const helper = new RedisHelper({ name: 'news', host: redis.host, port: redis.port, user, password });
  defer(() => helper.disconnect());
  return helper;
}

function clusterHelper(redis: RedisServer): DefaultRedisHelper {
  const client = new Cluster([{ host: redis.host, port: redis.port }], {
    redisOptions: { ...USER, disableClientInfo: true },
  });
  client.on('error', () => undefined);
  const helper = new DefaultRedisHelper({ identifier: 'news', client });
  defer(() => helper.disconnect());
  return helper;
}

/** Every use of Redis by two instances and an emitter, from the first connection to the last. */
async function live(plan: Plan): Promise<void> {
  const { redis, redisConnection, complaints, namespace, patience } = plan;
  const note = (error: unknown) => complaints.push(String(error));
  const logs = [new LogLines(), new LogLines(), new LogLines()] as const;
  const options = { redisConnection, redisTimeout: patience };
  const limited = { authenticateFn: () => ({ user: 'ann' }), limits: { messagesPerUserOfAll: 1_000 } };
  const ofServer = plan.isLimited === true ? { ...options, ...limited } : options;
  try {
    await within(redisConnection.ping(), 'PONG', patience).catch(note);
    const one = await startServer({ ...ofServer, identifier: 'one', logger: logs[0] });
    const two = await startServer({ ...ofServer, identifier: 'two', logger: logs[1] });
    const emitter = new SocketIOEmitterHelper({ ...options, identifier: 'worker', logger: logs[2] });
    defer(() => emitter.shutdown());
    await emitter.configure();
    if (namespace !== undefined) for (const { helper } of [one, two]) helper.getIOServer().of(namespace);
    const client = await connectAuthenticated(one.url);
    client.socket.emit('join', { rooms: ['open', PLAIN_ID] });
    await settled(client);
    await say(plan, one, two, emitter);
    // Events of users are counted in batches: the first one before the connections are cut.
    const isCounted = async () =>
      logs[0].loud.length > 0 || ((await counters(redis)) !== '' && (await denied(redis)) === '');
    if (plan.isLimited === true) await eventually(isCounted, { what: 'a batch of counted events' });
    for (const type of ['pubsub', 'normal']) await redis.cli('CLIENT', 'KILL', 'TYPE', type);
    const count = (log: LogLines, words: RegExp) => log.loud.filter((line) => words.test(line)).length;
    const isBack = (log: LogLines) => {
      const lost = count(log, /lost connection to Redis at/);
      return lost > 0 && lost === count(log, /Redis at .* is back/);
    };
    await eventually(() => logs.every(isBack), { timeout: 10_000 });
    await say(plan, one, two, emitter);
    // Roomgate pings idle connections.
    const isAsked = async () => (await redis.cli('CLIENT', 'LIST')).includes(' cmd=ping ');
    await eventually(isAsked, { what: 'a pinged connection' });
    await Promise.all([one.helper.shutdown(), two.helper.shutdown(), emitter.shutdown()]);
  } catch (error) {
    note(error);
  } finally {
    complaints.push(...logs.flatMap(({ loud }) => loud));
  }
}

/** Messages between the instances in both directions and from the worker, and questions to all. */
async function say(
  { complaints, patience }: Plan,
  one: Started,
  two: Started,
  emitter: SocketIOEmitterHelper,
): Promise<void> {
  const note = (error: unknown) => complaints.push(String(error));
  const client = await connectAuthenticated(one.url);
  const io = two.helper.getIOServer();
  let answers = 0;
  one.helper.getIOServer().on('ask' as 'connection', ((answer: (value: number) => void) => answer(++answers)) as never);
  const has = (value: string) => client.heard.some(([topic, data]) => topic === 'said' && data === value);
  await eventually(
    () => {
      two.helper.send({ payload: { topic: 'said', data: 'by two' } });
      emitter.send({ payload: { topic: 'said', data: 'by the worker' } });
      two.helper.getEmitter().emit('said', 'by the emitter');
      return ['by two', 'by the worker', 'by the emitter'].every(has);
    },
    { timeout: patience },
  ).catch(note);
  await io.fetchSockets().catch(note);
  await io.serverSideEmitWithAck('ask').catch(note);
  client.socket.disconnect();
}

async function setUser(redis: RedisServer, ...rules: readonly string[]): Promise<void> {
  await redis.cli('ACL', 'SETUSER', USER.username, 'reset', ...rules);
}

/** The keys in which events of users are counted. */
const counters = (redis: RedisServer) => redis.cli('KEYS', '*:messages_per_user:*');

/** The refused commands, with their users. */
const denied = (redis: RedisServer) => redis.cli('ACL', 'LOG');

/** An instance whose connection is cut counts limits alone until it is back. */
const OF_OUTAGES =
  /lost connection to Redis at|Redis at .* is (?:still unreachable|back)|Redis does not count the limit|is counted with the other instances again/;

const loudWithoutOutages = (complaints: readonly string[]) => complaints.filter((line) => !OF_OUTAGES.test(line));

beforeAll(() => {
  expect(blocks).toHaveLength(4);
  expect(base.slice(0, BEGINNINGS)).toEqual(['on', '>secret', 'resetkeys', 'resetchannels', '-@all']);
});

describe('the permissions in docs/concepts/many-instances.md', () => {
  it.each([
    ['the namespace "/"', undefined, () => []],
    ['a namespace more', '/admin', () => ofNamespace],
  ] as const)(
    'are sufficient for %s',
    async (_, namespace, more) => {
      const redis = await startRedis();
      await setUser(redis, ...base, ...more());
      const complaints: string[] = [];
      await live({ redis, redisConnection: singleHelper(redis), namespace, patience: PATIENT, complaints });
      expect(loudWithoutOutages(complaints)).toEqual([]);
      expect(await denied(redis)).toBe('');
    },
    40_000,
  );

  it('are sufficient with limits.messagesPerUserOfAll', async () => {
    const redis = await startRedis();
    await setUser(redis, ...base, ...ofLimits);
    const complaints: string[] = [];
    const redisConnection = singleHelper(redis);
    await live({ redis, redisConnection, isLimited: true, patience: PATIENT, complaints });
    expect(loudWithoutOutages(complaints)).toEqual([]);
    expect(await denied(redis)).toBe('');
    expect(await counters(redis)).not.toBe('');
  }, 40_000);

  it('are sufficient on a cluster', async () => {
    const redis = await startRedis({ cluster: true });
    await setUser(redis, ...base, ...ofLimits, ...ofCluster);
    const complaints: string[] = [];
    const redisConnection = clusterHelper(redis);
    await live({ redis, redisConnection, isLimited: true, patience: PATIENT, complaints });
    expect(loudWithoutOutages(complaints)).toEqual([]);
    expect(await denied(redis)).toBe('');
  }, 40_000);
});

/** The number of rules that are tested at a time. */
const AT_ONCE = 5;

describe('each of these permissions', () => {
  it('is needed: without it an error or a log line names it', async () => {
    expect(rulesOfBase.length).toBeGreaterThan(15);
    const silent: string[] = [];
    const tryWithout = async (rule: string, redis: RedisServer) => {
      await setUser(redis, ...base.filter((other) => other !== rule));
      const complaints: string[] = [];
      await live({ redis, redisConnection: singleHelper(redis), patience: IMPATIENT, complaints });
      const named = complaints.some((line) => / ACL rule /.test(line) && line.split(/[\s;,]+/).includes(rule));
      if (!named) silent.push(`${rule}: ${complaints.join('\n')}`);
    };
    for (let from = 0; from < rulesOfBase.length; from += AT_ONCE) {
      const rules = rulesOfBase.slice(from, from + AT_ONCE);
      const servers = await Promise.all(rules.map(() => startRedis()));
      await Promise.all(rules.map((rule, index) => tryWithout(rule, servers[index] as RedisServer)));
    }
    expect(silent).toEqual([]);
  }, 120_000);

  it('for a namespace is needed too', async () => {
    for (const rule of ofNamespace) {
      const redis = await startRedis();
      await setUser(redis, ...base, ...ofNamespace.filter((other) => other !== rule));
      const complaints: string[] = [];
      const plan = {
        redis,
        redisConnection: singleHelper(redis),
        namespace: '/admin',
        patience: IMPATIENT,
        complaints,
      };
      await live(plan);
      expect(complaints.join('\n')).toMatch(
        new RegExp(`ACL rule (?:is )?${rule.replace('+', '\\+').replace('*', '\\*')}`),
      );
    }
  }, 60_000);

  it('for limits.messagesPerUserOfAll is needed too', async () => {
    expect(ofLimits).toHaveLength(5);
    for (const rule of ofLimits) {
      const redis = await startRedis();
      await setUser(redis, ...base, ...ofLimits.filter((other) => other !== rule));
      const complaints: string[] = [];
      const redisConnection = singleHelper(redis);
      await live({ redis, redisConnection, isLimited: true, patience: IMPATIENT, complaints });
      expect(complaints.join('\n')).toMatch(new RegExp(`Redis refused EVAL.*${rule.replace('+', '\\+')}\\b`));
    }
  }, 60_000);

  it('for a cluster is needed too', async () => {
    const redis = await startRedis({ cluster: true });
    await setUser(redis, ...base, ...ofCluster.filter((rule) => rule !== '+cluster|slots'));
    const complaints: string[] = [];
    await live({ redis, redisConnection: clusterHelper(redis), patience: IMPATIENT, complaints });
    expect(complaints.join('\n')).toContain('ACL rule +cluster|slots');
  }, 60_000);
});
