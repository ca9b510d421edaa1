// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { heardOn } from '../support/instances.js';
import {
  connect,
  connectAuthenticated,
  type Started,
  startServer,
  type TestClient,
  type TestOptions,
} from '../support/server.js';

/** Longer than a stall of a busy machine, so that a client that comes back at once is always too early. */
const REFUSED_FOR = 4_000;

/** Clients are the user of their `auth`, or nobody. */
const startStrict = (options: TestOptions = {}): Promise<Started> =>
  startServer({
    ...options,
    authenticateFn: ({ auth }) => (auth.user === undefined ? true : { user: auth.user }),
    limits: { messagesPerSecond: 10, messageBurst: 10, delayedFor: 100, refusedFor: REFUSED_FOR },
  });

async function flood(client: TestClient): Promise<{ after: number }> {
  client.socket.io.engine.on('close', () => clearInterval(flooding));
  const flooding = setInterval(() => {
    for (let n = 0; n < 50; n++) client.socket.emit('say', n);
  }, 5);
  try {
    return await client.heardOf('unauthenticated');
  } finally {
    clearInterval(flooding);
  }
}

async function tellOf({ url }: Started, auth: object, address = ''): Promise<TestClient> {
  const extraHeaders = { 'x-forwarded-for': address };
  const client = connect(url, { auth: { ...auth }, transports: ['websocket'], extraHeaders });
  await client.heardOf('connect');
  client.socket.emit('authenticate');
  await eventually(() => heardOn(client, 'authenticated').length + heardOn(client, 'unauthenticated').length === 1);
  return client;
}

describe('a client that sends too much for too long', () => {
  it('is refused by its user for limits.refusedFor, and comes back after it', async () => {
    const server = await startStrict();
    const ann = await connectAuthenticated(server.url, { auth: { user: 'ann' }, transports: ['websocket'] });
    expect(await flood(ann)).toMatchObject({ code: 'rate_limited', retry: true, after: REFUSED_FOR });
    const again = await tellOf(server, { user: 'ann' });
    const [told] = heardOn(again, 'unauthenticated') as { after: number }[];
    expect(told).toMatchObject({ code: 'rate_limited', retry: true });
    expect(told?.after).toBeGreaterThan(0);
    expect(told?.after).toBeLessThanOrEqual(REFUSED_FOR);
    expect(heardOn(await tellOf(server, { user: 'bob' }), 'authenticated')).toHaveLength(1);
    expect(heardOn(await tellOf(server, {}), 'authenticated')).toHaveLength(1);
    const isBack = async () => heardOn(await tellOf(server, { user: 'ann' }), 'authenticated').length === 1;
    await eventually(isBack, { timeout: 20_000 });
  });

  it('is refused by its address without an identity, if that is known', async () => {
    const server = await startStrict({ trustedHops: 1 });
    const nobody = await tellOf(server, {}, '203.0.113.7');
    expect(await flood(nobody)).toMatchObject({ code: 'rate_limited', retry: true, after: REFUSED_FOR });
    const again = await tellOf(server, {}, '203.0.113.7');
    expect(heardOn(again, 'unauthenticated')).toMatchObject([{ code: 'rate_limited', retry: true }]);
    expect(heardOn(await tellOf(server, {}, '203.0.113.8'), 'authenticated')).toHaveLength(1);
    expect(heardOn(await tellOf(server, { user: 'ann' }, '203.0.113.7'), 'authenticated')).toHaveLength(1);
  });

  it('is told to wait, and not refused, without an identity: its address may be that of many', async () => {
    const server = await startStrict();
    const nobody = await connectAuthenticated(server.url, { auth: {}, transports: ['websocket'] });
    expect(await flood(nobody)).toMatchObject({ code: 'rate_limited', retry: true, after: REFUSED_FOR });
    expect(heardOn(await tellOf(server, {}), 'authenticated')).toHaveLength(1);
  });
});

it('a user over limits.messagesPerUser is read more slowly, and every event of it is handled', async () => {
  let handled = 0;
  const began = performance.now();
  // Ten seconds of it at once are 200 events.
  const server = await startServer({
    authenticateFn: () => ({ user: 'ann' }),
    limits: { messagesPerUser: 20 },
    clientConnectedFn: ({ socket }) => {
      socket.on('say', () => {
        handled += 1;
      });
    },
  });
  const client = await connectAuthenticated(server.url, { transports: ['websocket'] });
  for (let n = 0; n < 300; n++) client.socket.emit('say', n);
  await eventually(() => handled === 300, { timeout: 15_000 });
  // Each event above the burst takes a twentieth of a second. Some were read already when the first delay began.
  expect(performance.now() - began).toBeGreaterThan(1_000);
  expect(client.socket.connected).toBe(true);
}, 20_000);
