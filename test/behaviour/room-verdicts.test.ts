// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { TestClient } from '../support/server.js';
import { enter, idOf, type Served, serve } from './program.js';

let server: Served;

beforeAll(async () => {
  server = await serve({
    options: ({ roomgate, memory, note }) => ({
      guardTimeout: 200,
      authenticateFn: ({ auth }) => (auth.token === 'good' ? { user: auth.user ?? 'ann' } : false),
      validateRoomFn: roomgate.roomGuards({
        'public/:name': () => true,
        'user/:id': ({ params, identity }) => params.id === identity?.user,
        'team/:team': async ({ params }) =>
          memory.closed === params.team
            ? { refused: 'closed', message: 'This team is closed.', retry: true }
            : { until: Date.now() + 60_000 },
        'timed/:ms': ({ params }) => ({ until: Date.now() + Number(memory.ms ?? params.ms) }),
        'broken/:name': () => {
          throw new Error('the database is down');
        },
        'bad/:name': ({ signal }) => {
          signal.addEventListener('abort', () => {
            throw new Error('of a listener');
          });
          return new Promise(() => {});
        },
        'stuck/:name': ({ signal, socket }) => {
          signal.addEventListener('abort', () => note(['aborted', socket.id, signal.reason.code]));
          return new Promise(() => {});
        },
      }),
    }),
  });
});

const ask = (client: TestClient, event: 'join' | 'leave', rooms: string[]) =>
  client.socket.timeout(5_000).emitWithAck(event, { rooms });

const roomsOf = (client: TestClient): Promise<string[]> =>
  server.run(
    ({ helper }, id) => [...(helper.getClients({ id })?.socket.rooms ?? [])].filter((room) => room.includes('/')),
    idOf(client),
  );

describe('roomGuards()', () => {
  it('decides for each room by its pattern and the identity', async () => {
    const client = await enter(server.url, { auth: { token: 'good', user: 'bob' } });
    const rooms = ['public/news', 'user/bob', 'user/ann', 'team/red', 'broken/a', 'other/x', 'public/a/b'];
    const { joined, refused } = await ask(client, 'join', rooms);
    expect(joined).toEqual(['public/news', 'user/bob', 'team/red']);
    expect(refused.map(({ room, code }: { room: string; code: string }) => [room, code])).toEqual([
      ['user/ann', 'not_allowed'],
      ['broken/a', 'guard_failed'],
      ['other/x', 'not_allowed'],
      ['public/a/b', 'not_allowed'],
    ]);
    const lines = await server.run((inside) => inside.lines);
    expect(lines).toContainEqual(expect.stringMatching(/^error: .*validateRoomFn failed .*the database is down/));
  });

  it("refuses with the program's code, and puts out a client that asks again for its room", async () => {
    const client = await enter(server.url);
    await ask(client, 'join', ['team/blue', 'public/x']);
    await server.run(({ memory }) => {
      memory.closed = 'blue';
    });
    expect(await ask(client, 'join', ['team/blue'])).toEqual({
      joined: [],
      refused: [{ room: 'team/blue', code: 'closed', message: 'This team is closed.', retry: true }],
    });
    expect(await roomsOf(client)).toEqual(['public/x']);
  });
});

describe('guardTimeout', () => {
  it('refuses the rooms of a guard that does not settle, aborts its signal, and frees its client', async () => {
    const client = await enter(server.url);
    const answers = await Promise.all(Array.from({ length: 70 }, (_, n) => ask(client, 'join', [`stuck/${n}`])));
    for (const { joined, refused } of answers) {
      expect([joined, refused]).toMatchObject([[], [{ code: 'guard_failed' }]]);
    }
    expect((await server.notes()).at(-1)).toEqual(['aborted', idOf(client), 'timed_out']);
    expect((await ask(client, 'join', ['public/after'])).joined).toEqual(['public/after']);
    const lines = await server.run((inside) => inside.lines);
    expect(lines).toContainEqual(
      expect.stringMatching(/^warn: .*validateRoomFn has not settled within 200 ms for client/),
    );
  });

  it('reports what a listener of its signal throws', async () => {
    const client = await enter(server.url);
    expect((await ask(client, 'join', ['bad/x'])).refused).toMatchObject([{ code: 'guard_failed' }]);
    await eventually(async () => {
      const lines = await server.run((inside) => inside.lines);
      expect(lines).toContainEqual(expect.stringMatching(/^error: .*validateRoomFn failed .*of a listener/));
    });
  });

  it('does not delay the abort of a client that has left', async () => {
    const client = await enter(server.url);
    const id = idOf(client);
    client.socket.emit('join', { rooms: ['stuck/gone'] });
    await ask(client, 'join', ['public/z']);
    client.socket.disconnect();
    for (;;) {
      const note = (await server.note()) as string[];
      if (note[1] !== id) continue;
      expect(note).toEqual(['aborted', id, 'disconnected']);
      break;
    }
  });
});

const left = ({ heard }: TestClient) => heard.filter(([event]) => event === 'roomgate:left').map(([, it]) => it);

