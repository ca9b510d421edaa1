// npm test: node
// npm run test:matrix: newest-node
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import { openClient, type PlainInstance, redisClient, startNode } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';

const ROLES = ['emitter', 'publisher', 'subscriber'];

async function dropAll(redis: RedisServer): Promise<void> {
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
}

/** The connections whose failed attempts were reported with this reason. */
function toldBy(node: PlainInstance, reason: RegExp): string[] {
  const failing = node.reported('backplane_reconnect_failed').filter(({ error }) => reason.test(String(error)));
  return failing.map(({ connection }) => connection).sort();
}

describe('an outage of Redis', () => {
  it('is reported with each reason for failed reconnects, once per connection', async () => {
    const redis = await startRedis({ password: 'first' });
    const proxy = await startProxy({ target: redis.port });
    const client = redisClient(proxy.port, { password: 'first' });
    const node = await startNode({ redisConnection: client });
    await redis.configSet('requirepass', 'second');
    await dropAll(redis);
    await eventually(() => expect(toldBy(node, /WRONGPASS/)).toEqual(ROLES));
    // A restart would end the outage: until `requirepass` is set again, Redis accepts the first password.
    await proxy.refuse();
    await eventually(() => expect(toldBy(node, /ECONNREFUSED/)).toEqual(ROLES));
    await proxy.accept();
    const before = proxy.accepted;
    await eventually(() => proxy.accepted > before + ROLES.length);
    await redis.configSet('requirepass', 'first');
    await eventually(() => node.reported('backplane_reconnected').length >= 3, { timeout: 10_000 });
    expect(toldBy(node, /WRONGPASS/)).toEqual(ROLES);
    expect(toldBy(node, /ECONNREFUSED/)).toEqual(ROLES);
  }, 30_000);

  it('is reported with too many clients as its reason', async () => {
    const redis = await startRedis();
    const other = redisClient(redis.port);
    await other.connect();
    const node = await startNode({ redisConnection: redisClient(redis.port) });
    await other.config('SET', 'maxclients', '1');
    await other.call('client', 'kill', 'type', 'pubsub');
    await other.call('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    await eventually(() => expect(toldBy(node, /max number of clients reached/)).toEqual(ROLES));
    await other.config('SET', 'maxclients', '1000');
    await eventually(() => node.reported('backplane_reconnected').length === 3, { timeout: 10_000 });
  }, 30_000);

  it('is reported with an unknown host name as its reason', async () => {
    const redis = await startRedis();
    const client = redisClient(redis.port);
    const node = await startNode({ redisConnection: client });
    client.options.host = 'redis.invalid';
    await dropAll(redis);
    await eventually(() => expect(toldBy(node, /ENOTFOUND|EAI_AGAIN/)).toEqual(ROLES), { timeout: 10_000 });
  }, 30_000);

  it('is reported with a TLS failure as its reason', async () => {
    const redis = await startRedis();
    const client = redisClient(redis.port);
    const node = await startNode({ redisConnection: client });
    // Without a certificate the two have no cipher in common.
    const other = createServer({});
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    defer(() => other.close());
    Object.assign(client.options, { tls: {}, port: (other.address() as AddressInfo).port });
    await dropAll(redis);
    await eventually(() => expect(toldBy(node, /handshake failure/)).toEqual(ROLES), { timeout: 10_000 });
  }, 30_000);

  it('is reported with the unreachable address', async () => {
    const redis = await startRedis();
    const client = openClient(redis.port);
    const node = await startNode({ redisConnection: client });
    client.moveTo(1);
    await redis.kill();
    await eventually(() => expect(toldBy(node, /ECONNREFUSED 127\.0\.0\.1:1$/)).toEqual(ROLES));
  });

  it('of a worker is reported in its log', async () => {
    const redis = await startRedis({ password: 'first' });
    const lines: string[] = [];
    const note = (line: string) => lines.push(line);
    const emitter = new SocketIOEmitterHelper({
      identifier: 'worker',
      redisConnection: redisClient(redis.port, { password: 'first' }),
      logger: { debug() {}, info: note, warn: note, error: note },
    });
    defer(() => emitter.shutdown());
    await emitter.configure();
    await redis.configSet('requirepass', 'second');
    await dropAll(redis);
    await eventually(() => lines.some((line) => line.includes('WRONGPASS')));
    expect(lines.filter((line) => line.includes('WRONGPASS'))).toEqual([
      expect.stringMatching(/^\[roomgate\] worker: .*: WRONGPASS.*; reconnecting$/),
    ]);
  });
});
