// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { connect, type TestClient } from '../support/server.js';
import { enter, heardOn, type Served, type ServedOptions, serve, serveForAll, WAYS } from './program.js';

/** Each client is the user that its `auth` names, and `auth.slow` makes the check wait. */
const OPTIONS: ServedOptions['options'] = (inside) => ({
  limits: { connectionsPerUser: 2, joinsInFlight: 1, messagesPerUser: 10 },
  authenticateFn: async ({ auth }) => {
    if (auth.slow === true) {
      await new Promise((resolve) => {
        inside.memory.slow = [...(inside.memory.slow ?? []), resolve];
      });
    }
    return auth.user === undefined ? true : { user: auth.user, expiresAt: Date.now() + 3_600_000 };
  },
  validateRoomFn: async ({ rooms }) => {
    inside.memory.running = (inside.memory.running ?? 0) + 1;
    inside.memory.most = Math.max(inside.memory.most ?? 0, inside.memory.running);
    await new Promise((resolve) => setImmediate(resolve));
    inside.memory.running -= 1;
    return rooms;
  },
  clientConnectedFn: ({ socket }) => {
    inside.memory.handled = inside.memory.handled ?? [];
    socket.on('say', (value, answer) => {
      inside.memory.handled.push(value);
      answer?.('said');
    });
  },
  onReport: (report) => {
    if (report.type === 'limit_reached' || report.type === 'user_limited') inside.note([report.type, report.limit]);
  },
});

const served = serveForAll({ options: OPTIONS });
const as = (user: string | undefined, transports = ['websocket']): Promise<TestClient> =>
  enter(served().url, { transports, auth: { user } });

async function refused(of: Served, auth: object, transports = ['websocket']): Promise<Record<string, unknown>> {
  const client = connect(of.url, { auth: { ...auth }, transports });
  await client.heardOf('connect');
  client.socket.emit('authenticate');
  const message = await client.heardOf<Record<string, unknown>>('unauthenticated');
  // Without Socket.IO's disconnect, after which its client does not come back.
  expect(await client.heardOf('disconnect')).not.toBe('io server disconnect');
  expect(heardOn(client, 'authenticated')).toEqual([]);
  return message;
}

describe.each(WAYS)('limits.connectionsPerUser over $way', ({ transports }) => {
  it('refuses one more client, which may come back, and counts no one else', async () => {
    const first = await as('ann', transports);
    await as('ann', transports);
    const message = await refused(served(), { user: 'ann' }, transports);
    expect(message).toMatchObject({ code: 'too_many_connections', retry: true });
    expect(message.after).toBeGreaterThanOrEqual(10_000);
    expect(message.after).toBeLessThanOrEqual(20_000);
    expect(await served().notes()).toContainEqual(['limit_reached', 'connections_per_user']);
    await as('bob', transports);
    for (let n = 0; n < 3; n++) await as(undefined, transports);
    // A client that has left frees its place.
    first.socket.disconnect();
    await eventually(() => served().run(({ helper }) => helper.getClients({ user: 'ann' }).size === 1));
    await as('ann', transports);
  });
});

it('limits.connectionsPerUser holds for clients that are accepted at the same time', async () => {
  const clients = Array.from({ length: 6 }, () => connect(served().url, { auth: { user: 'cem', slow: true } }));
  for (const client of clients) {
    await client.heardOf('connect');
    client.socket.emit('authenticate');
  }
  await eventually(() => served().run(({ memory }) => memory.slow?.length === 6));
  await served().run(({ memory }) => {
    for (const go of memory.slow) go();
  });
  await eventually(() => {
    const told = clients.map(
      (client) => heardOn(client, 'authenticated').length + heardOn(client, 'unauthenticated').length,
    );
    expect(told).toEqual([1, 1, 1, 1, 1, 1]);
  });
  expect(clients.filter((client) => heardOn(client, 'authenticated').length === 1)).toHaveLength(2);
});

it('a renewal takes no second place', async () => {
  const [one] = [await as('eve'), await as('eve')];
  one.socket.emit('authenticate', { user: 'eve' });
  await eventually(() => expect(heardOn(one, 'authenticated')).toHaveLength(2));
  expect(heardOn(one, 'unauthenticated')).toEqual([]);
});

it('limits.joinsInFlight calls of validateRoomFn run for one client at a time', async () => {
  const client = await as('fay');
  const rooms = Array.from({ length: 10 }, (_, n) => `room ${n}`);
  const answers = await Promise.all(rooms.map((room) => client.socket.emitWithAck('join', { rooms: [room] })));
  expect(answers.map(({ joined }) => joined)).toEqual(rooms.map((room) => [room]));
  expect(await served().run(({ memory }) => memory.most)).toBe(1);
});

/** Ten seconds of `messagesPerUser`. */
const BURST = 100;
const say = (client: TestClient, value: unknown) => client.socket.timeout(10_000).emitWithAck('say', value);
const handled = () => served().run(({ memory }) => memory.handled as unknown[]);

