// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../support/redis.js';
import { connect, settled, type TestClient } from '../support/server.js';
import { SETTING } from '../support/setting.js';
import { enter, heardOn, idOf, type Served, type ServedOptions, serve, stranger, WAYS } from './program.js';

/** The program returns what the client's `auth` says, so that each test decides. */
const OPTIONS: ServedOptions['options'] = (inside) => ({
  defaultRooms: ['open-default'],
  authenticateFn: ({ auth }) => (auth.throws ? Promise.reject(new Error('down')) : auth.answer),
  validateRoomFn: ({ socket, rooms }) => {
    inside.note(['guard', socket.id, inside.helper.getIdentity({ socket })?.user ?? null]);
    return rooms;
  },
  clientConnectedFn: ({ socket }) => {
    const identity = inside.helper.getIdentity({ socket });
    const ofClient = inside.helper.getClients({ id: socket.id })?.identity;
    inside.note(['connected', socket.id, identity ?? null, identity === ofClient]);
    socket.on('disconnect', () =>
      inside.note(['left', socket.id, inside.helper.getIdentity({ socket })?.user ?? null]),
    );
  },
});

let server: Served;
beforeAll(async () => {
  server = await serve({ options: OPTIONS });
});

const as = (answer: unknown, transports = ['websocket']): Promise<TestClient> =>
  enter(server.url, { transports, auth: { answer } });

async function refused(answer: unknown): Promise<{ client: TestClient; message: Record<string, unknown> }> {
  const client = connect(server.url, { auth: { answer } });
  await client.heardOf('connect');
  client.socket.emit('authenticate');
  const message = await client.heardOf<Record<string, unknown>>('unauthenticated');
  await client.heardOf('disconnect');
  return { client, message };
}

const notesOf = async (id: string) => (await server.notes()).filter((note) => (note as unknown[])[1] === id);
const send = (of: Served, destination: unknown, data: unknown) =>
  of.run(
    ({ helper }, to, it) => helper.send({ destination: to as string, payload: { topic: 'note', data: it } }),
    destination,
    data,
  );

describe.each(WAYS)('over $way', ({ transports }) => {
  it('is known before anything of the program runs for the client, and after it has left', async () => {
    const expiresAt = Date.now() + 60_000;
    const client = await as({ user: 'ann', session: 's1', expiresAt, claims: { role: 'admin' } }, transports);
    const id = idOf(client);
    const message = await client.heardOf<{ user: string; session: string; expiresIn: number }>('authenticated');
    expect(message).toMatchObject({ id, user: 'ann', session: 's1' });
    expect(message.expiresIn).toBeGreaterThan(30_000);
    expect(message.expiresIn).toBeLessThanOrEqual(60_000);
    expect(message).not.toHaveProperty('claims');
    await client.socket.emitWithAck('join', { rooms: ['a'] });
    client.socket.disconnect();
    await server.holdsNobody();
    const identity = expect.objectContaining({ user: 'ann', session: 's1', expiresAt, claims: { role: 'admin' } });
    expect(await notesOf(id)).toEqual([
      ['connected', id, identity, true],
      ['guard', id, 'ann'],
      ['left', id, 'ann'],
    ]);
  });

  it('a client that is accepted with `true` has none', async () => {
    const client = await as(true, transports);
    const id = idOf(client);
    expect(Object.keys(await client.heardOf<object>('authenticated'))).toEqual(['id', 'time']);
    expect(await notesOf(id)).toEqual([['connected', id, null, true]]);
    client.socket.disconnect();
  });
});

it('refuses a client with the code and the text of the program, and Socket.IO’s client stays away', async () => {
  const { client, message } = await refused({ refused: 'banned', message: 'Until Monday.' });
  expect(message).toEqual({ code: 'banned', message: 'Until Monday.', time: expect.any(String) });
  expect(heardOn(client, 'disconnect')).toEqual(['io server disconnect']);
});

it('says that a client may try again, and when', async () => {
  const { client, message } = await refused({ refused: 'full', retry: true });
  expect(message).toMatchObject({ code: 'full', retry: true, after: 1_000, message: expect.stringContaining('.') });
  expect(heardOn(client, 'disconnect')).toEqual(['transport close']);
});

