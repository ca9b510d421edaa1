// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { settled, type TestClient } from '../support/server.js';
import { enter, heardOn, idOf, type Served, serve, WAYS } from './program.js';

let server: Served;

beforeAll(async () => {
  server = await serve({
    options: ({ note, memory }) => ({
      validateRoomFn: async ({ socket, rooms }) => {
        note([socket.id, rooms, socket.rooms.has(socket.id)]);
        if (!rooms.includes('open-late')) return rooms.filter((room) => room.startsWith('open'));
        await new Promise((resolve) => {
          memory.decide = resolve;
        });
        return rooms;
      },
    }),
  });
});

const ask = (client: TestClient, event: 'join' | 'leave', rooms: string[]): Promise<unknown> =>
  client.socket.timeout(5_000).emitWithAck(event, { rooms });

const roomsOf = (client: TestClient) =>
  server.run(({ helper }, id) => [...(helper.getClients({ id })?.socket.rooms ?? [])], idOf(client));

const NOT_ALLOWED = { code: 'not_allowed', message: expect.any(String) };
const DEFAULTS = ['io-default', 'io-notification'];

describe.each(WAYS)('over $way', ({ transports }) => {
  it('join and leave acknowledge the result for each room, after it has taken effect', async () => {
    const client = await enter(server.url, { transports });
    expect(await ask(client, 'join', ['open-a', 'closed', 'open-b', 'open-a'])).toEqual({
      joined: ['open-a', 'open-b'],
      refused: [{ room: 'closed', ...NOT_ALLOWED }],
    });
    expect(await roomsOf(client)).toEqual([idOf(client), ...DEFAULTS, 'open-a', 'open-b']);
    expect((await server.notes()).at(-1)).toEqual([idOf(client), ['open-a', 'closed', 'open-b'], true]);
    expect(await ask(client, 'leave', ['open-a', 'io-default', 'never'])).toEqual({
      left: ['open-a', 'io-default', 'never'],
      refused: [],
    });
    expect(await roomsOf(client)).toEqual([idOf(client), 'io-notification', 'open-b']);
  });

  it('a room delivers messages after the answer to join, and none after the answer to leave', async () => {
    const client = await enter(server.url, { transports });
    const send = (data: string) =>
      server.run(
        ({ helper }, it) => helper.send({ destination: 'open-c', payload: { topic: 'news', data: it } }),
        data,
      );
    await send('too early');
    await ask(client, 'join', ['open-c']);
    await send('now');
    await client.heardOf('news');
    await ask(client, 'leave', ['open-c']);
    await send('too late');
    await settled(client);
    expect(heardOn(client, 'news')).toEqual(['now']);
  });

  it('both work without an acknowledgement, for older clients', async () => {
    const client = await enter(server.url, { transports });
    client.socket.emit('join', { rooms: ['open-d'] });
    client.socket.emit('leave', { rooms: ['io-default'] });
    await eventually(async () => expect(await roomsOf(client)).toEqual([idOf(client), 'io-notification', 'open-d']));
  });
});

describe('rooms', () => {
  it('that the program joins and leaves apply to the client too', async () => {
    const client = await enter(server.url);
    await server.run(async ({ helper }, id) => {
      const { socket } = helper.getClients({ id }) ?? {};
      await socket?.join(['closed-1', 'closed-2', 'closed-3']);
      socket?.leave('closed-2');
      helper.send({ destination: 'closed-1', payload: { topic: 'news', data: 1 } });
      helper.send({ destination: 'closed-2', payload: { topic: 'news', data: 2 } });
    }, idOf(client));
    await settled(client);
    expect(await roomsOf(client)).toEqual([idOf(client), ...DEFAULTS, 'closed-1', 'closed-3']);
    expect(heardOn(client, 'news')).toEqual([1]);
    // It may leave rooms that the program added it to.
    expect(await ask(client, 'leave', ['closed-1'])).toMatchObject({ left: ['closed-1'] });
  });

  it('are not joined if the client is gone before the verdict', async () => {
    const client = await enter(server.url);
    const id = idOf(client);
    client.socket.emit('join', { rooms: ['open-late'] });
    await eventually(() => server.run(({ memory }) => memory.decide !== undefined));
    client.socket.disconnect();
    await eventually(() => server.run(({ helper }, it) => helper.getClients({ id: it }) === undefined, id));
    await server.run(({ memory }) => memory.decide());
    expect(await server.run(({ io }) => io.sockets.adapter.rooms.has('open-late'))).toBe(false);
  });

  it.each(['socket.leave', 'socketsLeave', 'socketsLeave of everybody'])(
    'are not joined if the program removes the client from them meanwhile, by %s',
    async (how) => {
      const client = await enter(server.url);
      await server.run(({ memory }) => {
        memory.decide = undefined;
      });
      const answer = ask(client, 'join', ['open-late', 'open-kept']);
      await eventually(() => server.run(({ memory }) => memory.decide !== undefined));
      await server.run(
        ({ io, helper }, id, which) => {
          const socket = helper.getClients({ id })?.socket;
          socket?.join('marker');
          if (which === 'socket.leave') for (const room of ['open-late', 'marker']) socket?.leave(room);
          else if (which === 'socketsLeave') io.in(id).socketsLeave(['open-late', 'marker']);
          else io.socketsLeave(['open-late', 'marker']);
        },
        idOf(client),
        how,
      );
      // Redis delivers it to every instance, this one included.
      await eventually(async () => expect(await roomsOf(client)).not.toContain('marker'));
      await server.run(({ memory }) => memory.decide());
      expect(await answer).toMatchObject({ joined: ['open-kept'], refused: [{ room: 'open-late', code: 'left' }] });
      expect(await roomsOf(client)).not.toContain('open-late');
    },
  );

  it('are joined again by a client that leaves and joins in one tick', async () => {
    const client = await enter(server.url);
    await ask(client, 'join', ['open-twice']);
    const left = ask(client, 'leave', ['open-twice']);
    expect(await ask(client, 'join', ['open-twice'])).toMatchObject({ joined: ['open-twice'] });
    await left;
    expect(await roomsOf(client)).toContain('open-twice');
  });

  it('are all refused without validateRoomFn', async () => {
    const own = await serve({ options: () => ({ validateRoomFn: undefined }) });
    const client = await enter(own.url);
    expect(await ask(client, 'join', ['open', 'io-default'])).toEqual({
      joined: [],
      refused: [
        { room: 'open', ...NOT_ALLOWED },
        { room: 'io-default', ...NOT_ALLOWED },
      ],
    });
  });

  it('are limited by the option `limits`', async () => {
    const own = await serve({
      options: () => ({ limits: { roomsPerRequest: 3, roomsPerClient: 3, roomNameLength: 8 } }),
    });
    const client = await enter(own.url);
    const codes = (answer: unknown) => (answer as { refused: { code: string }[] }).refused.map(({ code }) => code);
    expect(codes(await ask(client, 'join', ['open1', 'open2', 'open3', 'open4']))).toContain('too_many_rooms');
    expect(await ask(client, 'join', ['open1', 'open2', 'open3'])).toMatchObject({
      joined: ['open1', 'open2', 'open3'],
    });
    // Its own room and the default rooms don't count.
    expect(codes(await ask(client, 'join', ['open4']))).toEqual(['room_limit']);
    await ask(client, 'leave', ['open1']);
    expect(await ask(client, 'join', ['open6789'])).toMatchObject({ joined: ['open6789'] });
    await ask(client, 'leave', ['open2']);
    expect(codes(await ask(client, 'join', ['open67890']))).toEqual(['name_too_long']);
  });
});
