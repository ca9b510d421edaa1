// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/facts.js';
import { rawPolling } from '../support/raw.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { connect, settled, type TestClient } from '../support/server.js';
import { SETTING } from '../support/setting.js';
import { type RunningProxy, startProxy } from '../support/tcp-proxy.js';
import { enter, heardOn, idOf, type Served, type ServedOptions, serve } from './program.js';

/** The program returns what the client's `auth` says. With `slow`, its functions settle when a test calls `memory[slow]()`. */
const OPTIONS: ServedOptions['options'] = (inside) => {
  const slowly = async (name: string) => {
    inside.note(['waits', name]);
    await new Promise((resolve) => {
      inside.memory[name] = resolve;
    });
  };
  return {
    authenticateFn: async ({ auth }) => {
      if (auth.slow === 'authenticateFn') await slowly('authenticateFn');
      return auth.answer;
    },
    validateRoomFn: async ({ socket, rooms }) => {
      if (socket.handshake.auth.slow === 'validateRoomFn') await slowly('validateRoomFn');
      return rooms;
    },
    clientConnectedFn: async ({ socket }) => {
      socket.on('work', (answer) => answer('done'));
      socket.on('enter', async (room, answer) => answer(await socket.join(room)));
      if (socket.handshake.auth.slow !== 'clientConnectedFn') return;
      await slowly('clientConnectedFn');
      await socket.join('closed');
      inside.note(['rooms', [...socket.rooms].sort()]);
    },
  };
};

type Who = Parameters<Parameters<Parameters<Served['run']>[0]>[0]['helper']['revoke']>[0];

const revoke = (of: Served, opts: object) => of.run(({ helper }, it) => helper.revoke(it as Who), opts);
const send = (of: Served, destination: unknown, data: unknown) =>
  of.run(
    ({ helper }, to, it) => helper.send({ destination: to as string, payload: { topic: 'note', data: it } }),
    destination,
    data,
  );
const as = (of: Served, answer: unknown, more: object = {}, transports = ['websocket']): Promise<TestClient> =>
  enter(of.url, { transports, auth: { answer, ...more } });
const waits = async (of: Served, name: string) =>
  eventually(async () => (await of.notes()).some((note) => String(note) === `waits,${name}`), { what: name });
const ending = async (client: TestClient) => {
  const message = await client.heardOf<{ code: string; message: string }>('unauthenticated');
  await client.heardOf('disconnect');
  return message;
};

let server: Served;
beforeAll(async () => {
  server = await serve({ options: OPTIONS });
});
// What one test revokes must not concern another one.
let user: string;
let tests = 0;
beforeEach(() => {
  tests += 1;
  user = `user ${tests}`;
});

