// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { TestClient } from '../support/server.js';
import { enter, idOf, type Served, serve } from './program.js';

const ask = (client: TestClient, topic: string, ...args: unknown[]) =>
  client.socket.timeout(5_000).emitWithAck(topic, ...args);

const error = (code: string, more: object = {}) => ({
  'roomgate:error': { code, message: expect.any(String), ...more },
});

let server: Served;

beforeAll(async () => {
  server = await serve({
    options: ({ memory }) => ({
      authenticateFn: ({ auth }) => (auth.user === undefined ? auth.token === 'good' : { user: auth.user }),
      handlerTimeout: 2_000,
      limits: { requestsInFlight: 3 },
      // Handlers of handle() do not wait for it.
      clientConnectedFn: async ({ socket }) => {
        if (socket.handshake.auth.slow) await new Promise((letIn) => Object.assign(memory, { letIn }));
        socket.on('raw', () => memory.raw?.push('raw'));
      },
      onReport: (report) => {
        memory.reports ??= [];
        if (/^handler_|^event_refused/.test(report.type)) memory.reports.push(report);
      },
    }),
    before: ({ helper, roomgate, memory, note }) => {
      const { ClientError } = roomgate;
      const fail = () => {
        throw new Error('secret');
      };
      helper.handle({ topic: 'echo', handler: ({ data }) => data });
      helper.handle({ topic: 'whoami', handler: async ({ identity, socket }) => [identity?.user ?? null, socket.id] });
      helper.handle({ topic: 'throws', handler: fail });
      helper.handle({ topic: 'rejects', handler: async () => fail() });
      const hostile = (kind: string): unknown => {
        const trap = () => fail();
        if (kind === 'proxy') return new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap });
        const revocable = Proxy.revocable({}, {});
        revocable.revoke();
        if (kind === 'revoked proxy') return revocable.proxy;
        const made = new Error();
        for (const name of ['message', 'stack', 'name', 'code', Symbol.for('roomgate.ClientError')])
          Object.defineProperty(made, name, { get: trap });
        return made;
      };
      helper.handle({
        topic: 'throws hostile',
        handler: ({ data }) => {
          throw hostile(data);
        },
      });
      helper.handle({ topic: 'rejects hostile', handler: async ({ data }) => Promise.reject(hostile(data)) });
      helper.handle({ topic: 'returns hostile', handler: async ({ data }) => [hostile(data)] });
      helper.handle({
        topic: 'rejected room',
        memberOf: (async () => fail()) as never,
        handler: () => note('reached'),
      });
      helper.handle({ topic: 'bigint', handler: () => ({ list: [1n] }) });
      helper.handle({
        topic: 'circular',
        handler: async () => {
          const it: { self?: object } = {};
          it.self = it;
          return it;
        },
      });
      for (const [topic, result] of Object.entries({
        map: new Map([['a', 1]]),
        set: new Set([1]),
        error: new Error('of the program'),
        function: () => 1,
        symbol: Symbol('x'),
      })) {
        helper.handle({ topic, handler: () => result });
        helper.handle({ topic: `async ${topic}`, handler: async () => result });
      }
      helper.handle({
        topic: 'async unreadable',
        handler: async () =>
          new Proxy(
            {},
            {
              has: (_, key) => (key === 'toJSON' ? fail() : false),
            },
          ),
      });
      helper.handle({ topic: 'bytes', handler: ({ data }) => Buffer.concat([data, Buffer.from([9])]) });
      helper.handle({
        topic: 'full',
        errors: ['room_full', 'own'],
        handler: ({ data }) => {
          throw new ClientError(data.code, 'This room is full.', data.details);
        },
      });
      helper.handle({ topic: 'room', memberOf: ({ room }) => room, handler: () => 'in' });
      helper.handle({ topic: 'no-room', memberOf: fail, handler: () => note('reached') });
      helper.handle({
        topic: 'slow',
        handler: ({ data, signal, socket }) => {
          memory.running = (memory.running ?? 0) + 1;
          signal.addEventListener('abort', () => note([socket.id, 'aborted', signal.reason.code]));
          return new Promise((resolve, reject) => Object.assign(memory, { resolve, reject, [`run ${data}`]: resolve }));
        },
      });
      helper.handle({
        topic: 'bad listeners',
        handler: ({ signal }) => {
          const removed = () => note('called');
          signal.addEventListener('abort', removed);
          signal.removeEventListener('abort', removed);
          signal.addEventListener('abort', fail);
          signal.addEventListener('abort', fail);
          signal.addEventListener('abort', async () => fail(), { once: true });
          signal.addEventListener('abort', { handleEvent: fail });
          signal.onabort = () => note('replaced');
          signal.onabort = fail;
          return new Promise(() => {});
        },
      });
      helper.handle({ topic: 'limited', limit: { messages: 2, per: 60_000 }, handler: () => 'ok' });
    },
  });
});

