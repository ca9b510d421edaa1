// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import type { Explanation } from '../../src/limits/explanation.js';
import { eventually } from '../support/facts.js';
import { connect } from '../support/server.js';
import { enter, type Served, serve, WAYS } from './program.js';

/** Each client is the user that its `auth` names, if its password is right. */
const start = (limits: object) =>
  serve({
    options: `() => ({
      limits: ${JSON.stringify(limits)},
      authenticationKey: ({ auth }) => auth.user,
      authenticateFn: ({ auth }) => auth.password !== 'wrong' && { user: auth.user },
    })` as never,
  });

const explain = (server: Served, user: string): Promise<Explanation> =>
  server.run(({ helper }, it) => helper.explain({ user: it }), user);

const TIMES = { since: expect.any(Number), until: expect.any(Number) };

describe.each(WAYS)('explain() of a user whose client sends too much over $way', ({ transports }) => {
  it('names the client that is delayed, since when, and when it is disconnected', async () => {
    const server = await start({ messagesPerSecond: 10, messageBurst: 10, delayedFor: 60_000 });
    const began = Date.now();
    const client = await enter(server.url, { transports, auth: { user: 'ann' } });
    await enter(server.url, { transports, auth: { user: 'ann' } });
    expect((await explain(server, 'ann')).limits).toEqual([]);
    for (let n = 0; n < 200; n++) client.socket.emit('say', n);
    const limits = await eventually(async () => {
      const found = await explain(server, 'ann');
      expect(found.limits).toHaveLength(1);
      return found.limits;
    });
    const [{ since = 0, until = 0 } = {}] = limits;
    expect(limits).toEqual([
      { rule: 'messages_per_second', instance: expect.any(String), client: client.socket.id, ...TIMES },
    ]);
    expect(since).toBeGreaterThanOrEqual(began - 100);
    expect(since).toBeLessThanOrEqual(Date.now() + 100);
    expect(Math.abs(until - since - 60_000)).toBeLessThan(10);
  });

  it('names the user that is refused because of it', async () => {
    const server = await start({ messagesPerSecond: 10, messageBurst: 10, delayedFor: 300, refusedFor: 60_000 });
    const client = await enter(server.url, { transports, auth: { user: 'ann' } });
    for (let n = 0; n < 200; n++) client.socket.emit('say', n);
    await client.heardOf('unauthenticated');
    const { limits, connections } = await explain(server, 'ann');
    expect(connections).toEqual([]);
    expect(limits).toEqual([{ rule: 'messages_per_second', instance: expect.any(String), ...TIMES }]);
    expect(Math.abs((limits[0]?.until ?? 0) - Date.now() - 60_000)).toBeLessThan(20_000);
  });
});

it('explain() says that authentications with the name of a user have failed too often', async () => {
  const server = await start({ failedAuthentications: 2 });
  await enter(server.url, { auth: { user: 'ann' } });
  for (let n = 0; n < 2; n++) {
    expect((await explain(server, 'ann')).limits).toEqual([]);
    const client = connect(server.url, { auth: { user: 'ann', password: 'wrong' } });
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    await client.heardOf('unauthenticated');
  }
  const { limits, connections } = await explain(server, 'ann');
  expect(connections).toHaveLength(1);
  expect(limits).toEqual([{ rule: 'failed_authentications', instance: expect.any(String), ...TIMES }]);
  expect(Math.abs((limits[0]?.since ?? 0) - Date.now())).toBeLessThan(20_000);
  // A key is forgotten 15 minutes after its last failure.
  expect(Math.abs((limits[0]?.until ?? 0) - Date.now() - 900_000)).toBeLessThan(20_000);
  expect((await explain(server, 'bob')).limits).toEqual([]);
});
