import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RoomgateError } from '../../src/protocol/errors.js';
import { nextEvent } from '../support/facts.js';
import { connect, connectAuthenticated, settled, startServer, TRANSPORTS } from '../support/server.js';

const payloadsOf = (client: { heard: [string, unknown][] }, topic: string) =>
  client.heard.filter(([event]) => event === topic).map(([, payload]) => payload);

describe.each(TRANSPORTS.map((transports) => ({ transports: [...transports] })))(
  'over $transports',
  ({ transports }) => {
    it('reaches an id, a room, a list and everybody, each client once, in the order of the calls', async () => {
      const { helper, url } = await startServer();
      const [ann, bob, eve] = await Promise.all([1, 2, 3].map(() => connectAuthenticated(url, { transports })));
      if (ann === undefined || bob === undefined || eve === undefined) throw new Error('unreachable');
      await Promise.all([ann, bob].map(({ socket }) => socket.emitWithAck('join', { rooms: ['open-1', 'open-2'] })));
      const to = (destination: string | string[] | undefined, data: string) =>
        helper.send({ destination, payload: { topic: 'note', data } });
      to(undefined, 'everybody');
      to('open-1', 'room');
      to(ann.socket.id, 'ann');
      to(['open-1', 'open-2', eve.socket.id ?? ''], 'list');
      to('nobody', 'nobody');
      to(undefined, 'end');
      await Promise.all([ann, bob, eve].map(settled));
      expect(payloadsOf(ann, 'note')).toEqual(['everybody', 'room', 'ann', 'list', 'end']);
      expect(payloadsOf(bob, 'note')).toEqual(['everybody', 'room', 'list', 'end']);
      expect(payloadsOf(eve, 'note')).toEqual(['everybody', 'list', 'end']);
    });

    it('carries every value, and binary', async () => {
      const { helper, url } = await startServer();
      const client = await connectAuthenticated(url, { transports });
      const values = [
        0,
        false,
        '',
        null,
        undefined,
        'ü😀',
        { a: [1, { b: null }] },
        Buffer.from([1, 2, 3]),
        'x'.repeat(70_000),
      ];
      for (const data of values) helper.send({ payload: { topic: 'value', data } });
      await settled(client);
      expect(payloadsOf(client, 'value')).toEqual(values);
    });
  },
);

describe('what send() refuses', () => {
  it.each([
    ['an empty destination', { destination: '', payload: { topic: 'a', data: 1 } }, 'an empty string was given'],
    ['an empty list', { destination: [], payload: { topic: 'a', data: 1 } }, 'an empty list was given'],
    ['an empty entry', { destination: ['a', ''], payload: { topic: 'a', data: 1 } }, 'destination[1]'],
    ['a missing id', { destination: null, payload: { topic: 'a', data: 1 } }, 'null was given'],
    ['no payload', {}, 'payload'],
    ['no topic', { payload: { data: 1 } }, 'nothing was given'],
    ['an empty topic', { payload: { topic: '', data: 1 } }, 'an empty string was given'],
    ["Socket.IO's own topics", { payload: { topic: 'disconnect', data: 1 } }, 'reserved'],
    ['internal topics', { payload: { topic: 'roomgate:drain', data: 1 } }, 'reserved'],
    ['functions', { payload: { topic: 'a', data: () => {} } }, 'a function was given'],
    ['bigints', { payload: { topic: 'a', data: 1n } }, 'a bigint was given'],
  ])('%s', async (_, call, words) => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url);
    expect(() => helper.send(call as never)).toThrow(RoomgateError);
    expect(() => helper.send(call as never)).toThrow(words);
    await settled(client);
    expect(client.heard.map(([event]) => event)).toEqual(['connect', 'ping', 'authenticated']);
  });
});