describe('revalidate()', () => {
  it('puts out those who are refused now, tells them why, and leaves the rest alone', async () => {
    const ann = await enter(server.url, { auth: { token: 'good', user: 'ann' } });
    const bob = await enter(server.url, { auth: { token: 'good', user: 'bob' } });
    for (const client of [ann, bob]) await ask(client, 'join', ['team/green', 'public/a']);
    await server.run(({ helper }, id) => helper.getClients({ id })?.socket.join('team/assigned'), idOf(ann));
    await server.run(({ memory }) => {
      memory.closed = 'green';
    });
    const scope = await server.run(({ helper }) => helper.revalidate({ user: 'ann' }));
    expect(scope).toEqual({ instances: 1, unconfirmed: [], left: 1 });
    expect(await roomsOf(ann)).toEqual(['public/a', 'team/assigned']);
    expect(await roomsOf(bob)).toEqual(['team/green', 'public/a']);
    await server.run(({ helper }) => helper.send({ destination: 'team/green', payload: { topic: 'news', data: 1 } }));
    await ask(ann, 'leave', []);
    const lost = { room: 'team/green', code: 'closed', message: 'This team is closed.', retry: true };
    expect(left(ann)).toEqual([{ rooms: [lost] }]);
    expect(ann.heard.map(([event]) => event)).not.toContain('news');
    expect(await server.run(({ helper }) => helper.revalidate({ room: 'team/green' }))).toMatchObject({ left: 1 });
    expect(await roomsOf(bob)).toEqual(['public/a']);
    await server.run(({ memory }) => {
      memory.closed = undefined;
    });
    expect((await ask(ann, 'join', ['team/green'])).joined).toEqual(['team/green']);
  });

  it.each([
    [
      {},
      /^RoomgateError: revalidate\(\): user or room: expected a non-empty string of at most 255 characters, .*Write revalidate\({ room: "team\/7" }\)/,
    ],
    [{ rooms: ['a'] }, /revalidate\(\): "rooms" does not exist/],
    [{ room: '' }, /revalidate\(\): room: expected a non-empty string/],
    [{ user: 1 }, /revalidate\(\): user: expected a non-empty string of at most 255 characters, received 1/],
    [{ user: 'ann', timeout: -1 }, /revalidate\(\): timeout: expected a number of milliseconds/],
  ])('refuses %o', async (opts, text) => {
    await expect(server.run(({ helper }, it) => helper.revalidate(it as never), opts)).rejects.toThrow(text);
  });
});

describe('until', () => {
  const EXPIRED = (room: string) => ({ rooms: [{ room, code: 'room_expired', message: expect.any(String) }] });
  const news = ({ heard }: TestClient) => heard.filter(([event]) => event === 'news').map(([, it]) => it);

  it('puts the client out at that moment, and tells it', async () => {
    const client = await enter(server.url);
    const begun = performance.now();
    await ask(client, 'join', ['timed/1000', 'public/stays']);
    await eventually(() => expect(left(client)).toEqual([EXPIRED('timed/1000')]));
    expect(performance.now() - begun).toBeGreaterThan(990);
    expect(await roomsOf(client)).toEqual(['public/stays']);
    expect((await ask(client, 'join', ['timed/60000'])).joined).toEqual(['timed/60000']);
  });

  it.each(['the timer is late', 'the clock is set forward'])('lets no message through if %s', async (how) => {
    const client = await enter(server.url);
    const room = 'timed/60000';
    await ask(client, 'join', [room]);
    await server.run(
      async ({ helper, io, memory }, it, isLate) => {
        if (isLate) {
          // From here on, so that a slow machine loses nothing of that time.
          memory.ms = 600;
          await helper.revalidate({ room: it });
          memory.ms = undefined;
        }
        helper.send({ destination: it, payload: { topic: 'news', data: 'in time' } });
        const { now } = Date;
        if (isLate) {
          const end = performance.now() + 620;
          while (performance.now() < end);
        } else Date.now = () => now() + 61_000;
        // All in one tick, in which no timer can run.
        helper.send({ destination: it, payload: { topic: 'news', data: 'late' } });
        helper.send({ destination: [it, 'other'], payload: { topic: 'news', data: 'late' } });
        io.to(it).except('other').emit('news', 'late');
        io.to(it)
          .timeout(1_000)
          .emit('news', 'late', () => {});
        Date.now = now;
      },
      room,
      how === 'the timer is late',
    );
    await eventually(() => expect(left(client)).toEqual([EXPIRED(room)]));
    await ask(client, 'leave', []);
    expect(news(client)).toEqual(['in time']);
  });

  it('is replaced by a later verdict, of a join or a recheck, and forgotten with the room', async () => {
    const client = await enter(server.url);
    // Long enough for the next steps on a busy machine.
    await ask(client, 'join', ['timed/1250', 'timed/1251', 'timed/1252', 'timed/1253']);
    await server.run(({ memory }) => {
      memory.ms = 60_000;
    });
    await ask(client, 'join', ['timed/1250']);
    await server.run(({ helper }) => helper.revalidate({ room: 'timed/1251' }));
    await ask(client, 'leave', ['timed/1252']);
    await eventually(() => expect(left(client)).toEqual([EXPIRED('timed/1253')]));
    // The others would have ended before.
    expect(await roomsOf(client)).toEqual(['timed/1250', 'timed/1251']);
    await server.run(({ helper, memory }) => {
      memory.ms = 100;
      return helper.revalidate({ user: 'ann' });
    });
    await eventually(() => expect(left(client)).toHaveLength(3));
    expect(await roomsOf(client)).toEqual([]);
    await server.run(({ memory }) => {
      memory.ms = undefined;
    });
  });

  it('does not end the stay in a room that the program has put the client into', async () => {
    const client = await enter(server.url);
    await server.run(({ helper }, id) => helper.getClients({ id })?.socket.join('timed/1000'), idOf(client));
    expect((await ask(client, 'join', ['timed/1000', 'timed/1001'])).joined).toHaveLength(2);
    await eventually(() => expect(left(client)).toEqual([EXPIRED('timed/1001')]));
    expect(await roomsOf(client)).toEqual(['timed/1000']);
  });
});