describe('revoke({ user })', () => {
  it.each([['websocket'], ['polling']])(
    'ends all clients of the user over %s, with the text, and no others',
    async (way) => {
      const [one, two, bob] = await Promise.all([
        as(server, { user }, {}, [way]),
        as(server, { user, session: 'x' }, {}, [way]),
        as(server, { user: 'bob' }, {}, [way]),
      ]);
      const result = await revoke(server, { user, message: 'Bye.' });
      expect(result).toEqual({ instances: 1, unconfirmed: [], ended: 2 });
      await send(server, { user }, 'late');
      for (const client of [one, two]) {
        expect(await ending(client)).toMatchObject({ code: 'revoked', message: 'Bye.' });
        expect(heardOn(client, 'disconnect')).toEqual(['io server disconnect']);
        expect(heardOn(client, 'note')).toEqual([]);
      }
      expect(await bob.socket.emitWithAck('work')).toBe('done');
      const again = await as(server, { user });
      expect(await again.socket.emitWithAck('work')).toBe('done');
      for (const { socket } of [bob, again]) socket.disconnect();
    },
  );

  it('leaves a client that polls with pauses the time to hear why, and that it is disconnected', async () => {
    const peer = await rawPolling(server.url);
    await peer.connect('/', { answer: { user } });
    await peer.emit('authenticate');
    await peer.next((packet) => packet.includes('"authenticated"'));
    const told = peer.next((packet) => packet.includes('"unauthenticated"'));
    await revoke(server, { user });
    expect(await told).toContain('"revoked"');
    // As long as a request takes over a slow network.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await peer.next((packet) => packet.startsWith('41'))).toBe('41');
  });

  it('makes an authentication void that began before, and not one that begins later', async () => {
    const client = connect(server.url, { auth: { answer: { user }, slow: 'authenticateFn' } });
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    await waits(server, 'authenticateFn');
    expect(await revoke(server, { user })).toMatchObject({ ended: 0 });
    await server.run(({ memory }) => memory.authenticateFn());
    expect(await ending(client)).toMatchObject({ code: 'revoked' });
    expect(heardOn(client, 'authenticated')).toEqual([]);
    const later = await as(server, { user });
    later.socket.disconnect();
  });

  it('with issuedBefore ends older logins only', async () => {
    const now = Date.now();
    const old = await as(server, { user, issuedAt: now - 5_000 });
    const fresh = await as(server, { user, issuedAt: now + 5_000 });
    expect(await revoke(server, { user, issuedBefore: now })).toMatchObject({ ended: 1 });
    expect(await ending(old)).toMatchObject({ code: 'revoked' });
    expect(await fresh.socket.emitWithAck('work')).toBe('done');
    fresh.socket.disconnect();
  });

  it('with barFor keeps the user away for that long', async () => {
    await revoke(server, { user, barFor: 60_000 });
    const client = connect(server.url, { auth: { answer: { user } } });
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    expect(await ending(client)).toMatchObject({ code: 'revoked' });
    const other = `${user} for a moment`;
    await revoke(server, { user: other, barFor: 1 });
    await eventually(async () => {
      const again = connect(server.url, { auth: { answer: { user: other } } });
      await again.heardOf('connect');
      again.socket.emit('authenticate');
      const [outcome] = await Promise.race([
        again.heardOf('authenticated').then(() => ['in']),
        again.heardOf('unauthenticated').then(() => ['out']),
      ]);
      again.socket.disconnect();
      return outcome === 'in';
    });
  });
});

it('revoke({ session }) ends that session, and revoke({ id }) that client', async () => {
  const [x, y, z] = await Promise.all(
    ['x', 'y', 'z'].map((session) => as(server, { user, session: `${session} of ${user}` })),
  );
  if (x === undefined || y === undefined || z === undefined) throw new Error('unreachable');
  const anonymous = await as(server, true);
  expect(await revoke(server, { session: `x of ${user}` })).toMatchObject({ ended: 1 });
  expect(await revoke(server, { id: idOf(y) })).toMatchObject({ ended: 1 });
  expect(await revoke(server, { id: idOf(anonymous) })).toMatchObject({ ended: 1 });
  for (const client of [x, y, anonymous]) expect(await ending(client)).toMatchObject({ code: 'revoked' });
  expect(await z.socket.emitWithAck('work')).toBe('done');
  z.socket.disconnect();
});

describe('revoke({ user, room })', () => {
  it('puts the clients of the user out of the room only, and tells them', async () => {
    const [ann, bob] = await Promise.all([as(server, { user }), as(server, { user: 'bob' })]);
    for (const { socket } of [ann, bob]) await socket.emitWithAck('join', { rooms: ['a', 'b'] });
    expect(await revoke(server, { user, room: 'a', message: 'Not you.' })).toMatchObject({ ended: 1 });
    await send(server, 'a', 1);
    await send(server, 'b', 2);
    await Promise.all([ann, bob].map(settled));
    expect(heardOn(ann, 'note')).toEqual([2]);
    expect(heardOn(bob, 'note')).toEqual([1, 2]);
    expect(heardOn(ann, 'roomgate:left')).toEqual([{ rooms: [{ room: 'a', code: 'revoked', message: 'Not you.' }] }]);
    expect(await ann.socket.emitWithAck('join', { rooms: ['a'] })).toMatchObject({ joined: ['a'] });
    for (const { socket } of [ann, bob]) socket.disconnect();
  });

  it('makes a join void that the guard is deciding on', async () => {
    const client = await as(server, { user }, { slow: 'validateRoomFn' });
    const joining = client.socket.emitWithAck('join', { rooms: ['a', 'b'] });
    await waits(server, 'validateRoomFn');
    await revoke(server, { user, room: 'a' });
    await server.run(({ memory }) => memory.validateRoomFn());
    expect(await joining).toMatchObject({ joined: ['b'], refused: [{ room: 'a' }] });
    client.socket.disconnect();
  });

  it('keeps a clientConnectedFn that is running from joining it, but not later decisions of the program', async () => {
    const client = await as(server, { user }, { slow: 'clientConnectedFn' });
    await waits(server, 'clientConnectedFn');
    await revoke(server, { user, room: 'closed' });
    await server.run(({ memory }) => memory.clientConnectedFn());
    await eventually(async () => (await server.notes()).some((note) => (note as unknown[])[0] === 'rooms'));
    const rooms = (await server.notes()).find((note) => (note as unknown[])[0] === 'rooms') as [string, string[]];
    expect(rooms[1]).not.toContain('closed');
    await client.socket.emitWithAck('enter', 'closed');
    await send(server, 'closed', 'in');
    await settled(client);
    expect(heardOn(client, 'note')).toEqual(['in']);
    client.socket.disconnect();
  });

  it('with barFor refuses the joins of the user for that long', async () => {
    await revoke(server, { user, room: 'a', barFor: 60_000 });
    const client = await as(server, { user });
    const answer = await client.socket.emitWithAck('join', { rooms: ['a', 'b'] });
    expect(answer).toMatchObject({ joined: ['b'], refused: [{ room: 'a', code: 'revoked' }] });
    client.socket.disconnect();
  });
});

