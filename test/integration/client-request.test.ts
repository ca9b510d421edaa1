// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { describe, expect, it } from 'vitest';
import type { SocketIOClientHelper } from '../../src/client/index.js';
import {
  CLIENT_TRANSPORTS,
  createAuthenticated,
  createHelper,
  lose,
  startWordsServer,
  type TestHelper,
} from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { startProxy } from '../support/tcp-proxy.js';

type Acknowledge = (...answer: unknown[]) => void;

/** A server that answers `double`, keeps the acknowledgements of `hold`, and records everything else. */
async function startAnswering() {
  const server = await startWordsServer();
  const held = new EventLog<Acknowledge>();
  server.io.on('connection', (socket) => {
    socket.on('double', (n: number, acknowledge: Acknowledge) => acknowledge(2 * n));
    socket.on('several', (acknowledge: Acknowledge) => acknowledge('first', 'second'));
    socket.on('nothing', (acknowledge: Acknowledge) => acknowledge());
    socket.on('hold', (_: unknown, acknowledge: Acknowledge) => held.push(acknowledge));
  });
  return { ...server, held };
}

const OFFLINE = 'http://127.0.0.1:1';

function queueing(url: string, queue: true | { max?: number; ttl?: number } = true): TestHelper {
  return createHelper(url, { autoAuthenticate: true, queue });
}

async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (answer) => ({ answer }),
    (error: unknown) => error,
  );
}

describe.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
  'request() over $transports',
  ({ transports }) => {
    it('resolves with the first argument of the acknowledgement', async () => {
      const { url } = await startAnswering();
      const { helper } = await createAuthenticated(url, { options: { transports } });
      expect(await helper.request<number>({ topic: 'double', data: 21 })).toBe(42);
      expect(await helper.request({ topic: 'several' })).toBe('first');
      expect(await helper.request({ topic: 'nothing' })).toBeUndefined();
    });

    it('rejects with disconnected when the connection ends before the answer', async () => {
      const server = await startAnswering();
      const proxy = await startProxy({ target: server.port });
      const { helper } = await createAuthenticated(`http://127.0.0.1:${proxy.port}`, { options: { transports } });
      const outcome = outcomeOf(helper.request({ topic: 'hold', data: 1 }));
      await server.held.next();
      await lose(helper, proxy);
      expect(await outcome).toMatchObject({
        code: 'disconnected',
        message: 'request("hold") got no answer, because the connection ended. The server may have handled it.',
      });
    });
  },
);

describe('request() with the option queue', () => {
  it('waits for authentication, in one order with emit()', async () => {
    const { url, heard } = await startAnswering();
    const { helper } = queueing(url);
    helper.emit({ topic: 'before' });
    const answer = helper.request({ topic: 'double', data: 4 });
    helper.emit({ topic: 'after' });
    expect(await answer).toBe(8);
    await eventually(() => expect(heard.all.map(([topic]) => topic)).toContain('after'));
    expect(heard.all.map(([topic]) => topic)).toEqual(['authenticate', 'before', 'double', 'after']);
  });

  it('counts towards queue.max, and expires after queue.ttl', async () => {
    const { helper } = queueing(OFFLINE, { max: 1, ttl: 30 });
    const first = outcomeOf(helper.request({ topic: 'a' }));
    expect(await outcomeOf(helper.request({ topic: 'b' }))).toMatchObject({ code: 'queue_full' });
    expect(await first).toMatchObject({
      code: 'expired',
      message: 'request("a") was not sent: it waited in the queue for 30 ms.',
    });
  });

  it('is never sent after its timeout', async () => {
    const server = await startAnswering();
    const { helper } = createHelper(server.url, {
      autoAuthenticate: true,
      queue: true,
      options: { autoConnect: false },
    });
    helper.connect();
    expect(await outcomeOf(helper.request({ topic: 'hold', timeout: 0 }))).toMatchObject({
      code: 'timed_out',
      message: expect.stringMatching(
        /^request\("hold"\) timed out after 0 ms: it waited in the queue and was not sent; the status is "/,
      ),
    });
    helper.emit({ topic: 'after' });
    await eventually(() => server.heard.all.some(([topic]) => topic === 'after'));
    expect(server.heard.all.map(([topic]) => topic)).toEqual(['authenticate', 'after']);
  });

  it('leaves the queue when its signal is aborted', async () => {
    const { helper } = queueing(OFFLINE, { max: 1 });
    const controller = new AbortController();
    const outcome = outcomeOf(helper.request({ topic: 'a', signal: controller.signal }));
    controller.abort();
    expect(await outcome).toMatchObject({ name: 'AbortError' });
    expect(() => helper.emit({ topic: 'b' })).not.toThrow();
  });

  it.each([
    ['disconnected', (helper: SocketIOClientHelper): void => helper.disconnect()],
    ['shut_down', (helper: SocketIOClientHelper): void => helper.shutdown()],
  ])('rejects with %s when the program ends the client', async (code, end) => {
    const { helper } = queueing(OFFLINE);
    const outcome = outcomeOf(helper.request({ topic: 'a' }));
    end(helper);
    expect(await outcome).toMatchObject({ code });
    expect(await outcomeOf(helper.request({ topic: 'b' }))).toMatchObject({
      code: 'not_connected',
      message: expect.stringContaining(code === 'shut_down' ? 'Create a new one.' : 'Call connect() first.'),
    });
  });

  it('rejects with refused when the server refuses the client', async () => {
    const server = await startWordsServer({ verdict: ['unauthenticated', { code: 'refused', message: 'No.' }] });
    const { helper } = queueing(server.url);
    expect(await outcomeOf(helper.request({ topic: 'a' }))).toMatchObject({ code: 'refused' });
  });
});

