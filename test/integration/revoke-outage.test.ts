// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import { SHARED_NETWORK } from '../../src/backplane/memory/shared-network.js';
import type { Report } from '../../src/server/reports.js';
import { eventually } from '../support/facts.js';
import { heardOn } from '../support/instances.js';
import { connect, connectAuthenticated, type Started, startServer, type TestClient } from '../support/server.js';

const EXPIRES_AT = Date.now() + 3_600_000;

interface Pair {
  readonly network: MemoryNetwork;
  readonly near: Started;
  readonly far: Started;
}

/** Two instances, of which `far` can be cut off. The client's `auth` says who it is. */
async function startPair(options: Parameters<typeof startServer>[0] = {}): Promise<Pair> {
  const network = new MemoryNetwork();
  const start = (identifier: string): Promise<Started> =>
    startServer({
      identifier,
      authenticateFn: ({ auth: { user, issuedAt } }) => ({ user, issuedAt, expiresAt: EXPIRES_AT }),
      validateRoomFn: ({ rooms }) => rooms,
      ...options,
      ...{ [SHARED_NETWORK]: network },
    });
  return { network, near: await start('near'), far: await start('far') };
}

const enter = ({ url }: Started, user: string): Promise<TestClient> => connectAuthenticated(url, { auth: { user } });

async function expectRevoked(client: TestClient): Promise<void> {
  expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'revoked' });
}

describe('an instance that was cut off during a revoke()', () => {
  it('ends a barred user who signed in there meanwhile', async () => {
    const { network, near, far } = await startPair();
    network.cut('far');
    await near.helper.revoke({ user: 'ann', barFor: 60_000, timeout: 50 });
    const [ann, bob] = [await enter(far, 'ann'), await enter(far, 'bob')];
    network.heal('far');
    await expectRevoked(ann);
    expect(bob.socket.connected).toBe(true);
  });

  it('leaves a user alone who signed in there meanwhile, if there is no bar', async () => {
    const { network, near, far } = await startPair();
    const old = await enter(far, 'ann');
    network.cut('far');
    await near.helper.revoke({ user: 'ann', timeout: 50 });
    const anew = await enter(far, 'ann');
    network.heal('far');
    await expectRevoked(old);
    expect(anew.socket.connected).toBe(true);
    expect(far.helper.getClients({ user: 'ann' }).size).toBe(1);
  });

  it('ends a client that has renewed meanwhile, unless its new token was issued since then', async () => {
    const { network, near, far } = await startPair();
    const [ann, bob] = [await enter(far, 'ann'), await enter(far, 'bob')];
    network.cut('far');
    await near.helper.revoke({ user: 'ann', timeout: 50 });
    await near.helper.revoke({ user: 'bob', issuedBefore: Date.now(), timeout: 50 });
    for (const client of [ann, bob]) {
      client.socket.emit('authenticate', { user: client === ann ? 'ann' : 'bob', issuedAt: Date.now() + 1_000 });
      await eventually(() => expect(heardOn(client, 'authenticated')).toHaveLength(2));
    }
    network.heal('far');
    await expectRevoked(ann);
    expect(bob.socket.connected).toBe(true);
    expect(far.helper.getClients({ user: 'bob' }).size).toBe(1);
  });

  it.each([{}, { barFor: 60_000 }])(
    'puts a client out of the room that has renewed meanwhile, with %o',
    async (bar) => {
      const { network, near, far } = await startPair();
      const ann = await enter(far, 'ann');
      await ann.socket.emitWithAck('join', { rooms: ['a', 'b'] });
      network.cut('far');
      await near.helper.revoke({ user: 'ann', room: 'a', timeout: 50, ...bar });
      ann.socket.emit('authenticate', { user: 'ann' });
      await eventually(() => expect(heardOn(ann, 'authenticated')).toHaveLength(2));
      network.heal('far');
      await ann.heardOf('roomgate:left');
      expect([...far.helper.getIOServer().sockets.adapter.rooms.keys()]).toEqual(expect.arrayContaining(['b']));
      expect(far.helper.getIOServer().sockets.adapter.rooms.has('a')).toBe(false);
    },
  );
});

it('revoke() on an instance that is cut off for a moment waits for the others', async () => {
  const { network, near, far } = await startPair();
  const ann = await enter(near, 'ann');
  network.cut('far');
  const revoking = far.helper.revoke({ user: 'ann', timeout: 10_000 });
  setTimeout(() => network.heal('far'), 300);
  expect(await revoking).toEqual({ instances: 2, unconfirmed: [], ended: 1 });
  await expectRevoked(ann);
});