it.each([
  [{}, 'revoke(): user, session or id: expected a non-empty string of at most 255 characters, received undefined.'],
  [{ user: 'a', session: 'b' }, 'It has user and session: leave one.'],
  [{ user: 'a', rooms: 'b' }, 'revoke(): "rooms" does not exist; did you mean "room"?'],
  [
    { user: 'a', room: '' },
    'revoke(): room: expected a non-empty string of at most 255 characters that is not reserved',
  ],
  [{ user: 'a', room: 'roomgate:user:b' }, 'that is not reserved for the library, received a string.'],
  [{ user: 'a', issuedBefore: 1_800_000_000 }, 'It looks like seconds: multiply it by 1000'],
  [
    { user: 'a', issuedBefore: null },
    'revoke(): issuedBefore: expected a Date or milliseconds since 1970, received null',
  ],
  [{ user: 'a', barFor: 0 }, 'revoke(): barFor: expected a number of milliseconds from 1 to 2678400000, received 0.'],
  [{ id: 'a', barFor: 5 }, 'A socket id never comes back: write { user } or { session }.'],
  [{ user: 'a', message: 5 }, 'revoke(): message: expected a string, received 5.'],
  [
    { user: 'a', timeout: -1 },
    'revoke(): timeout: expected a number of milliseconds from 1 to 2147483647, received -1.',
  ],
])('%o is refused', async (opts, text) => {
  await expect(revoke(server, opts)).rejects.toThrow(text);
});