describe('request()', () => {
  it('rejects with not_connected without a connection and without a queue', async () => {
    const { helper } = createHelper(OFFLINE);
    expect(await outcomeOf(helper.request({ topic: 'a' }))).toMatchObject({
      code: 'not_connected',
      message:
        'request("a"): this client is not connected; its status is "connecting". ' +
        'Await waitFor("authenticated"), or set the option "queue".',
    });
  });

  it('rejects with timed_out when the server does not answer, and ignores an answer that comes later', async () => {
    const server = await startAnswering();
    const { helper } = await createAuthenticated(server.url);
    expect(await outcomeOf(helper.request({ topic: 'hold', data: 1, timeout: 60 }))).toMatchObject({
      code: 'timed_out',
      message:
        'request("hold") timed out after 60 ms: the server did not answer. ' +
        'Check the topic; a handler of socket.on must call the acknowledgement.',
    });
    (await server.held.next())('late');
    expect(await helper.request({ topic: 'double', data: 1 })).toBe(2);
  });

  it('reports that the client is not authenticated if an answer is missing', async () => {
    const server = await startWordsServer();
    const { helper } = createHelper(server.url);
    await helper.waitFor('connected');
    expect(await outcomeOf(helper.request({ topic: 'a', timeout: 30 }))).toMatchObject({
      code: 'timed_out',
      message: expect.stringContaining('this client is not authenticated'),
      mayHaveRun: false,
    });
  });

  it('rejects with the reason of its signal while it waits for the answer, or before it is sent', async () => {
    const server = await startAnswering();
    const { helper } = await createAuthenticated(server.url);
    const controller = new AbortController();
    const outcome = outcomeOf(helper.request({ topic: 'hold', data: 1, signal: controller.signal }));
    await server.held.next();
    controller.abort(new Error('changed my mind'));
    expect(await outcome).toEqual(new Error('changed my mind'));
    expect(await outcomeOf(helper.request({ topic: 'x', signal: controller.signal }))).toEqual(
      new Error('changed my mind'),
    );
    expect(server.heard.all.map(([topic]) => topic)).not.toContain('x');
  });

  it('rejects with shut_down when the client is shut down before the answer', async () => {
    const server = await startAnswering();
    const { helper } = await createAuthenticated(server.url);
    const outcome = outcomeOf(helper.request({ topic: 'hold', data: 1 }));
    await server.held.next();
    helper.shutdown();
    expect(await outcome).toMatchObject({ code: 'shut_down' });
  });

  const circle: { self?: unknown } = {};
  circle.self = circle;
  it.each([
    [
      { topic: '' },
      expect.stringContaining('request(): topic: expected a non-empty string, received an empty string.'),
    ],
    [{ topic: 'disconnect' }, 'request(): topic: "disconnect" is reserved. Use another name.'],
    [
      { topic: 'a', data: () => {} },
      'request(): data: expected a value that Socket.IO can carry, received a function.',
    ],
    [
      { topic: 'a', data: { b: [1n] } },
      'request("a"): Socket.IO can\'t send its data: data.b[0] is a bigint. Send it as a string, with String(value).',
    ],
    [
      { topic: 'a', data: circle },
      'request("a"): Socket.IO can\'t send its data: data.self is circular: it is the same object as data.',
    ],
    [
      { topic: 'a', timeout: -1 },
      'request(): timeout: expected a number of milliseconds from 0 to 2147483647, received -1.',
    ],
    [{ topic: 'a', timeout: Number.POSITIVE_INFINITY }, expect.stringContaining('received Infinity')],
    [{ topic: 'a', signal: {} }, 'request(): signal: expected an AbortSignal, received an object.'],
  ])('rejects %o with invalid_argument', async (opts, message) => {
    const server = await startAnswering();
    const { helper } = await createAuthenticated(server.url);
    expect(await outcomeOf(helper.request(opts as never))).toMatchObject({ code: 'invalid_argument', message });
  });
});