describe('revoke() on an instance that stays cut off', () => {
  const UNKNOWN = { instances: 1, unconfirmed: ['near.1', 'unknown'], ended: 0 };

  it('is told to the others when it is back, and leaves a user alone who signed in there meanwhile', async () => {
    const { network, near, far } = await startPair();
    const old = await enter(near, 'ann');
    network.cut('far');
    expect(await far.helper.revoke({ user: 'ann', timeout: 50 })).toEqual(UNKNOWN);
    const anew = await enter(near, 'ann');
    expect(old.socket.connected).toBe(true);
    network.heal('far');
    await expectRevoked(old);
    expect(anew.socket.connected).toBe(true);
    expect(near.helper.getClients({ user: 'ann' }).size).toBe(1);
  });

  it('is told to instances that start later too, and a bar that has ended meanwhile bars nobody', async () => {
    const { network, near, far } = await startPair();
    network.cut('far');
    await far.helper.revoke({ user: 'bob', barFor: 50, timeout: 50 });
    await far.helper.revoke({ user: 'ann', barFor: 60_000, timeout: 50 });
    const [ann, bob] = [await enter(near, 'ann'), await enter(near, 'bob')];
    network.heal('far');
    await expectRevoked(ann);
    expect(bob.socket.connected).toBe(true);
    const later = await startServer({
      authenticateFn: ({ auth }) => ({ user: auth.user }),
      ...{ [SHARED_NETWORK]: network },
    });
    await enter(later, 'bob');
    const barred = connect(later.url, { auth: { user: 'ann' } });
    await barred.heardOf('connect');
    barred.socket.emit('authenticate');
    await expectRevoked(barred);
  });

  it('puts the clients out of the room once, and lets them in again', async () => {
    const { network, near, far } = await startPair();
    const ann = await enter(near, 'ann');
    await ann.socket.emitWithAck('join', { rooms: ['a', 'b'] });
    network.cut('far');
    await far.helper.revoke({ user: 'ann', room: 'a', timeout: 50 });
    network.heal('far');
    await ann.heardOf('roomgate:left');
    expect(await ann.socket.emitWithAck('join', { rooms: ['a'] })).toMatchObject({ joined: ['a'] });
    // It reads the ledger again, before it answers.
    network.cut('near');
    network.heal('near');
    expect(await far.helper.revoke({ user: 'bob' })).toMatchObject({ instances: 2 });
    expect(heardOn(ann, 'roomgate:left')).toHaveLength(1);
  });

  it('is reported if the instance is shut down before', async () => {
    const reports: Report[] = [];
    const { network, near, far } = await startPair({ onReport: (report) => reports.push(report) });
    const ann = await enter(near, 'ann');
    network.cut('far');
    expect(await far.helper.revoke({ user: 'ann', timeout: 50 })).toEqual(UNKNOWN);
    await far.helper.shutdown();
    expect(reports.filter(({ type }) => type === 'revocations_dropped')).toEqual([
      { type: 'revocations_dropped', count: 1, reason: 'shut_down' },
    ]);
    expect(ann.socket.connected).toBe(true);
  });
});

it('revoke({ id, issuedBefore }) voids an authentication that is pending', async () => {
  const asked: (() => void)[] = [];
  const { near } = await startPair({
    authenticateFn: async ({ auth }) => {
      await new Promise<void>((resolve) => asked.push(resolve));
      return { user: auth.user, issuedAt: Date.now() - 60_000 };
    },
  });
  const client = connect(near.url, { auth: { user: 'ann' } });
  await client.heardOf('connect');
  client.socket.emit('authenticate');
  await eventually(() => asked.length === 1);
  await near.helper.revoke({ id: client.socket.id ?? '', issuedBefore: Date.now() });
  asked[0]?.();
  await expectRevoked(client);
});

it('a renewal that takes longer than a decision may take is void, and the client may try again', async () => {
  const asked: (() => void)[] = [];
  const { near } = await startPair({
    authenticateTimeout: 300,
    guardTimeout: 1,
    authenticateFn: async ({ auth }) => {
      if (auth.slow) await new Promise<void>((resolve) => asked.push(resolve));
      return { user: auth.user, expiresAt: EXPIRES_AT, claims: { slow: auth.slow } };
    },
  });
  const client = await enter(near, 'ann');
  client.socket.emit('authenticate', { user: 'ann', slow: true });
  await eventually(() => asked.length === 1);
  const began = performance.now();
  await eventually(() => performance.now() - began > 350);
  asked[0]?.();
  expect(await client.heardOf('roomgate:renew')).toMatchObject({ after: expect.any(Number) });
  const [session] = near.helper.getClients({ user: 'ann' }).values();
  expect(session?.identity?.claims).toEqual({ slow: undefined });
});
