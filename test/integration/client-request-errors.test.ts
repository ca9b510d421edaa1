// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { describe, expect, it } from 'vitest';
import { isRequestError, RequestError, RoomgateError, type SocketIOClientHelper } from '../../src/client/index.js';
import { ANSWER_ERRORS } from '../../src/protocol/errors.js';
import { createAuthenticated, createHelper, lose, startWordsServer } from '../support/client.js';
import { EventLog } from '../support/facts.js';
import { startProxy } from '../support/tcp-proxy.js';

type Acknowledge = (...answer: unknown[]) => void;

const OFFLINE = 'http://127.0.0.1:1';
const errorOf = (error: unknown): object => ({ 'roomgate:error': error });

/** A server that answers with what it is sent, and keeps the acknowledgements of `hold`. */
async function startEcho() {
  const server = await startWordsServer();
  const held = new EventLog<Acknowledge>();
  server.io.on('connection', (socket) => {
    socket.on('echo', (data: unknown, acknowledge: Acknowledge) => acknowledge(data));
    socket.on('hold', (acknowledge: Acknowledge) => held.push(acknowledge));
  });
  return { ...server, held };
}

async function failureOf(promise: Promise<unknown>): Promise<RequestError> {
  const error: unknown = await promise.then(
    (answer) => expect.unreachable(`answered with ${JSON.stringify(answer)}`),
    (reason: unknown) => reason,
  );
  if (!isRequestError(error)) throw error;
  return error;
}

/** How the helper takes this answer of a server. */
async function answered(answer: object): Promise<RequestError> {
  const { url } = await startEcho();
  const { helper } = await createAuthenticated(url);
  return failureOf(helper.request({ topic: 'echo', data: answer }));
}

describe('an error of the server', () => {
  it.each(Object.entries(ANSWER_ERRORS))('%s rejects request()', async (code, { text, mayHaveRun }) => {
    const error = await answered(errorOf({ code, message: text }));
    expect(error).toMatchObject({ name: 'RequestError', code, message: text, mayHaveRun });
    expect(error).toMatchObject({ retryAfter: undefined, issues: [], details: undefined });
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toBeInstanceOf(RoomgateError);
  });

  it('carries retryAfter, issues and details', async () => {
    expect(await answered(errorOf({ code: 'rate_limited', message: 'Later.', retryAfter: 250 }))).toMatchObject({
      code: 'rate_limited',
      retryAfter: 250,
      mayHaveRun: false,
    });
    const issues = [{ path: 'room.name', code: 'too_small' }];
    expect(await answered(errorOf({ code: 'invalid', message: 'Wrong.', issues }))).toMatchObject({ issues });
    const details = { most: 50, list: [1] };
    expect(await answered(errorOf({ code: 'room_full', message: 'Full.', details }))).toMatchObject({
      code: 'room_full',
      message: 'Full.',
      details,
      mayHaveRun: true,
    });
  });

  it.each([
    [undefined, 'the code undefined'],
    [null, 'the code undefined'],
    ['busy', 'the code undefined'],
    [{ code: 'busy' }, 'the message undefined'],
    [{ code: 'busy', message: { text: 'x' } }, 'the message an object'],
    [{ code: 7, message: 'x' }, 'the code 7'],
    [{ code: 'Not A Code', message: 'x' }, 'the code a string'],
    [{ code: 'a'.repeat(65), message: 'x' }, 'the code a string'],
    [['busy'], 'the code undefined'],
  ])('of a wrong shape is internal: %j', async (wrong, found) => {
    expect(await answered(errorOf(wrong ?? null))).toMatchObject({
      code: 'internal',
      message: `request("echo"): the server answered with an error that has ${found}. Something went wrong on the server.`,
      mayHaveRun: true,
    });
  });

  it('of a foreign server is bounded, and fields of a wrong type are left out', async () => {
    const issues = [
      ...['none', null, { path: 1, code: 'a' }, { path: 'p'.repeat(1_000), code: 'c'.repeat(1_000), value: 'secret' }],
      ...Array.from({ length: 20 }, () => ({ path: '', code: 'x' })),
    ];
    const error = await answered(errorOf({ code: 'invalid', message: 'm'.repeat(9_999), retryAfter: 'soon', issues }));
    expect(error).toMatchObject({ retryAfter: undefined });
    expect(error.message).toHaveLength(1_000);
    expect(error.issues).toHaveLength(7);
    expect(error.issues[0]).toEqual({ path: 'p'.repeat(256), code: 'c'.repeat(256) });
    const endless = await answered(errorOf({ code: 'busy', message: '', retryAfter: 1e300 }));
    expect(endless.retryAfter).toBe(2_147_483_647);
  });

  it('is a result for programs that answer { error } themselves', async () => {
    const { url } = await startEcho();
    const { helper } = await createAuthenticated(url);
    for (const data of [{ error: { code: 'busy' } }, { nested: errorOf({ code: 'busy' }) }, [errorOf(1)], 'x', null]) {
      expect(await helper.request({ topic: 'echo', data })).toEqual(data);
    }
  });
});

