// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { connect, type TestClient } from '../support/server.js';
import { enter, type Inside, type Served, serve } from './program.js';

const ask = (client: TestClient, topic: string, ...args: unknown[]) =>
  client.socket.timeout(5_000).emitWithAck(topic, ...args);

/** Handlers of every shape that throw or reject. The topic of an event says which one. */
function options({ memory }: Inside) {
  const fail = (): never => {
    throw new Error('broken');
  };
  memory.failures = [];
  memory.uncaught = [];
  return {
    onReport: (report: { type: string; where?: string; topic?: string }) => {
      if (report.type === 'handler_failed') memory.failures.push([report.where, report.topic ?? null]);
    },
    clientConnectedFn: ({ socket }: { socket: import('socket.io').Socket }) => {
      // biome-ignore lint/suspicious/noExplicitAny: the arguments depend on the topic
      const on = socket.on.bind(socket) as (topic: string, listener: (...args: any[]) => unknown) => void;
      socket.onAny((topic) => topic === 'onAny' && fail());
      socket.prependAny(async (topic) => topic === 'prependAny' && fail());
      socket.use(([topic], next) => {
        if (topic === 'use throws') fail();
        next(topic === 'use refuses' ? new Error('refused') : undefined);
        if (topic === 'use throws late') fail();
      });
      socket.use(async ([topic], next) => {
        if (topic === 'use rejects') fail();
        next();
      });
      on('error', fail);
      on('disconnecting', fail);
      on('disconnect', async () => fail());
      on('disconnect', () => memory.left?.());
      socket.onAnyOutgoing((topic) => topic === 'outgoing' && fail());

      const topics = ['onAny', 'prependAny', 'use throws', 'use rejects', 'use refuses', 'use throws late'];
      for (const topic of topics) on(topic, (acknowledge) => acknowledge('reached'));
      on('throws', fail);
      on('rejects', async () => fail());
      on('once', () => {});
      socket.once('once', fail);
      on('answers, then throws', (acknowledge) => {
        acknowledge('answered');
        fail();
      });
      for (const topic of ['throws', 'rejects', 'once']) on(topic, (acknowledge) => acknowledge('the next one'));
      on('ask back', (acknowledge) => {
        socket.emit('question', (answer: string) => {
          acknowledge(answer);
          fail();
        });
      });
      on('ask in time', (acknowledge) => {
        socket.timeout(30).emit('silence', async (error: Error | null) => {
          acknowledge(error === null ? 'in time' : 'too late');
          fail();
        });
      });
      on('send', (acknowledge) => {
        socket.emit('outgoing', 1);
        acknowledge('sent');
      });
      on('lazy', () => ({
        // biome-ignore lint/suspicious/noThenProperty: as queries of some libraries, which begin when it is called
        then: () => memory.failures.push(['then was called', null]),
      }));
      on('lazy', (acknowledge) => acknowledge('ok'));
    },
  };
}

/** Counts what would have ended the process. */
function watch({ memory }: Inside) {
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (error) => memory.uncaught.push(`${event}: ${error}`));
}

let server: Served;

beforeAll(async () => {
  server = await serve({ options: options as never, before: watch });
  await server.run(({ helper, io, memory }) => {
    const fail = () => {
      throw new Error('broken');
    };
    io.use((socket, next) => {
      if (socket.handshake.auth.use === 'throws') fail();
      next();
      if (socket.handshake.auth.use === 'throws late') fail();
    });
    io.use((socket, next) => {
      const { refuses } = socket.handshake.auth;
      const data: { circle?: object; big?: bigint } = {};
      if (refuses === 'circular') data.circle = data;
      if (refuses === 'bigint') data.big = 1n;
      let isRead = false;
      const later = (value: string) => {
        if (isRead) fail();
        isRead = true;
        return value;
      };
      const error = Object.assign(new Error('No.'), { data });
      if (refuses === 'getter') Object.defineProperty(error, 'message', { get: fail });
      if (refuses === 'second message') Object.defineProperty(error, 'message', { get: () => later('No.') });
      if (refuses === 'toJSON') Object.assign(data, { toJSON: fail });
      if (refuses === 'second toJSON') Object.assign(data, { toJSON: () => later('why') });
      next(refuses === undefined ? undefined : error);
    });
    io.use(async (socket, next) => {
      if (socket.handshake.auth.use === 'rejects') fail();
      next();
    });
    io.on('connection', (socket) => socket.handshake.auth.on === 'throws' && fail());
    io.on('connection', async (socket) => socket.handshake.auth.on === 'rejects' && fail());
    helper.on({
      topic: 'connection',
      handler: (socket: { handshake: { auth: { on?: string } } }) => socket.handshake.auth.on === 'helper' && fail(),
    });
    for (const other of [io.of('/own'), io.of(/^\/own-\d+$/)]) {
      other.use((socket, next) => (socket.handshake.auth.use === 'throws' ? fail() : next()));
      other.on('connection', (socket) => {
        socket.on('throws', fail);
        socket.on('rejects', async () => fail());
        for (const topic of ['throws', 'rejects']) socket.on(topic, (acknowledge) => acknowledge('the next one'));
        fail();
      });
    }
    io.of((name, _, next) => {
      if (name === '/by throws') fail();
      if (name === '/by throws first') {
        setTimeout(() => {
          next(null, true);
          memory.isDecided = true;
        });
        fail();
      }
      next(null, name === '/by throws late');
      if (name === '/by throws late') fail();
    });
    io.of(async (name, _, next) => {
      if (name === '/by rejects') fail();
      next(null, false);
    });
    memory.asked = [];
    io.of((name, _, next) => {
      memory.asked.push(name);
      next(null, false);
    });
  });
});