// Without Redis an instance stands alone; other projects test that.
describe.runIf(SETTING.redis)('two instances', () => {
  let redis: RedisServer;
  let proxy: RunningProxy;
  let near: Served;
  let far: Served;
  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startProxy({ target: redis.port });
    [near, far] = await Promise.all([
      serve({ redisPort: redis.port, options: OPTIONS, identifier: 'near' }),
      serve({ redisPort: proxy.port, options: OPTIONS, identifier: 'far' }),
    ]);
  });

  it('both end the clients of the user, and confirm', async () => {
    const devices = await Promise.all([as(near, { user }), as(far, { user }), as(far, { user })]);
    const other = await as(far, { user: 'bob' });
    expect(await revoke(near, { user })).toEqual({ instances: 2, unconfirmed: [], ended: 3 });
    for (const client of devices) expect(await ending(client)).toMatchObject({ code: 'revoked' });
    expect(await other.socket.emitWithAck('work')).toBe('done');
    other.socket.disconnect();
  });

  it('a bar holds on instances that start later', async () => {
    await revoke(near, { user, barFor: 60_000 });
    const later = await serve({ redisPort: redis.port, options: OPTIONS, identifier: 'later' });
    const client = connect(later.url, { auth: { answer: { user } } });
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    expect(await ending(client)).toMatchObject({ code: 'revoked' });
  });

  it('one that is cut off is named, and ends the clients before it delivers anything of others again', async () => {
    const [mine, others] = await Promise.all([as(far, { user }), as(far, { user: 'bob' })]);
    await proxy.refuse();
    proxy.cut();
    const result = await revoke(near, { user, timeout: 500 });
    expect(result).toMatchObject({ instances: 1, unconfirmed: expect.arrayContaining([expect.any(String)]), ended: 0 });
    const sending = setInterval(() => void send(near, 'io-default', 'after').catch(() => {}), 50);
    onTestFinished(() => clearInterval(sending));
    await proxy.accept();
    expect(await ending(mine)).toMatchObject({ code: 'revoked' });
    await eventually(() => heardOn(others, 'note').includes('after'), { timeout: 15_000 });
    expect(heardOn(mine, 'note')).toEqual([]);
    others.socket.disconnect();
  });

  it('on an instance that stays cut off, it is told to the others when Redis is back, and spares later logins', async () => {
    const [old, other] = await Promise.all([as(near, { user }), as(near, { user: 'bob' })]);
    await proxy.refuse();
    proxy.cut();
    const result = await revoke(far, { user, message: 'Bye.', timeout: 200 });
    expect(result).toEqual({ instances: 1, unconfirmed: expect.arrayContaining([expect.any(String)]), ended: 0 });
    await revoke(far, { user: `${user}, barred`, barFor: 60_000, timeout: 1 });
    const anew = await as(near, { user });
    expect(old.socket.connected).toBe(true);
    await proxy.accept();
    expect(await ending(old)).toMatchObject({ code: 'revoked', message: 'Bye.' });
    // The bar was told after it, and is stored for instances that start later.
    const later = await serve({ redisPort: redis.port, options: OPTIONS, identifier: 'late' });
    for (const server of [near, later]) {
      await eventually(async () => {
        const barred = connect(server.url, { auth: { answer: { user: `${user}, barred` } } });
        await barred.heardOf('connect');
        barred.socket.emit('authenticate');
        return (await ending(barred)).code === 'revoked';
      });
    }
    for (const { socket } of [anew, other]) {
      expect(await socket.emitWithAck('work')).toBe('done');
      socket.disconnect();
    }
  });

  it('one with fenceAfter serves no clients with an identity while it is cut off for longer', async () => {
    const narrow = await startProxy({ target: redis.port });
    const fenced = await serve({
      redisPort: narrow.port,
      identifier: 'fenced',
      options: () => ({ authenticateFn: ({ auth }) => auth.answer, fenceAfter: 300 }),
    });
    const [ann, anonymous] = await Promise.all([as(fenced, { user }), as(fenced, true)]);
    await narrow.refuse();
    narrow.cut();
    expect(await ending(ann)).toMatchObject({ code: 'unavailable', after: expect.any(Number) });
    expect(heardOn(ann, 'disconnect')).toEqual(['transport close']);
    const early = connect(fenced.url, { auth: { answer: { user } } });
    await early.heardOf('connect');
    early.socket.emit('authenticate');
    expect(await ending(early)).toMatchObject({ code: 'unavailable' });
    expect(anonymous.socket.connected).toBe(true);
    await narrow.accept();
    await eventually(async () => {
      const again = connect(fenced.url, { auth: { answer: { user } } });
      await again.heardOf('connect');
      again.socket.emit('authenticate');
      const isIn = await Promise.race([
        again.heardOf('authenticated').then(() => true),
        again.heardOf('unauthenticated').then(() => false),
      ]);
      again.socket.disconnect();
      return isIn;
    });
    const warnings = await fenced.run(({ lines }) => lines.filter((line) => line.includes('fenceAfter')));
    expect(warnings).toEqual([expect.stringContaining('disconnected 1 clients with an identity')]);
    anonymous.socket.disconnect();
  });

  it('one with fenceAfter ends them within 3 s if the connections to Redis hang', async () => {
    const narrow = await startProxy({ target: redis.port });
    const fenced = await serve({
      redisPort: narrow.port,
      identifier: 'hanging',
      options: () => ({ authenticateFn: ({ auth }) => auth.answer, fenceAfter: 300 }),
    });
    const ann = await as(fenced, { user });
    narrow.blackhole();
    const began = performance.now();
    expect(await ann.heardOf('unauthenticated')).toMatchObject({ code: 'unavailable' });
    // One second more for the timers of a busy machine.
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});
