// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { connect } from '../support/server.js';
import { SETTING } from '../support/setting.js';
import { enter, heardOn, idOf, type Served, serve, stranger, WAYS } from './program.js';

let server: Served;

beforeAll(async () => {
  server = await serve({
    before: ({ helper, memory }) => {
      const call = (act: () => unknown): string => {
        try {
          act();
          return 'done';
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      memory.before = [
        call(() => helper.getIOServer()),
        call(() => helper.on({ topic: 'x', handler: () => {} })),
        call(() => helper.send({ payload: { topic: 'x', data: 1 } })),
        call(() => helper.getEmitter()),
        helper.getClients().size,
        helper.getClients({}).size,
        helper.getClients({ id: 'nobody' }) === undefined,
      ];
    },
  });
  await server.run(({ helper, io, note }) => {
    io.use((socket, next) => {
      const { auth, address } = socket.handshake;
      if (auth.middleware !== 'refuses') return next();
      return next(Object.assign(new Error(`not from ${address}`), { data: { code: 7 } }));
    });
    helper.on<[import('socket.io').Socket]>({
      topic: 'connection',
      handler: (socket) => {
        note(['connection', socket.id, helper.getClients({ id: socket.id })?.state]);
        if (socket.handshake.auth.handler === 'fails') throw new Error('in a handler');
      },
    });
    const other = io.of('/other');
    other.use((socket, next) => (socket.handshake.auth.closed ? next(new Error('closed')) : next()));
    other.on('connection', (socket) => {
      socket.join('room');
      socket.on('hello', (answer) => answer(`${socket.nsp.name} ${socket.handshake.address}`));
    });
    io.of(/^\/dynamic-\d+$/).on('connection', (socket) => socket.emit('name', socket.nsp.name));
  });
});

describe('before configure()', () => {
  it('methods that need a server throw an error that explains it, and there are no clients', async () => {
    const before = await server.run(({ memory }) => memory.before);
    expect(before).toEqual([...Array(4).fill('not_configured'), 0, 0, true]);
  });

  it('shutdown() and a second configure() are harmless, and configure() after shutdown() is refused', async () => {
    const outcome = await server.run(async ({ make }) => {
      const { helper } = await make();
      await helper.shutdown();
      await helper.configure();
      const io = helper.getIOServer();
      await helper.configure();
      const isSame = helper.getIOServer() === io;
      await helper.shutdown();
      return [isSame, await helper.configure().catch(({ code }: { code: string }) => code)];
    });
    expect(outcome).toEqual([true, 'shut_down']);
  });
});

describe('on()', () => {
  it('rejects a wrong topic or handler', async () => {
    const codes = await server.run(({ helper }) =>
      [{ topic: '', handler: () => {} }, { topic: 'x' }, undefined].map((wrong) => {
        try {
          helper.on(wrong as never);
          return 'done';
        } catch (error) {
          return (error as { code: string }).code;
        }
      }),
    );
    expect(codes).toEqual(Array(3).fill('invalid_argument'));
  });
});

describe('getEngine() and getEmitter()', () => {
  it('return the objects of this runtime and backplane, and throw an error that explains a missing one', async () => {
    const engine = await server.run(({ helper }) => {
      try {
        const { clients } = helper.getEngine() as { clients: unknown };
        return clients instanceof Map;
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    expect(engine).toBe(SETTING.runtime === 'bun' ? true : 'unsupported');
    const client = await enter(server.url);
    const emitted = await server.run(({ helper }, id) => {
      try {
        helper.getEmitter().to(id).emit('emitted', 1);
        return true;
      } catch (error) {
        return (error as { code: string }).code;
      }
    }, idOf(client));
    expect(emitted).toBe(SETTING.redis ? true : 'unsupported');
    if (SETTING.redis) expect(await client.heardOf('emitted')).toBe(1);
  });
});

describe.each(WAYS)('over $way', ({ transports }) => {
  it('getClients() is the map of this instance’s clients, authenticated or not', async () => {
    const [outside, inside] = [await stranger(server.url, { transports }), await enter(server.url, { transports })];
    const clients = await server.run(({ helper, io }) => {
      const all = [...helper.getClients()];
      return all.map(([key, { id, state, socket, interval }]) => ({
        state,
        id,
        fits: key === id && socket.id === id && io.sockets.sockets.get(id) === socket,
        interval: interval ?? null,
      }));
    });
    const found = (id: string) => clients.find((client) => client.id === id);
    expect(found(idOf(outside))).toMatchObject({ state: 'unauthorized', fits: true, interval: null });
    expect(found(idOf(inside))).toMatchObject({ state: 'authenticated', fits: true });
  });

  it('on() listens on the server, and errors of its handler are contained and reported', async () => {
    const client = await enter(server.url, { transports, auth: { token: 'good', handler: 'fails' } });
    expect(await server.notes()).toContainEqual(['connection', idOf(client), 'unauthorized']);
    const lines = await server.run(({ lines }) => lines.splice(0).filter((line) => line.startsWith('error')));
    expect(lines).toEqual([expect.stringMatching(/the handler of "connection" failed.*in a handler/s)]);
  });

  it('io.use() refuses with a message and data, and accepted clients go on to authenticate', async () => {
    const refused = connect(server.url, { transports, auth: { token: 'good', middleware: 'refuses' } });
    const error = new Promise<Error & { data?: unknown }>((resolve) => refused.socket.on('connect_error', resolve));
    expect(await error).toMatchObject({ message: 'not from 127.0.0.1', data: { code: 7 } });
    await enter(server.url, { transports });
  });

  it('namespaces of the program work on the connection that `/` uses', async () => {
    const client = await enter(server.url, { transports });
    const { io: manager } = client.socket;
    const other = manager.socket('/other', { auth: {} });
    expect(await other.timeout(5_000).emitWithAck('hello')).toBe('/other 127.0.0.1');
    const dynamic = manager.socket('/dynamic-12', { auth: {} });
    const name = new Promise((resolve) => dynamic.once('name', resolve));
    expect(await name).toBe('/dynamic-12');
    for (const [namespace, auth, words] of [
      ['/other', { closed: true }, 'closed'],
      ['/nowhere', {}, 'Invalid namespace'],
    ] as const) {
      const socket = connect(`${server.url}${namespace}`, { transports, auth }).socket;
      const error = new Promise<Error>((resolve) => socket.on('connect_error', resolve));
      expect((await error).message).toBe(words);
    }
    await server.run(({ io, helper }) => {
      io.of('/other').to('room').emit('heard', 'there');
      helper.send({ payload: { topic: 'heard', data: 'here' } });
    });
    expect(await client.heardOf('heard')).toBe('here');
    other.disconnect();
    await eventually(() => server.run(({ io }) => io.of('/other').sockets.size === 0));
    expect(heardOn(client, 'disconnect')).toEqual([]);
  });

  it('the raw server counts its clients, fetches its sockets, and disconnects them', async () => {
    const client = await enter(server.url, { transports });
    const outside = await stranger(server.url, { transports });
    const fetched = await server.run(async ({ io }) =>
      (await io.fetchSockets()).map(({ id, rooms }) => [id, [...rooms]]),
    );
    expect(fetched).toContainEqual([idOf(client), [idOf(client), 'io-default', 'io-notification']]);
    expect(fetched.map(([id]) => id)).not.toContain(idOf(outside));
    expect(await server.run(({ io }) => io.engine.clientsCount)).toBeGreaterThanOrEqual(2);
    const id = idOf(client);
    await server.run(({ io }, it) => io.in(it).disconnectSockets(true), id);
    expect(await client.heardOf('disconnect')).toBe('io server disconnect');
    await eventually(() => server.run(({ helper }, it) => helper.getClients({ id: it }) === undefined, id));
  });
});