const failures = () => server.run(({ memory }) => memory.failures.splice(0));
const uncaught = () => server.run(({ memory }) => memory.uncaught);

/** Nothing has reached the process, and another client is served. */
async function unharmed(): Promise<void> {
  const witness = await enter(server.url, { auth: { token: 'good' } });
  expect(await ask(witness, 'send')).toBe('sent');
  expect(await uncaught()).toEqual([]);
}

/** A client of a test starts without others, so that no failure of them is counted. */
beforeEach(() => server.holdsNobody());

describe('a handler that throws or rejects is reported once, and harms nobody:', () => {
  it.each([
    ['throws', 'the next one', ['a listener of "throws"', 'throws']],
    ['rejects', 'the next one', ['a listener of "rejects"', 'rejects']],
    ['once', 'the next one', ['a listener of "once"', 'once']],
    ['answers, then throws', 'answered', ['a listener of "answers, then throws"', 'answers, then throws']],
    ['onAny', 'reached', ['a listener of onAny()', null]],
    ['prependAny', 'reached', ['a listener of onAny()', null]],
    ['use throws late', 'reached', ['a middleware of socket.use()', null]],
    ['ask back', 'yes', ['an acknowledgement callback', null]],
    ['ask in time', 'too late', ['an acknowledgement callback', null]],
    ['send', 'sent', ['an outgoing listener', null]],
  ])('%s', async (topic, answer, failure) => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    client.socket.on('question', (acknowledge) => acknowledge('yes'));
    await failures();
    expect(await ask(client, topic)).toBe(answer);
    await eventually(async () => (await server.run(({ memory }) => memory.failures.length)) > 0);
    expect(await failures()).toEqual([failure]);
    // The client itself is served on.
    expect(await ask(client, 'answers, then throws')).toBe('answered');
    await unharmed();
  });

  it.each(['io.emit() that is answered', 'io.emit() that is not answered'])(
    'an acknowledgement of %s',
    async (which) => {
      const client = await enter(server.url, { auth: { token: 'good' } });
      if (!which.includes('not')) client.socket.on('question', (acknowledge) => acknowledge('yes'));
      await failures();
      await server.run(({ io, note }) => {
        io.timeout(300).emit('question', (error: Error | null, answers: string[]) => {
          note([error === null ? 'in time' : 'too late', answers]);
          throw new Error('broken');
        });
      });
      expect(await server.note()).toEqual(which.includes('not') ? ['too late', []] : ['in time', ['yes']]);
      expect(await failures()).toEqual([['an acknowledgement callback', null]]);
      await unharmed();
    },
  );

  it.each(['use throws', 'use rejects', 'use refuses'])('%s, and the event goes no further', async (topic) => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await failures();
    await expect(client.socket.timeout(200).emitWithAck(topic)).rejects.toThrow('timed out');
    const where = topic === 'use refuses' ? 'an "error" listener' : 'a middleware of socket.use()';
    expect(await failures()).toEqual([[where, null]]);
    await unharmed();
  });

  it('listeners of "disconnect" and "disconnecting", and the others of them run', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await failures();
    await server.run(({ memory, note }) => {
      memory.left = () => note('left');
    });
    client.socket.disconnect();
    expect(await server.note()).toBe('left');
    const expected = ['a "disconnecting" listener', 'a "disconnect" listener'].map((where) => [where, null]);
    await eventually(async () => (await server.run(({ memory }) => memory.failures.length)) === 2);
    expect(await failures()).toEqual(expected);
    expect(await server.run(({ helper }) => helper.getClients().size)).toBe(0);
    await unharmed();
  });

  it.each(['throws', 'rejects', 'throws late'])('a middleware of io.use() that %s', async (use) => {
    await failures();
    const client = connect(server.url, { auth: { token: 'good', use } });
    if (use === 'throws late') await client.heardOf('connect');
    else {
      client.socket.once('connect_error', (error: Error & { data?: unknown }) =>
        client.heard.push(['data', error.data]),
      );
      await client.heardOf('connect_error');
      expect(client.heard).toContainEqual(['data', { code: 'unavailable' }]);
    }
    expect(await failures()).toEqual([['a middleware of io.use()', null]]);
    await unharmed();
  });

  it.each(['circular', 'bigint', 'getter', 'toJSON'])(
    'a middleware of io.use() that refuses with an error that can not be sent: %s',
    async (refuses) => {
      await failures();
      const client = connect(server.url, { auth: { token: 'good', refuses } });
      client.socket.once('connect_error', (error: Error & { data?: unknown }) =>
        client.heard.push(['data', error.data]),
      );
      await client.heardOf('connect_error');
      expect(client.heard).toContainEqual(['data', { code: 'unavailable' }]);
      expect(await failures()).toEqual([['a middleware of io.use()', null]]);
      await unharmed();
    },
  );

  it.each([
    ['second message', {}],
    ['second toJSON', 'why'],
  ])(
    'a middleware of io.use() that refuses with an error that fails when it is read again: %s',
    async (refuses, data) => {
      await failures();
      const client = connect(server.url, { auth: { token: 'good', refuses } });
      client.socket.once('connect_error', (error: Error & { data?: unknown }) =>
        client.heard.push(['refused', [error.message, error.data]]),
      );
      await client.heardOf('connect_error');
      expect(client.heard).toContainEqual(['refused', ['No.', data]]);
      expect(await failures()).toEqual([]);
      await unharmed();
    },
  );

  it.each([
    ['throws', 'a listener of "connection"'],
    ['rejects', 'a listener of "connection"'],
    ['helper', 'the handler of "connection"'],
  ])('a listener of "connection" (%s)', async (on, where) => {
    await failures();
    const client = await enter(server.url, { auth: { token: 'good', on } });
    expect(await failures()).toEqual([[where, null]]);
    expect(await ask(client, 'answers, then throws')).toBe('answered');
    await unharmed();
  });

  it.each(['/own', '/own-1'])('handlers of the namespace %s, which has no gate', async (namespace) => {
    await failures();
    const client = connect(`${server.url}${namespace}`);
    await client.heardOf('connect');
    for (const topic of ['throws', 'rejects']) {
      expect(await client.socket.timeout(5_000).emitWithAck(topic)).toBe('the next one');
    }
    const refused = connect(`${server.url}${namespace}`, { auth: { use: 'throws' } });
    await refused.heardOf('connect_error');
    expect(await failures()).toEqual([
      ['a listener of "connection"', null],
      ['a listener of "throws"', 'throws'],
      ['a listener of "rejects"', 'rejects'],
      ['a middleware of io.use()', null],
    ]);
    client.socket.disconnect();
    refused.socket.disconnect();
    await unharmed();
  });

  it.each(['throws', 'rejects', 'throws first', 'throws late'])('a function of io.of() that %s', async (way) => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await failures();
    const name = `/by ${way}`;
    const other = client.socket.io.socket(name);
    const outcome = await new Promise((resolve) => {
      other.once('connect', () => resolve('connected'));
      other.once('connect_error', ({ message }) => resolve(message));
    });
    expect(outcome).toBe(way === 'throws late' ? 'connected' : 'Invalid namespace');
    other.disconnect();
    if (way === 'throws first') await eventually(() => server.run(({ memory }) => memory.isDecided === true));
    expect(await failures()).toEqual([['a function of io.of()', null]]);
    // Each refusal was passed on once.
    expect(await server.run(({ memory }) => memory.asked.splice(0))).toEqual(way === 'throws late' ? [] : [name]);
    expect(await ask(client, 'send')).toBe('sent');
    await unharmed();
  });

  it('but an object with `then` that is no promise is left alone', async () => {
    const client = await enter(server.url, { auth: { token: 'good' } });
    await failures();
    expect(await ask(client, 'lazy')).toBe('ok');
    expect(await failures()).toEqual([]);
  });
});