async function useUp(client: TestClient): Promise<void> {
  for (let n = 0; n < BURST; n++) client.socket.emit('say', n);
  await client.socket.timeout(10_000).emitWithAck('leave', { rooms: [] });
}

describe.each(WAYS)('limits.messagesPerUser over $way', ({ transports, way }) => {
  it('answers events that ask for it, and handles none of them', async () => {
    const user = `gil ${way}`;
    const [one, two] = [await as(user, transports), await as(user, transports)];
    await useUp(one);
    // Four seconds of the limit, so that a busy machine does not pay for all of them.
    const values = Array.from({ length: 40 }, (_, n) => `more ${n}`);
    const answers = await Promise.all(values.map((value) => say(two, value)));
    const refused = values.filter((_, n) => answers[n] !== 'said');
    expect(refused.length).toBeGreaterThan(0);
    const refusal = answers.find((answer) => answer !== 'said');
    expect(refusal).toEqual({
      'roomgate:error': { code: 'rate_limited', message: expect.any(String), retryAfter: expect.any(Number) },
    });
    const { retryAfter } = refusal['roomgate:error'];
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThan(1_000);
    const known = await handled();
    expect(refused.filter((value) => known.includes(value))).toEqual([]);
    expect(
      (await served().notes()).filter((note) => String(note) === 'user_limited,messages_per_user').length,
    ).toBeGreaterThan(0);
    // Neither another user nor a client without an identity is concerned.
    expect(await say(await as(`hal ${way}`, transports), 1)).toBe('said');
    expect(await say(await as(undefined, transports), 1)).toBe('said');
    // The time is right, and refused events do not count.
    await eventually(async () => (await say(two, 'later')) === 'said');
  });

  it('reads a client more slowly whose events nobody answers, and handles all of them in order', async () => {
    const user = `mia ${way}`;
    const client = await as(user, transports);
    const values = Array.from({ length: BURST + 60 }, (_, n) => `${user} ${n}`);
    const began = performance.now();
    for (const value of values) client.socket.emit('say', value);
    const own = async () => (await handled()).filter((value) => String(value).startsWith(user));
    await eventually(async () => (await own()).length === values.length, { timeout: 20_000 });
    // Each event above the burst takes a tenth of a second. Some were read already when the first delay began.
    expect(performance.now() - began).toBeGreaterThan(2_000);
    expect(await own()).toEqual(values);
  });

  it('delivers events that nobody answers, and joins', async () => {
    const user = `ida ${way}`;
    const client = await as(user, transports);
    await useUp(client);
    client.socket.emit('say', 'unanswered');
    expect(await client.socket.emitWithAck('join', { rooms: ['a'] })).toMatchObject({ joined: ['a'] });
    await eventually(async () => (await handled()).includes('unanswered'));
    expect(await client.socket.emitWithAck('leave', { rooms: ['a'] })).toMatchObject({ left: ['a'] });
  });
});

it('a reconnect does not give a user a new burst', async () => {
  const user = 'jan';
  const client = await as(user);
  await useUp(client);
  client.socket.disconnect();
  await eventually(() => served().run(({ helper }, it) => helper.getClients({ user: it }).size === 0, user));
  // A new burst would allow all of them.
  const again = await as(user);
  const answers = await Promise.all(Array.from({ length: 90 }, () => say(again, 1)));
  expect(answers.filter((answer) => answer !== 'said').length).toBeGreaterThan(0);
});

it('explain() says why a user is connected, in rooms and limited', async () => {
  const client = await as('kim');
  await client.socket.emitWithAck('join', { rooms: ['a'] });
  await as('kim');
  const found = await served().run(({ helper }) => helper.explain({ user: 'kim', room: 'a' }));
  expect(found).toMatchObject({ user: 'kim', instances: 1, unconfirmed: [], bars: [], truncated: false });
  expect(found.limits.map(({ rule }) => rule)).toEqual(['connections_per_user']);
  expect(found.connections).toHaveLength(2);
  const rooms = found.connections.find(({ id }) => id === client.socket.id)?.rooms;
  expect(rooms).toEqual([{ room: 'a', rule: 'granted', since: expect.any(Number) }]);
});

it('limits.messagesPerUserOfAll is counted with and without Redis', async () => {
  const server = await serve({
    options: (inside) => ({
      limits: { messagesPerUserOfAll: 2 },
      authenticateFn: () => ({ user: 'lea' }),
      clientConnectedFn: ({ socket }) => {
        socket.on('say', (_, answer) => answer('said'));
      },
      onReport: ({ type }) => {
        if (type === 'limit_counted_alone') inside.note(type);
      },
    }),
  });
  const client = await enter(server.url, {});
  const answers: unknown[] = [];
  // Five seconds of the limit are ten events.
  await eventually(async () => {
    answers.push(await say(client, 1));
    return answers.at(-1) !== 'said';
  });
  expect(answers.length).toBeGreaterThan(10);
  expect(answers.at(-1)).toMatchObject({ 'roomgate:error': { code: 'rate_limited' } });
  expect(await server.notes()).toEqual([]);
});
