// npm test: node
// npm run test:matrix: newest-node
import { Cluster, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { describe, expect, it } from 'vitest';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import { createLogReporter } from '../../src/observability/logger.js';
import { LINES } from '../../src/server/reports.js';
import { openClient, type PlainInstance, redisClient, startNode } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { eventually, unusedPort } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { type RedisServer, startRedis, startSentinel } from '../support/redis.js';
import { listen, startServer } from '../support/server.js';

const SLOW = { timeout: 30_000 };

/** The warnings and errors that an instance logs. */
function linesOf(node: PlainInstance): string[] {
  const log = new LogLines();
  const report = createLogReporter(LINES, 'one', log);
  for (const one of node.reports) report(one);
  return log.loud;
}

async function dropAll(redis: RedisServer): Promise<void> {
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
}

/** One line for the loss and one for the return, each with this address. The outage has ended. */
async function expectTwoLines(node: PlainInstance, redis: string, cause: RegExp, connections: string): Promise<void> {
  await eventually(() => node.reported('backplane_outage_ended').length > 0, SLOW);
  const [lost = '', back = '', ...more] = linesOf(node);
  expect(lost).toMatch(new RegExp(`^warn: .*lost connection to Redis at ${redis} \\(.*\\): .*; .*; reconnecting$`));
  expect(lost).toMatch(cause);
  expect(back).toMatch(new RegExp(`^warn: .*Redis at ${redis} is back after [\\d.]+ s \\(${connections}\\)`));
  expect(more).toEqual([]);
}

const ALL = '(publisher|subscriber|emitter)(, (publisher|subscriber|emitter)){2}';

describe('the log of an outage of Redis', () => {
  it('has two lines if Redis ends and starts again', async () => {
    const redis = await startRedis();
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await redis.kill();
    await eventually(() => node.reported('backplane_outage_began').length === 1);
    await redis.restart();
    await expectTwoLines(node, `127.0.0.1:${redis.port}`, /: connect ECONNREFUSED/, ALL);
  }, 60_000);

  it('has two lines if Redis hangs', async () => {
    const redis = await startRedis();
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await redis.pause();
    // Each connection notices the outage at another time.
    await eventually(() => node.reported('backplane_disconnected').length === 3, SLOW);
    redis.resume();
    await expectTwoLines(node, `127.0.0.1:${redis.port}`, /: Redis does not answer;/, ALL);
  }, 90_000);

  it('has two lines if Redis closes all connections, with the messages that were lost', async () => {
    const redis = await startRedis();
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await dropAll(redis);
    await expectTwoLines(node, `127.0.0.1:${redis.port}`, /: The connection was closed;/, ALL);
    expect(linesOf(node)[1]).toMatch(/; messages for other instances that were lost: 0, possibly lost: 0; /);
  }, 60_000);

  it('has two lines if one connection is lost', async () => {
    const redis = await startRedis();
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const cause = /messages from other instances do not arrive/;
    await expectTwoLines(node, `127.0.0.1:${redis.port}`, cause, 'subscriber');
    // The count of lost messages comes 15 s later. None was lost, so it has no line.
    await eventually(() => node.reported('backplane_messages_missed').length > 0, SLOW);
    expect(linesOf(node)).toHaveLength(2);
  }, 60_000);

  it('has two lines if the password of Redis changes, with the reason', async () => {
    const redis = await startRedis({ password: 'first' });
    const node = await startNode({ redisConnection: redisClient(redis.port, { password: 'first' }) });
    await redis.configSet('requirepass', 'second');
    await dropAll(redis);
    await eventually(() => node.reported('backplane_outage_began').length === 1);
    await redis.configSet('requirepass', 'first');
    await expectTwoLines(node, `127.0.0.1:${redis.port}`, /: WRONGPASS/, ALL);
  }, 60_000);

  it('has one more line for a new cause', async () => {
    const redis = await startRedis();
    const client = openClient(redis.port);
    const node = await startNode({ redisConnection: client });
    client.moveTo(1);
    await redis.kill();
    await eventually(() => node.reported('backplane_outage_began').length === 1);
    const locked = await startRedis({ password: 'other' });
    client.moveTo(locked.port);
    await eventually(() => node.reported('backplane_outage_continues').length === 1);
    expect(linesOf(node).at(-1)).toMatch(/is still unreachable after [\d.]+ s: NOAUTH .*; reconnecting$/);
    expect(linesOf(node)).toHaveLength(2);
  });

  it('has two lines on a cluster', async () => {
    const redis = await startRedis({ cluster: true });
    const client = new Cluster([{ host: redis.host, port: redis.port }], { lazyConnect: true });
    client.on('error', () => undefined);
    defer(() => client.disconnect());
    const node = await startNode({ redisConnection: client });
    await dropAll(redis);
    await expectTwoLines(node, `${redis.host}:${redis.port}`, /: The connection was closed;/, ALL);
  }, 60_000);

  it('has two lines behind Sentinels', async () => {
    const master = await startRedis();
    const sentinel = await startSentinel({ name: 'news', master });
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
    const client = new Redis({ sentinels, name: 'news', lazyConnect: true });
    client.on('error', () => undefined);
    defer(() => client.disconnect());
    const node = await startNode({ redisConnection: client });
    await dropAll(master);
    const address = `the master "news" of the Sentinels 127.0.0.1:${sentinel.port}`;
    await expectTwoLines(node, address, /: The connection was closed;/, ALL);
  }, 60_000);
});

describe('configure() without Redis', () => {
  it('logs the address and the cause after 2 s, and each new cause', async () => {
    const port = await unusedPort();
    const log = new LogLines();
    const started = startServer({ logger: log, redisConnection: redisClient(port) });
    await eventually(() => log.loud.length === 1);
    expect(log.loud[0]).toMatch(
      new RegExp(
        `^warn: .*configure\\(\\) waits for Redis at 127.0.0.1:${port}: connect ECONNREFUSED .*; it tries again, and gives up 30 s after the call$`,
      ),
    );
    const redis = await startRedis({ port, password: 'first' });
    await eventually(() => log.loud.length === 2);
    expect(log.loud[1]).toMatch(/: NOAUTH /);
    await redis.configSet('requirepass', '');
    await started;
    expect(log.loud).toHaveLength(2);
  });

  it('logs one line if Redis accepts connections and does not answer', async () => {
    const redis = await startRedis();
    await redis.pause();
    const logger = new LogLines();
    const redisConnection = redisClient(redis.port);
    // Above the timeout of one attempt.
    const helper = new SocketIOEmitterHelper({ identifier: 'worker', logger, redisConnection, redisTimeout: 5_500 });
    await expect(helper.configure()).rejects.toThrow(/within 5500 ms: Redis does not answer\.$/);
    expect(logger.loud).toEqual([expect.stringContaining(': no answer yet; ')]);
    redis.resume();
  });

  it('is logged by SocketIOEmitterHelper as well, and the error names host, port and cause', async () => {
    const port = await unusedPort();
    const logger = new LogLines();
    const redisConnection = redisClient(port);
    const helper = new SocketIOEmitterHelper({ identifier: 'worker', logger, redisConnection, redisTimeout: 2_200 });
    await expect(helper.configure()).rejects.toThrow(
      new RegExp(`^Redis could not be reached at 127.0.0.1:${port} within 2200 ms: connect ECONNREFUSED`),
    );
    expect(logger.loud).toEqual([
      expect.stringContaining(`waits for Redis at 127.0.0.1:${port}: connect ECONNREFUSED`),
    ]);
  });

  it.each([
    ['ioredis 5', (port: number) => new Redis5({ host: '127.0.0.1', port, lazyConnect: true })],
    ['ioredis 6', (port: number) => new Redis({ host: '127.0.0.1', port, lazyConnect: true })],
  ] as const)('says that an HTTP server is not Redis, with %s', async (_, clientAt) => {
    const port = Number(new URL((await listen()).url).port);
    const logger = new LogLines();
    const redisConnection = clientAt(port);
    const helper = new SocketIOEmitterHelper({ identifier: 'worker', logger, redisConnection, redisTimeout: 2_200 });
    const cause = "this server does not speak Redis' protocol; check the host, the port, and whether it expects TLS";
    await expect(helper.configure()).rejects.toThrow(`127.0.0.1:${port} within 2200 ms: ${cause}`);
    expect(logger.loud).toEqual([expect.stringContaining(`waits for Redis at 127.0.0.1:${port}: ${cause}; it tries`)]);
  });
});