describe('onFailure.handler "throw"', () => {
  it.each(['throws', 'rejects'])('ends the process if a handler %s, as in Socket.IO', async (topic) => {
    const own = await serve({
      options: ({ memory }) => ({
        onFailure: { handler: 'throw' },
        clientConnectedFn: ({ socket }) => {
          socket.on('throws', () => {
            throw new Error('broken');
          });
          socket.on('rejects', async () => {
            throw new Error('broken');
          });
          socket.use(([topic], next) => next(topic === 'refused' ? new Error('refused') : undefined));
          socket.on('error', () => {});
          memory.on = true;
        },
      }),
      before: ({ helper }) => {
        helper.handle({
          topic: 'contained',
          handler: () => {
            throw new Error('contained');
          },
        });
        helper.handle({ topic: 'refused', handler: () => 'reached' });
      },
    });
    const client = await enter(own.url, { auth: { token: 'good' } });
    expect(await ask(client, 'contained')).toMatchObject({ 'roomgate:error': { code: 'internal' } });
    expect(await ask(client, 'refused')).toMatchObject({ 'roomgate:error': { code: 'internal' } });
    client.socket.emit(topic);
    expect((await own.program.ended()).code).not.toBe(0);
    expect(own.program.stderr).toContain('broken');
  });
});