describe('send()', () => {
  it('calls back once it is handed over, and not before', async () => {
    const { helper, log } = await startServer();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      helper.send({
        payload: { topic: 'a', data: 1 },
        doLog: true,
        cb: () => {
          order.push('cb');
          resolve();
        },
      });
      order.push('returned');
    });
    expect(order).toEqual(['returned', 'cb']);
    expect(log.lines).toContainEqual(expect.stringMatching(/"a" was sent to every client/));
  });

  it('logs what doLog asks for also where no logger was given', async () => {
    const { helper } = await startServer({ logger: undefined });
    const info = vi.spyOn(console, 'info').mockImplementation(() => {});
    onTestFinished(() => info.mockRestore());
    helper.send({ payload: { topic: 'quiet', data: 1 } });
    helper.send({ destination: 'room', payload: { topic: 'asked', data: 'secret' }, doLog: true });
    expect(info.mock.calls).toEqual([[expect.stringMatching(/test: "asked" was sent to room$/)]]);
  });

  it('says so where the data cannot be encoded', async () => {
    const { helper } = await startServer();
    const circle: Record<string, unknown> = {};
    circle.circle = circle;
    for (const data of [circle, { nested: 1n }]) {
      expect(() => helper.send({ payload: { topic: 'x', data } })).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }),
      );
    }
  });

  it('reports a callback that throws', async () => {
    const { helper, log } = await startServer();
    helper.send({
      payload: { topic: 'a', data: 1 },
      cb: () => {
        throw new Error('late');
      },
    });
    await new Promise<void>((resolve) => helper.send({ payload: { topic: 'a', data: 1 }, cb: resolve }));
    expect(log.loud).toEqual([expect.stringContaining('late')]);
  });

  it('does not reach who is not authenticated, nor does any raw way of Socket.IO', async () => {
    const { helper, url } = await startServer();
    const io = helper.getIOServer();
    const stranger = connect(url);
    await stranger.heardOf('connect');
    const id = stranger.socket.id ?? '';
    const member = await connectAuthenticated(url);
    io.in(id).socketsJoin('open');
    helper.getClients({ id })?.socket.join('open');
    helper.send({ payload: { topic: 'x', data: 1 } });
    helper.send({ destination: [id, 'open'], payload: { topic: 'x', data: 1 } });
    io.emit('x');
    io.to(id).emit('x');
    io.to('open').emit('x');
    io.local.emit('x');
    io.except('nobody').emit('x');
    expect(
      await io
        .timeout(5_000)
        .emitWithAck('leave?')
        .catch(() => 'unanswered'),
    ).toBe('unanswered');
    expect((await io.fetchSockets()).map((socket) => socket.id)).toEqual([member.socket.id]);
    // Deliberate: on that very socket.
    helper.getClients({ id })?.socket.emit('deliberate', 1);
    expect(await stranger.heardOf('deliberate')).toBe(1);
    expect(stranger.heard.map(([event]) => event)).toEqual(['connect', 'deliberate']);
  }, 20_000);

  it('reaches rooms that the program gave before authentication, from then on', async () => {
    const { helper, url } = await startServer();
    helper.on<[{ join(room: string): void }]>({ topic: 'connection', handler: (socket) => socket.join('early') });
    const client = await connectAuthenticated(url);
    helper.send({ destination: 'early', payload: { topic: 'hello', data: 1 } });
    expect(await client.heardOf('hello')).toBe(1);
  });
});

describe('events that come in', () => {
  it('reach nobody before authentication, and everybody after it', async () => {
    const seen: string[] = [];
    const { helper, url } = await startServer();
    const io = helper.getIOServer();
    io.use((socket, next) => {
      socket.onAny((event) => seen.push(`any ${event}`));
      next();
    });
    io.on('connection', (socket) => {
      socket.use(([event], next) => {
        seen.push(`use ${event}`);
        next();
      });
      socket.on('note', (_, acknowledge) => {
        seen.push('on note');
        acknowledge?.('answered');
      });
    });
    const client = connect(url, { auth: { token: 'good' } });
    await client.heardOf('connect');
    const answers: unknown[] = [];
    client.socket.emit('note', 1, (answer: unknown) => answers.push(answer));
    client.socket.emit('note', Buffer.from('x'), (answer: unknown) => answers.push(answer));
    client.socket.emit('join', { rooms: ['open'] }, (answer: unknown) => answers.push(answer));
    client.socket.emit('authenticate', (answer: unknown) => answers.push(answer));
    await client.heardOf('authenticated');
    expect(seen).toEqual(['any authenticate', 'use authenticate']);
    expect(await client.socket.emitWithAck('note', 2)).toBe('answered');
    expect(seen.slice(2)).toEqual(['any note', 'use note', 'on note']);
    expect(answers).toEqual([]);
  });

  it('are dropped when they nest too deeply, and the client stays', async () => {
    const { helper, url, log } = await startServer();
    helper.getIOServer().on('connection', (socket) => socket.on('echo', (data) => socket.emit('echo', data)));
    const client = await connectAuthenticated(url);
    const nest = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    client.socket.emit('echo', nest(64));
    client.socket.emit('echo', nest(65));
    client.socket.emit('echo', nest(2_000));
    await settled(client);
    expect(payloadsOf(client, 'echo')).toEqual([nest(64)]);
    expect(log.lines.filter((line) => line.includes('too_deep'))).toHaveLength(2);
  });
});

describe('before configure()', () => {
  it('everything that needs a server says so', async () => {
    const { SocketIOServerHelper } = await import('../../src/server/server-helper.js');
    const { createServer } = await import('node:http');
    const helper = new SocketIOServerHelper({
      runtime: 'node',
      server: createServer(),
      identifier: 'a',
      serverOptions: {},
      authenticateFn: () => true,
    });
    for (const call of [
      () => helper.getIOServer(),
      () => helper.on({ topic: 'x', handler: () => {} }),
      () => helper.send({ payload: { topic: 'x', data: 1 } }),
      () => helper.getEmitter(),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'not_configured' }));
    }
    expect(() => helper.getEngine()).toThrow(expect.objectContaining({ code: 'unsupported' }));
    expect(helper.getClients().size).toBe(0);
    await helper.shutdown();
    await helper.configure();
    await helper.configure();
    expect(() => helper.getEmitter()).toThrow(expect.objectContaining({ code: 'unsupported' }));
    await helper.shutdown();
  });
});

describe('on()', () => {
  it('listens on the server, and contains what its handler throws', async () => {
    const { helper, url, log } = await startServer();
    helper.on({
      topic: 'connection',
      handler: async () => {
        throw new Error('in a handler');
      },
    });
    const seen = nextEvent(helper.getIOServer(), 'connection');
    await connectAuthenticated(url);
    await seen;
    expect(log.loud).toEqual([expect.stringMatching(/the handler of "connection" failed.*in a handler/)]);
    expect(() => helper.on({ topic: '', handler: () => {} })).toThrow('topic');
    expect(() => helper.on({ topic: 'x' } as never)).toThrow('handler');
  });
});
