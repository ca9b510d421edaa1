// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { TestClient } from '../support/server.js';
import { enter, heardOn, idOf, type Served, type ServedOptions, serve } from './program.js';

/** The program returns what the credentials say, so that each test decides. */
const OPTIONS: ServedOptions['options'] = ({ memory, note }) => ({
  authenticateFn: async (handshake) => {
    const { answer, lastsMs, throws, waits } = handshake.auth;
    note(['asked', handshake.auth.token ?? null, handshake.address !== undefined]);
    if (waits) {
      await new Promise((resolve) => {
        memory[waits] = resolve;
      });
    }
    if (throws) throw new Error('the database is down');
    return lastsMs === undefined ? answer : { ...answer, expiresAt: Date.now() + lastsMs };
  },
  validateRoomFn: ({ identity, rooms }) => {
    const claims = identity?.claims as { rooms?: string[] } | undefined;
    note(['guard', rooms]);
    return claims?.rooms === undefined ? rooms : rooms.filter((room) => claims.rooms?.includes(room));
  },
});

const ANN = { user: 'ann', session: 's1' };
let server: Served;
beforeAll(async () => {
  server = await serve({ options: OPTIONS });
});

const as = (answer: unknown, lastsMs?: number): Promise<TestClient> =>
  enter(server.url, { auth: { token: 'first', answer, ...(lastsMs === undefined ? {} : { lastsMs }) } });
const renewals = (client: TestClient): unknown[] =>
  heardOn(client, 'authenticated').filter((message) => (message as { renewed?: boolean }).renewed);
const asked = async (token: string) =>
  (await server.notes()).filter((note) =>
    JSON.stringify(note).startsWith(JSON.stringify(['asked', token]).slice(0, -1)),
  );

async function ended(client: TestClient): Promise<unknown> {
  const message = await client.heardOf('unauthenticated');
  await client.heardOf('disconnect');
  return message;
}