it('an identity that has expired already is refused as expired', async () => {
  const { message } = await refused({ user: 'ann', expiresAt: Date.now() - 1_000 });
  expect(message.code).toBe('expired');
});

it.each([
  { user: '' },
  { user: 'ann', expireAt: 1 },
  { user: 'ann', expiresAt: 1_800_000_000 },
  { refused: 'expired' },
  { ok: true },
  ['ann'],
  'ann',
  1,
])('%o refuses the client, and a log line says why', async (answer) => {
  const { message } = await refused(answer);
  expect(message.code).toBe('refused');
  const warnings = await server.run(({ lines }) => lines.filter((line) => line.startsWith('warn')));
  expect(warnings.at(-1)).toMatch(/authenticateFn(: expected true, false| returned an invalid object: )/);
});

describe('messages', () => {
  const NAMES = [
    'ann',
    '__proto__',
    'constructor',
    'roomgate:user:ann',
    '\ud800',
    '\ud801',
    '\ufffd',
    'a#b/*',
    'io-default',
    'ü😀',
  ];

  it.each(NAMES)('to the user %j reach all devices of that user and nobody else', async (user) => {
    const others = NAMES.filter((name) => name !== user);
    const [one, two, ...rest] = await Promise.all([
      as({ user }),
      as({ user }, ['polling']),
      as(true),
      ...others.map((name) => as({ user: name })),
    ]);
    const outside = await stranger(server.url, { auth: { answer: { user } } });
    await send(server, { user }, 'for the user');
    await send(server, [{ user }, idOf(one), 'open-default'], 'once');
    await Promise.all([one, two, ...rest].map(settled));
    for (const client of [one, two]) expect(heardOn(client, 'note')).toEqual(['for the user', 'once']);
    for (const client of rest) expect(heardOn(client, 'note')).toEqual(['once']);
    expect(heardOn(outside, 'note')).toEqual([]);
    for (const { socket } of [one, two, ...rest, outside]) socket.disconnect();
    await server.holdsNobody();
  });

  it('to a session reach that session only', async () => {
    const [one, two, other] = await Promise.all([
      as({ user: 'ann', session: 'x' }),
      as({ user: 'ann', session: 'x' }),
      as({ user: 'ann', session: 'y' }),
    ]);
    await send(server, { session: 'x' }, 'x');
    await send(server, { id: idOf(other) }, 'other');
    await send(server, [{ session: 'y' }, { user: 'bob' }], 'y');
    await Promise.all([one, two, other].map(settled));
    expect([one, two, other].map((client) => heardOn(client, 'note'))).toEqual([['x'], ['x'], ['other', 'y']]);
    for (const { socket } of [one, two, other]) socket.disconnect();
  });

  it('a client can neither join, leave nor count the room of a user', async () => {
    const client = await as({ user: 'ann', session: 'x' });
    const internal = ['roomgate:user:ann', 'roomgate:user:bob', 'roomgate:session:x'];
    for (const request of ['join', 'leave']) {
      const { refused: rooms } = await client.socket.emitWithAck(request, { rooms: internal });
      expect(rooms.map(({ code }: { code: string }) => code)).toEqual(internal.map(() => 'reserved_name'));
    }
    const many = Array.from({ length: 1_000 }, (_, at) => `r${at}`);
    for (let at = 0; at < 1_000; at += 250) {
      const { joined } = await client.socket.emitWithAck('join', { rooms: many.slice(at, at + 250) });
      expect(joined).toHaveLength(250);
    }
    const { refused: above } = await client.socket.emitWithAck('join', { rooms: ['one-more'] });
    expect(above).toEqual([expect.objectContaining({ code: 'room_limit' })]);
    await send(server, { user: 'ann' }, 'still');
    await settled(client);
    expect(heardOn(client, 'note')).toEqual(['still']);
    client.socket.disconnect();
  });
});

it('getClients() finds the clients of a user and of a session on this instance', async () => {
  const clients = await Promise.all([
    as({ user: 'ann', session: 'x' }),
    as({ user: 'ann', session: 'y' }),
    as({ user: 'bob' }),
  ]);
  const found = await server.run(({ helper }) =>
    [{ user: 'ann' }, { session: 'y' }, { user: 'bob' }, { user: 'eve' }].map((who) => [
      ...helper.getClients(who as { user: string }).keys(),
    ]),
  );
  const [x, y, bob] = clients.map(idOf);
  expect(found.map((ids) => ids.sort())).toEqual([[x, y].sort(), [y], [bob], []]);
  for (const { socket } of clients) socket.disconnect();
});