const reports = () =>
  server.run(({ memory }) => (memory.reports ?? []).splice(0)) as Promise<Record<string, unknown>[]>;

/** Those about one client: handlers of other tests may be given up meanwhile. */
const reportsAbout = async (id: string) => (await reports()).filter(({ client }) => client === id);

describe('handle()', () => {
  it("answers with the handler's result, and gives it the identity and the socket", async () => {
    const client = await enter(server.url, { auth: { user: 'ann' } });
    expect(await ask(client, 'echo', { a: [1, 'x'] })).toEqual({ a: [1, 'x'] });
    expect(await ask(client, 'echo')).toBe(undefined);
    expect(await ask(client, 'whoami')).toEqual(['ann', client.socket.id]);
    expect(await ask(client, 'bytes', Buffer.from([1]))).toEqual(Buffer.from([1, 9]));
    const other = await enter(server.url, { auth: { token: 'good' } });
    expect(await ask(other, 'whoami')).toEqual([null, other.socket.id]);
  });

  it.each(['throws', 'rejects', 'bigint', 'circular', 'no-room'])(
    'answers "internal", and reports once: %s',
    async (topic) => {
      const client = await enter(server.url, { auth: { token: 'good' } });
      await reports();
      const answer = await ask(client, topic, {});
      expect(answer).toEqual(error('internal'));
      expect(JSON.stringify(answer)).not.toContain('secret');
      expect(await reports()).toEqual([
        expect.objectContaining({
          ...{ type: 'handler_failed', where: `the handler of "${topic}"`, topic, client: client.socket.id },
        }),
      ]);
      expect(await ask(client, 'echo', 1)).toBe(1);
    },
  );

  it.each([
    ['throws', 'proxy'],
    ['throws', 'revoked proxy'],
    ['throws', 'error with getters that throw'],
    ['rejects', 'proxy'],
    ['rejects', 'revoked proxy'],
    ['rejects', 'error with getters that throw'],
    ['returns', 'proxy'],
    ['returns', 'revoked proxy'],
  ])('answers "internal" to a handler that %s an object that cannot be read: %s', async (how, kind) => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await reports();
    expect(await ask(client, `${how} hostile`, kind)).toEqual(error('internal'));
    // The report itself can't be sent from the server's process, because it has the error.
    expect(await server.run(({ memory }) => (memory.reports ?? []).splice(0).length)).toBe(1);
    expect(await ask(client, 'echo', 1)).toBe(1);
  });

  it('answers "internal" if memberOf is asynchronous, also if it rejects', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await reports();
    expect(await ask(client, 'rejected room', 1)).toEqual(error('internal'));
    expect(await reports()).toHaveLength(1);
    const lines = await server.run((inside) => inside.lines);
    expect(lines).toContainEqual(
      expect.stringContaining('memberOf must return the name of a room, and returned a promise'),
    );
    expect(await ask(client, 'echo', 1)).toBe(1);
  });

  it('passes a ClientError on as it is, and reports nothing', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await reports();
    const answer = await ask(client, 'full', { code: 'room_full', details: { most: 5 } });
    expect(answer).toEqual({
      'roomgate:error': { code: 'room_full', message: 'This room is full.', details: { most: 5 } },
    });
    expect(await reports()).toEqual([]);
  });

  it.each([
    ['a code of the library', { code: 'internal' }, 'is a code of the library'],
    ['a code with capitals', { code: 'Bad' }, 'expected up to 64 lower-case letters'],
    ['a code that is not among its errors', { code: 'other' }, 'not among the "errors"'],
    ['too large details', { code: 'own', details: 'x'.repeat(16_384) }, 'at most 16384 bytes, received 16386'],
  ])('answers "internal" to a ClientError with %s, and reports it', async (_, data, text) => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await reports();
    expect(await ask(client, 'full', data)).toEqual(error('internal'));
    expect(await reports()).toHaveLength(1);
    const lines = await server.run((inside) => inside.lines);
    expect(lines).toContainEqual(expect.stringContaining(text));
  });

  it('refuses clients that are not in the room, and events with several arguments', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    expect(await ask(client, 'room', { room: 'open/a' })).toEqual(error('not_in_room'));
    await ask(client, 'join', { rooms: ['open/a'] });
    expect(await ask(client, 'room', { room: 'open/a' })).toBe('in');
    await ask(client, 'leave', { rooms: ['open/a'] });
    expect(await ask(client, 'room', { room: 'open/a' })).toEqual(error('not_in_room'));
    const issues = [{ path: '', code: 'too_many_arguments' }];
    expect(await ask(client, 'echo', 1, 2)).toEqual(error('invalid', { issues }));
  });

  it('gives a handler up after handlerTimeout, aborts its signal, and ignores its result', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await reports();
    expect(await ask(client, 'slow', 'x')).toEqual(error('timed_out'));
    expect(await server.note()).toEqual([client.socket.id, 'aborted', 'timed_out']);
    expect(await reports()).toEqual([
      { type: 'handler_unanswered', client: client.socket.id, topic: 'slow', afterMs: 2_000 },
    ]);
    await server.run(({ memory }) => memory.reject(new Error('too late')));
    expect(await reports()).toEqual([
      expect.objectContaining({ type: 'handler_failed', topic: 'slow', client: client.socket.id }),
    ]);
  });

  it('aborts the signal of a client that leaves', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    const { id } = client.socket;
    client.socket.emit('slow', 'y');
    await eventually(() => server.run(({ memory }) => memory['run y'] !== undefined));
    client.socket.disconnect();
    const noted = async () => (await server.notes()).filter((note) => Array.isArray(note) && note[0] === id);
    await eventually(async () => (await noted()).length > 0);
    expect(await noted()).toEqual([[id, 'aborted', 'disconnected']]);
  });

  it('reports what the listeners of its signal throw', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await reports();
    client.socket.emit('bad listeners');
    expect(await ask(client, 'echo', 'in between')).toBe('in between');
    client.socket.disconnect();
    const failed: Record<string, unknown>[] = [];
    await eventually(async () => failed.push(...(await reports())) === 4);
    for (const report of failed) {
      expect(report).toMatchObject({ type: 'handler_failed', topic: 'bad listeners', client: expect.any(String) });
      expect(report.where).toBe('a listener of the signal of "bad listeners"');
    }
    expect(await server.notes()).not.toContain('replaced');
    await enter(server.url, { auth: { token: 'good' } });
  });

  it('answers "busy" above requestsInFlight, and lets events without an answer wait', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await server.run(({ memory }) => {
      memory.running = 0;
    });
    const answers = [1, 2, 3].map((n) => ask(client, 'slow', n));
    client.socket.emit('slow', 4);
    expect(await ask(client, 'slow', 5)).toEqual(error('busy'));
    const running = () => server.run(({ memory }) => memory.running);
    expect(await running()).toBe(3);
    await server.run(({ memory }) => memory['run 2']('done'));
    expect(await answers[1]).toBe('done');
    await eventually(async () => (await running()) === 4);
    await Promise.all(answers);
  });

  it('reads slowly from a client whose events wait, so that they do not pile up', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await server.run(({ helper, memory }, id) => {
      memory.seen = 0;
      helper.getClients({ id })?.socket.onAny(() => {
        memory.seen += 1;
      });
    }, idOf(client));
    const began = performance.now();
    for (let n = 0; n < 60; n++) client.socket.emit('slow', `piled ${n}`);
    await eventually(async () => (await server.run(({ memory }) => memory.seen)) >= 40, { timeout: 20_000 });
    // Slices of 16 events, one in a second.
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  it('answers an event that socket.use() refuses with next(error)', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    const id = idOf(client);
    await server.run(({ helper, roomgate, memory }, it) => {
      const socket = helper.getClients({ id: it })?.socket;
      const errors = {
        plain: new Error('secret'),
        'for the client': new roomgate.ClientError('own_reason', 'Not now.', { until: 'noon' }),
        'by mistake': new roomgate.ClientError('Bad', 'Not now.'),
      };
      socket?.use(([topic, why], next) =>
        next(topic === 'raw only' ? errors.plain : errors[why as keyof typeof errors]),
      );
      socket?.on('raw only', (acknowledge) => acknowledge('reached'));
      memory.listen = () => socket?.on('error', (reason) => memory.heard.push(reason.message));
      memory.heard = [];
    }, id);
    const own = error('own_reason', { message: 'Not now.', details: { until: 'noon' } });
    await reports();

    // Nobody listens to "error".
    expect(await ask(client, 'full', 'plain')).toEqual(error('internal'));
    expect(await reportsAbout(id)).toEqual([{ type: 'event_refused', client: id, topic: 'full', code: 'internal' }]);
    expect(await ask(client, 'full', 'for the client')).toEqual(own);
    expect(await reportsAbout(id)).toEqual([]);

    await server.run(({ memory }) => void memory.listen());
    expect(await ask(client, 'full', 'plain')).toEqual(error('internal'));
    expect(await ask(client, 'full', 'for the client')).toEqual(own);
    await expect(client.socket.timeout(200).emitWithAck('raw only')).rejects.toThrow('timed out');
    expect(await server.run(({ memory }) => memory.heard)).toEqual(['secret', 'Not now.', 'secret']);
    expect(await reportsAbout(id)).toEqual([]);

    expect(await ask(client, 'full', 'by mistake')).toEqual(error('internal'));
    const where = 'a middleware of socket.use()';
    expect(await reportsAbout(id)).toEqual([expect.objectContaining({ type: 'handler_failed', where, topic: 'full' })]);
    expect(await ask(client, 'echo', 1)).toBe(1);
  });

  it('limits the events of each user', async () => {
    const [one, two] = [
      await enter(server.url, { auth: { user: 'bob' } }),
      await enter(server.url, { auth: { user: 'bob' } }),
    ];
    const other = await enter(server.url, { auth: { user: 'cleo' } });
    expect([await ask(one, 'limited'), await ask(two, 'limited'), await ask(other, 'limited')]).toEqual(
      Array(3).fill('ok'),
    );
    const answer = await ask(two, 'limited');
    expect(answer).toEqual(error('rate_limited', { retryAfter: expect.any(Number) }));
    const { retryAfter } = answer['roomgate:error'];
    expect(retryAfter).toBeGreaterThan(20_000);
    expect(retryAfter).toBeLessThanOrEqual(30_000);
  });

  it('does not wait for clientConnectedFn, and keeps the order of events behind a held one', async () => {
    const client = await enter(server.url, { auth: { token: 'good', slow: true } });
    expect(await ask(client, 'echo', 'early')).toBe('early');
    await server.run(({ memory }) => {
      memory.raw = [];
    });
    client.socket.emit('raw');
    const later = ask(client, 'echo', 'behind');
    await server.run(({ memory }) => memory.letIn());
    expect(await later).toBe('behind');
    expect(await server.run(({ memory }) => memory.raw)).toEqual(['raw']);
  });

  it('can be added and removed while clients are connected', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await server.run(({ helper, memory }) => {
      memory.remove = helper.handle({ topic: 'late', handler: () => 'late' });
    });
    expect(await ask(client, 'late')).toBe('late');
    await expect(server.run(({ helper }) => void helper.handle({ topic: 'late', handler: () => 1 }))).rejects.toThrow(
      'handle(): topic: "late" has a handler already.',
    );
    await server.run(({ memory }) => memory.remove());
    await expect(client.socket.timeout(200).emitWithAck('late')).rejects.toThrow('timed out');
    await server.run(({ helper }) => void helper.handle({ topic: 'late', handler: () => 'again' }));
    expect(await ask(client, 'late')).toBe('again');
  });

  // At the end, because the log has only so many lines for failures.
  it.each([
    ['map', "an object of the class Map, which JSON can't represent. Send Object.fromEntries(map), or [...map]."],
    ['set', 'Send [...set].'],
    ['error', 'Send { message: error.message }.'],
    ['function', "which JSON can't represent."],
    ['symbol', "which JSON can't represent."],
  ])('answers "internal" in place of a result of which the client would receive nothing: %s', async (topic, text) => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    const failures = () =>
      server.run(({ memory }) =>
        (memory.reports ?? [])
          .splice(0)
          // Handlers of other tests are given up meanwhile.
          .filter(({ type }: Record<string, unknown>) => type === 'handler_failed')
          .map(({ type, topic, error }: Record<string, unknown>) => [type, topic, `${error}`]),
      );
    for (const each of [topic, `async ${topic}`]) {
      await reports();
      expect(await ask(client, each)).toEqual(error('internal'));
      const start = `handle("${each}"): the result of the handler is `;
      expect(await failures()).toEqual([['handler_failed', each, expect.stringContaining(start)]]);
      expect(await ask(client, each)).toEqual(error('internal'));
      expect(await failures()).toEqual([['handler_failed', each, expect.stringContaining(text)]]);
      client.socket.emit(each);
    }
    expect(await ask(client, 'echo', 1)).toBe(1);
    expect(await failures()).toEqual([]);
    expect(await ask(client, 'async unreadable')).toEqual({});
  });

  it.each([
    ['too_deep', () => Array.from({ length: 65 }).reduce((inner) => [inner], 1)],
    ['too_many_arguments', () => 1],
  ])('answers an event that never reaches a schema: %s', async (code, data) => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    const more = code === 'too_deep' ? [] : Array.from({ length: 10_000 }, () => 1);
    const issues = [{ path: '', code }];
    await server.run(({ memory }) => {
      memory.raw = [];
    });
    expect(await ask(client, 'echo', data(), ...more)).toEqual(error('invalid', { issues }));
    // Nobody but the program answers its own listeners.
    const raw = client.socket.timeout(500).emitWithAck('raw', data(), ...more);
    await expect(raw).rejects.toThrow('timed out');
    client.socket.emit('echo', data(), ...more);
    expect(await ask(client, 'echo', 1)).toBe(1);
    expect(await server.run(({ memory }) => memory.raw)).toEqual([]);
  });
});
