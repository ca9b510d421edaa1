// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { connectAuthenticated } from '../support/server.js';
import { enter, heardOn, idOf, type Served, serveForAll, WAYS } from './program.js';

const ID = /^rg--[\w-]{16}$/;

const served = serveForAll({
  options: ({ note }) => ({
    // The least careful guard: it allows every room.
    validateRoomFn: ({ rooms }) => rooms,
    clientConnectedFn: ({ socket }) => {
      socket.onAny((event) => note(event));
      socket.on('roomgate:probe', () => note('a handler'));
    },
  }),
});

const send = (server: Served, destination: string, data: unknown) =>
  server.run(
    ({ helper }, to, what) => helper.send({ destination: to, payload: { topic: 'private', data: what } }),
    destination,
    data,
  );

describe.each(WAYS)('over $way', ({ transports }) => {
  it('an id has a reserved form, and names a room with only its client in it', async () => {
    const [one, two] = [await enter(served().url, { transports }), await enter(served().url, { transports })];
    expect(idOf(one)).toMatch(ID);
    expect(idOf(one)).not.toBe(idOf(two));
    const rooms = await served().run(
      ({ helper }, id) => [...(helper.getClients({ id })?.socket.rooms ?? [])],
      idOf(one),
    );
    expect(rooms).toEqual([idOf(one), 'io-default', 'io-notification']);
    await send(served(), idOf(one), 1);
    await served().run(({ io }, id) => void io.to(id).emit('private', 2), idOf(one));
    await served().run(({ io }, id) => void io.sockets.sockets.get(id)?.emit('private', 3), idOf(one));
    expect(await one.socket.timeout(5_000).emitWithAck('leave', { rooms: [] })).toBeDefined();
    expect(heardOn(one, 'private')).toEqual([1, 2, 3]);
    expect(heardOn(two, 'private')).toEqual([]);
    expect(
      await served().run(async ({ io }, id) => (await io.in(id).fetchSockets()).map((it) => it.id), idOf(one)),
    ).toEqual([idOf(one)]);
  });
});

it('join and leave refuse every room of that form, in use or not', async () => {
  const [victim, attacker] = [await enter(served().url), await enter(served().url)];
  const gone = await connectAuthenticated(served().url);
  const goneId = idOf(gone);
  gone.socket.disconnect();
  const ids = [idOf(victim), idOf(attacker), goneId, 'rg--AAAAAAAAAAAAAAAA', 'rg--________________'];
  for (const event of ['join', 'leave']) {
    const answer = await attacker.socket.timeout(5_000).emitWithAck(event, { rooms: [...ids, 'open'] });
    const refused = (answer.refused as { room: string; code: string }[]).map(({ room, code }) => [room, code]);
    expect(refused).toEqual(ids.map((id) => [id, 'socket_id']));
  }
  for (const id of ids) await send(served(), id, id);
  await attacker.socket.timeout(5_000).emitWithAck('leave', { rooms: [] });
  expect(heardOn(attacker, 'private')).toEqual([idOf(attacker)]);
});

it('rooms that only resemble an id can be joined', async () => {
  const client = await enter(served().url);
  const rooms = [
    'rg--short',
    'rg--AAAAAAAAAAAAAAAAA',
    'RG--AAAAAAAAAAAAAAAA',
    'rg--AAAAAAAAAAAAAAA!',
    'kR3NtJ5vYp0QxW8zLm2A',
  ];
  expect(await client.socket.timeout(5_000).emitWithAck('join', { rooms })).toEqual({ joined: rooms, refused: [] });
});

it('reserved names are refused as destinations, rooms and events', async () => {
  const client = await enter(served().url);
  for (const destination of ['roomgate:probe:AAAAAAAAAAAAAAAA', 'roomgate:']) {
    await expect(send(served(), destination, 1)).rejects.toThrow(/destination: "roomgate:.*" is reserved/);
  }
  const answer = await client.socket.timeout(5_000).emitWithAck('join', { rooms: ['roomgate:x'] });
  expect(answer.refused).toMatchObject([{ code: 'reserved_name' }]);
  for (const event of ['roomgate:probe', 'roomgate:ids', 'roomgate:']) client.socket.emit(event, 1);
  client.socket.emit('ordinary', 1);
  await client.socket.timeout(5_000).emitWithAck('leave', { rooms: [] });
  expect((await served().notes()).filter((note) => note !== 'join' && note !== 'leave').slice(-1)).toEqual([
    'ordinary',
  ]);
  expect(await served().notes()).not.toContain('roomgate:probe');
  expect(await served().notes()).not.toContain('a handler');
});