describe('new credentials on a live connection', () => {
  it('prolong the access; the handshake, the rooms and the connection stay', async () => {
    const client = await as({ ...ANN, claims: { jti: 1, a: [1], b: 2 } }, 1_500);
    await client.socket.emitWithAck('join', { rooms: ['here'] });
    const renewed = { ...ANN, claims: { b: 2, a: [1], jti: 2 } };
    client.socket.emit('authenticate', { token: 'second', answer: renewed, lastsMs: 60_000 });
    await eventually(() => renewals(client).length === 1);
    const [message] = renewals(client) as { expiresIn: number }[];
    expect(message).toMatchObject({ id: idOf(client), ...ANN, renewed: true });
    expect(message?.expiresIn).toBeGreaterThan(30_000);
    const [auth, identity, size] = await server.run(({ helper, io }, id) => {
      const socket = io.sockets.sockets.get(id);
      const sent = [socket?.handshake.auth.token, socket && helper.getIdentity({ socket }), socket?.rooms.has('here')];
      return [...sent];
    }, idOf(client));
    expect([auth, size]).toEqual(['first', true]);
    expect(identity).toMatchObject(renewed);
    // Its first access would have ended by now.
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    expect(client.socket.connected).toBe(true);
    // Only its token has changed, so the guard was asked once.
    expect((await server.notes()).filter((note) => String(note).startsWith('guard'))).toHaveLength(1);
    client.socket.disconnect();
  });

  it('without an end let the access last', async () => {
    const client = await as(ANN, 1_200);
    client.socket.emit('authenticate', { answer: ANN });
    await eventually(() => renewals(client).length === 1);
    expect(renewals(client)[0]).not.toHaveProperty('expiresIn');
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(client.socket.connected).toBe(true);
    client.socket.disconnect();
  });

  it('with other claims ask the guard again about the rooms, and the client is told what it lost', async () => {
    const client = await as({ ...ANN, claims: { rooms: ['x', 'y'] } }, 60_000);
    await client.socket.emitWithAck('join', { rooms: ['x', 'y'] });
    client.socket.emit('authenticate', { answer: { ...ANN, claims: { rooms: ['y'] } }, lastsMs: 60_000 });
    const lost = await client.heardOf<{ rooms: { room: string }[] }>('roomgate:left');
    expect(lost.rooms.map(({ room }) => room)).toEqual(['x']);
    const rooms = await server.run(({ io }, id) => [...(io.sockets.sockets.get(id)?.rooms ?? [])], idOf(client));
    expect(rooms).toContain('y');
    expect(rooms).not.toContain('x');
    client.socket.disconnect();
  });

  it.each([
    ['another user', { user: 'bob', session: 's1' }, 'user_changed'],
    ['another session', { user: 'ann', session: 's2' }, 'user_changed'],
    ['no session', { user: 'ann' }, 'user_changed'],
    ['true', true, 'user_changed'],
    ['false', false, 'refused'],
    ['a refusal', { refused: 'banned', message: 'Bye.' }, 'banned'],
    ['an identity that has expired', { ...ANN, expiresAt: Date.now() - 1 }, 'expired'],
    ['an invalid identity', { ...ANN, expireAt: 1 }, 'refused'],
  ])('that return %s end the access at once', async (_, answer, code) => {
    const client = await as(ANN, 60_000);
    client.socket.emit('authenticate', { answer });
    expect(await ended(client)).toMatchObject({ code });
    expect(heardOn(client, 'disconnect')).toEqual(['io server disconnect']);
  });

  it('whose check fails leave the access as it is, and the client is told when to try again', async () => {
    const client = await as(ANN, 2_000);
    client.socket.emit('authenticate', { throws: true });
    expect(await client.heardOf<{ after: number }>('roomgate:renew')).toEqual({ after: expect.any(Number) });
    expect(client.socket.connected).toBe(true);
    expect(await ended(client)).toMatchObject({ code: 'expired' });
  });

  it('whose check is pending when the access expires are of no use', async () => {
    const client = await as(ANN, 2_000);
    client.socket.emit('authenticate', { waits: 'late', answer: ANN, lastsMs: 60_000 });
    expect(await ended(client)).toMatchObject({ code: 'expired' });
    await server.run(({ memory }) => memory.late());
    await server.holdsNobody();
    expect(renewals(client)).toEqual([]);
  });

  it('are asked about once at a time, and not too often', async () => {
    const client = await as(ANN, 60_000);
    client.socket.emit('authenticate', { token: 'slow', waits: 'slow', answer: ANN, lastsMs: 60_000 });
    for (let each = 0; each < 20; each++)
      client.socket.emit('authenticate', { token: 'slow', answer: ANN, lastsMs: 1 });
    await eventually(async () => expect(await asked('slow')).toHaveLength(1));
    await server.run(({ memory }) => memory.slow());
    await eventually(() => renewals(client).length === 1);
    const again = await as(ANN, 60_000);
    for (let each = 0; each < 20; each++) {
      again.socket.emit('authenticate', { token: 'often', answer: ANN, lastsMs: 60_000 });
      await again.socket.emitWithAck('leave', { rooms: ['nowhere'] });
    }
    expect(await asked('often')).toHaveLength(1);
    expect(heardOn(again, 'roomgate:renew')).toEqual([{ after: expect.any(Number) }]);
    for (const each of [client, again]) each.socket.disconnect();
  });

  it('are ignored where there is nothing to renew, or if they are no object', async () => {
    const forever = await as(ANN);
    const plain = await as(true);
    const client = await as(ANN, 60_000);
    const acknowledged: unknown[] = [];
    const note = () => acknowledged.push(1);
    for (const each of [forever, plain]) each.socket.emit('authenticate', { token: 'ignored', answer: false }, note);
    for (const payload of [undefined, null, 'ignored', ['ignored'], 1])
      client.socket.emit('authenticate', payload, note);
    for (const each of [forever, plain, client]) {
      await each.socket.emitWithAck('leave', { rooms: ['nowhere'] });
      expect(each.socket.connected).toBe(true);
      expect(renewals(each)).toEqual([]);
      each.socket.disconnect();
    }
    expect(acknowledged).toEqual([]);
    expect(await asked('ignored')).toEqual([]);
  });

  it('that are too deep end nothing and reach nobody', async () => {
    const client = await as(ANN, 60_000);
    let deep: unknown = 'end';
    for (let level = 0; level < 200; level++) deep = [deep];
    client.socket.emit('authenticate', { token: 'deep', deep, answer: true });
    await client.socket.emitWithAck('leave', { rooms: ['nowhere'] });
    expect(await asked('deep')).toEqual([]);
    expect(client.socket.connected).toBe(true);
    client.socket.disconnect();
  });
});