describe('joinRooms()', () => {
  it('puts the clients of a user into rooms, without asking the guard', async () => {
    const [ann, bob] = await Promise.all([as({ user: 'ann' }), as({ user: 'bob' })]);
    const scope = await server.run(({ helper }) => helper.joinRooms({ user: 'ann', rooms: ['closed', 'other'] }));
    expect(scope).toEqual({ instances: 1, unconfirmed: [] });
    await send(server, 'closed', 'in');
    await Promise.all([ann, bob].map(settled));
    expect([ann, bob].map((client) => heardOn(client, 'note'))).toEqual([['in'], []]);
    expect(await notesOf(idOf(ann))).toEqual([expect.arrayContaining(['connected'])]);
    for (const { socket } of [ann, bob]) socket.disconnect();
  });

  it.each([
    [
      { rooms: ['a'] },
      'joinRooms(): user, session or id: expected a non-empty string of at most 255 characters, received undefined.',
    ],
    [{ user: 'a', session: 'b', rooms: ['a'] }, 'It has user and session: leave one.'],
    [{ user: 'a' }, 'joinRooms(): rooms: expected an array of 1 to 1000 room names, received undefined.'],
    [{ user: 'a', rooms: ['b', ''] }, 'joinRooms(): rooms[1]: expected a non-empty string of at most 255 characters'],
    [
      { user: 'a', rooms: ['roomgate:user:b'] },
      'joinRooms(): rooms[0]: expected a non-empty string of at most 255 characters',
    ],
  ])('%o is refused', async (opts, text) => {
    const joining = server.run(({ helper }, it) => helper.joinRooms(it as never), opts);
    await expect(joining).rejects.toThrow(text);
  });
});

// Without Redis an instance stands alone; other projects test that.
describe.runIf(SETTING.redis)('two instances', () => {
  let near: Served;
  let far: Served;
  beforeAll(async () => {
    const redis = await startRedis();
    const config = { redisPort: redis.port, options: OPTIONS };
    [near, far] = await Promise.all([
      serve({ ...config, identifier: 'near' }),
      serve({ ...config, identifier: 'far' }),
    ]);
  });

  it.each(['ann', '__proto__', '\ud800', 'a#b/*'])('share the clients of the user %j', async (user) => {
    const others = ['\ud801', '\ufffd', 'bob'];
    const at = (url: string, answer: unknown) => enter(url, { transports: ['websocket'], auth: { answer } });
    const devices = await Promise.all([at(near.url, { user, session: 's' }), at(far.url, { user, session: 's' })]);
    const strangers = await Promise.all(others.map((name) => at(far.url, { user: name, session: `of ${name}` })));
    const scope = await near.run(({ helper }, it) => helper.joinRooms({ user: it, rooms: ['closed'] }), user);
    expect(scope).toEqual({ instances: 2, unconfirmed: [] });
    await send(near, { user }, 1);
    await send(near, { session: 's' }, 2);
    await send(near, 'closed', 3);
    await near.run(async ({ roomgate, newRedis }, it) => {
      const worker = new roomgate.SocketIOEmitterHelper({ identifier: 'worker', redisConnection: newRedis() });
      await worker.configure();
      worker.send({ destination: [{ user: it }, { id: 'nobody' }], payload: { topic: 'note', data: 4 } });
      worker.send({ payload: { topic: 'note', data: 5 } });
      await worker.shutdown();
    }, user);
    for (const client of [...devices, ...strangers]) {
      await expect.poll(() => heardOn(client, 'note').includes(5), { timeout: 10_000 }).toBe(true);
    }
    for (const client of devices) expect(heardOn(client, 'note')).toEqual([1, 2, 3, 4, 5]);
    for (const client of strangers) expect(heardOn(client, 'note')).toEqual([5]);
    for (const { socket } of [...devices, ...strangers]) socket.disconnect();
  });
});