describe('mayHaveRun', () => {
  it('is true if the connection broke after sending', async () => {
    const server = await startEcho();
    const proxy = await startProxy({ target: server.port });
    const { helper } = await createAuthenticated(`http://127.0.0.1:${proxy.port}`);
    const failure = failureOf(helper.request({ topic: 'hold' }));
    await server.held.next();
    await lose(helper, proxy);
    expect(await failure).toMatchObject({ code: 'disconnected', mayHaveRun: true });
  });

  it.each([
    ['timed_out', 60, () => {}],
    ['shut_down', 10_000, (helper: SocketIOClientHelper) => helper.shutdown()],
    ['disconnected', 10_000, (helper: SocketIOClientHelper) => helper.disconnect()],
  ])('is true for %s after sending', async (code, timeout, end) => {
    const server = await startEcho();
    const { helper } = await createAuthenticated(server.url);
    const failure = failureOf(helper.request({ topic: 'hold', timeout }));
    await server.held.next();
    end(helper);
    expect(await failure).toMatchObject({ code, mayHaveRun: true });
  });

  it.each([
    ['timed_out', { timeout: 10 }, () => {}],
    ['shut_down', {}, (helper: SocketIOClientHelper) => helper.shutdown()],
    ['disconnected', {}, (helper: SocketIOClientHelper) => helper.disconnect()],
    ['expired', {}, () => {}],
  ])('is false for %s in the queue', async (code, more, end) => {
    const ttl = code === 'expired' ? 10 : 10_000;
    const { helper } = createHelper(OFFLINE, { autoAuthenticate: true, queue: { ttl } });
    const failure = failureOf(helper.request({ topic: 'say', ...more }));
    end(helper);
    expect(await failure).toMatchObject({ code, mayHaveRun: false });
  });

  it('is false for what was not sent at all', async () => {
    const { helper } = createHelper(OFFLINE, { options: { autoConnect: false } });
    expect(await failureOf(helper.request({ topic: 'say' }))).toMatchObject({
      code: 'not_connected',
      mayHaveRun: false,
    });
    for (const wrong of [{ topic: '' }, { topic: 'say', timeout: -1 }, { topic: 'disconnect' }, undefined]) {
      const failure = await failureOf(helper.request(wrong as never));
      expect(failure).toMatchObject({ code: 'invalid_argument', mayHaveRun: false });
    }
  });

  it('is false for a request that the server had not handled when it failed', async () => {
    const server = await startWordsServer({ verdict: null });
    let attempts = 0;
    server.io.on('connection', (socket) => {
      attempts += 1;
      if (attempts > 1) return;
      socket.on('authenticate', () => socket.emit('authenticated', { id: 'x', time: 'now' }));
      socket.on('say', () => {
        socket.emit('unauthenticated', { code: 'unavailable', message: 'Later.', handled: 0, after: 60_000 });
        socket.conn.close();
      });
    });
    const { helper } = createHelper(server.url, { autoAuthenticate: true, queue: true });
    const failure = failureOf(helper.request({ topic: 'say' }));
    await helper.waitFor('authenticated');
    await helper.waitFor('waiting');
    helper.shutdown();
    expect(await failure).toMatchObject({ code: 'shut_down', mayHaveRun: false });
  });
});

describe('isRequestError()', () => {
  const topic = { errors: ['away'] } as const;

  it('recognizes the codes of the library and of the topic', async () => {
    const of = (code: string): RequestError => new RequestError(code, 'x', { mayHaveRun: false });
    for (const code of ['away', 'busy', 'disconnected']) expect(isRequestError(of(code), topic)).toBe(true);
    expect(isRequestError(of('asleep'), topic)).toBe(false);
    expect(isRequestError(of('away'), {})).toBe(false);
    expect(isRequestError(of('asleep'))).toBe(true);
  });

  it('recognizes the errors of another copy of the package, and no other error', () => {
    const other = Object.assign(new Error('x'), { code: 'busy', [Symbol.for('roomgate.RequestError')]: true });
    expect(isRequestError(other)).toBe(true);
    for (const no of [new RoomgateError('expired', 'x'), new Error('x'), null, undefined, 'busy', { code: 'busy' }]) {
      expect(isRequestError(no)).toBe(false);
    }
  });
});
