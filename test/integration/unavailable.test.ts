// npm test: node
// npm run test:matrix: newest-node
import { createRemoteJWKSet, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { Adapter } from 'socket.io-adapter';
import { describe, expect, it, vi } from 'vitest';
import type { Report } from '../../src/server/reports.js';
import { defer } from '../support/cleanup.js';
import { called, createHelper, startWordsServer } from '../support/client.js';
import { EventLog, eventually, unusedPort } from '../support/facts.js';
import { type ClientOptions, connect, connectAuthenticated, startServer, TRANSPORTS } from '../support/server.js';

const GOOD = { path: '/socket.io', auth: { token: 'good' } };

/** A server whose database is down for the first `failures` calls of the function. */
async function startFailing(which: 'authenticateFn' | 'clientConnectedFn', failures: number, options = {}) {
  const said = new EventLog<unknown>();
  const reports: Report[] = [];
  let calls = 0;
  const query = (): void => {
    calls += 1;
    if (calls <= failures) throw new Error('the database is down: password=secret');
  };
  const started = await startServer({
    authenticateFn: ({ auth }) => {
      if (which === 'authenticateFn') query();
      return auth.token === 'good';
    },
    clientConnectedFn: async ({ socket }) => {
      await new Promise(setImmediate);
      if (which === 'clientConnectedFn') query();
      socket.on('say', (text) => said.push(text));
      socket.on('ask', (question, acknowledge) => acknowledge(`answer to ${question}`));
    },
    onReport: (report: Report) => reports.push(report),
    ...options,
  });
  const timesOf = (type: Report['type']): number => reports.filter((report) => report.type === type).length;
  return { ...started, said, reports, timesOf, calls: () => calls };
}

/** A plain Socket.IO client that authenticates after each connect, like programs without the helper. */
function connectPlain(url: string, options: ClientOptions = {}) {
  const client = connect(url, { auth: { token: 'good' }, reconnection: true, reconnectionDelay: 10, ...options });
  client.socket.on('connect', () => client.socket.emit('authenticate'));
  return client;
}

describe.each(TRANSPORTS.map((transports) => ({ transports: [...transports] })))(
  'an authenticateFn that throws, over $transports',
  ({ transports }) => {
    it('makes a plain Socket.IO client reconnect automatically', async () => {
      const server = await startFailing('authenticateFn', 2);
      const client = connectPlain(server.url, { transports });
      await client.heardOf('authenticated');
      const told = client.heard.filter(([event]) => event === 'unauthenticated').map(([, payload]) => payload);
      const message = { code: 'unavailable', message: expect.any(String), time: expect.any(String), after: 1_000 };
      expect(told).toEqual([message, message]);
      expect(JSON.stringify(told)).not.toMatch(/database|secret/);
      const reasons = client.heard.filter(([event]) => event === 'disconnect').map(([, reason]) => reason);
      // Not Socket.IO's disconnect packet, after which a client does not reconnect.
      for (const reason of reasons) expect(reason).toMatch(/^transport (close|error)$/);
      expect(reasons).toHaveLength(2);
      expect(server.timesOf('authenticate_fn_failed')).toBe(2);
      expect(server.log.loud.join()).toContain('the database is down');
    });

    it('makes a helper reconnect with its queue and rooms', async () => {
      const server = await startFailing('authenticateFn', 1);
      const client = createHelper(server.url, {
        autoAuthenticate: true,
        queue: true,
        options: { ...GOOD, transports },
      });
      const rooms = new EventLog<unknown>();
      client.helper.subscribe({ event: 'news', handler: (data) => rooms.push(data) });
      client.helper.emit({ topic: 'say', data: 'queued' });
      expect(await client.helper.joinRooms({ rooms: ['open-1'] })).toMatchObject({ joined: [] });
      await client.helper.waitFor('waiting');
      expect(client.helper.getStatus()).toMatchObject({ code: 'unavailable', message: expect.any(String) });
      await client.helper.waitFor('authenticated');
      expect(await server.said.next()).toBe('queued');
      await eventually(() => server.helper.getIOServer().sockets.adapter.rooms.has('open-1'));
      server.helper.send({ destination: 'open-1', payload: { topic: 'news', data: 1 } });
      expect(await rooms.next()).toBe(1);
      expect(client.calls.all.filter(([name]) => name === 'onUnauthenticated')).toHaveLength(1);
    });
  },
);

describe('an authenticateFn that throws', () => {
  it('makes a helper without credentials reconnect, which authenticates as before', async () => {
    const server = await startFailing('authenticateFn', 1);
    const client = createHelper(server.url, { options: GOOD, onConnected: () => client.helper.authenticate() });
    await called(client, 'onUnauthenticated');
    expect(client.helper.getStatus()).toMatchObject({ status: 'waiting', code: 'unavailable' });
    await called(client, 'onAuthenticated');
  });

  it('is not called again before the time that the server named, with a growing delay', async () => {
    const server = await startFailing('authenticateFn', Number.POSITIVE_INFINITY);
    const asked = performance.now();
    const client = createHelper(server.url, { autoAuthenticate: true, options: GOOD });
    await eventually(() => server.calls() >= 3, { timeout: 10_000 });
    expect(performance.now() - asked).toBeGreaterThanOrEqual(2 * 990);
    expect(client.calls.all.some(([name]) => name === 'onAuthenticated')).toBe(false);
    await expect(client.helper.waitFor('refused', { timeout: 1 })).rejects.toMatchObject({ code: 'timed_out' });
  });

  it.each([
    ['a string', 'no database'],
    ['undefined', undefined],
    ['null', null],
    ['an object', { status: 500 }],
    [
      'a getter that throws',
      Object.defineProperty({}, 'code', {
        get: () => {
          throw new Error('trap');
        },
      }),
    ],
    ['another status', Object.assign(new Error('teapot'), { status: 418 })],
    ['the text of a status', Object.assign(new Error('text'), { status: '401' })],
    ['an error with a cause of status 401', new Error('wrapped', { cause: { status: 401 } })],
    ['a key set that could not be fetched', Object.assign(new Error('slow'), { code: 'ERR_JWKS_TIMEOUT' })],
    ['a malformed key set', Object.assign(new Error('odd'), { code: 'ERR_JWKS_INVALID' })],
    ['a lost connection', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })],
  ])('is unavailable for %s', async (_, thrown) => {
    const { url, reports } = await startFailing('clientConnectedFn', 0, {
      authenticateFn: () => Promise.reject(thrown),
    });
    const client = connectPlain(url, { reconnection: false });
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'unavailable' });
    expect(await client.heardOf('disconnect')).toMatch(/^transport/);
    expect(reports.map(({ type }) => type)).toContain('authenticate_fn_failed');
  });

  it.each([
    ['jsonwebtoken', Object.assign(new Error('jwt malformed'), { name: 'JsonWebTokenError' })],
    ['jsonwebtoken about time', Object.assign(new Error('jwt expired'), { name: 'TokenExpiredError' })],
    ['jsonwebtoken about the start', Object.assign(new Error('jwt not active'), { name: 'NotBeforeError' })],
    ['status 401', Object.assign(new Error('no'), { status: 401 })],
    ['statusCode 403', Object.assign(new Error('no'), { statusCode: 403 })],
    ['a wrapped error about a token', new Error('no', { cause: { code: 'ERR_JWT_EXPIRED' } })],
    ['encryption', Object.assign(new Error('no'), { code: 'ERR_JWE_DECRYPTION_FAILED' })],
    ['an algorithm', Object.assign(new Error('no'), { code: 'ERR_JOSE_ALG_NOT_ALLOWED' })],
    ['several keys', Object.assign(new Error('no'), { code: 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' })],
  ])('is final for an error of %s', async (_, thrown) => {
    const { url, reports, log } = await startFailing('clientConnectedFn', 0, {
      authenticateFn: () => Promise.reject(thrown),
    });
    const client = connectPlain(url);
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'refused' });
    expect(await client.heardOf('disconnect')).toBe('io server disconnect');
    expect(reports).toContainEqual({ type: 'credential_rejected', client: expect.any(String), error: thrown });
    expect(log.loud).toEqual([]);
  });
});

describe('a token that jose refuses is final', () => {
  const secret = new TextEncoder().encode('a secret of 32 bytes or more, for tests');
  const algorithms = ['HS256'];
  const sign = (expires: string, key = secret) =>
    new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(expires).sign(key);

  it.each([
    ['no token', async () => undefined],
    ['a malformed one', async () => 'abc'],
    ['an expired one', () => sign('-1 hour')],
    ['one of another key', () => sign('1 hour', new TextEncoder().encode('another secret of 32 bytes or more'))],
    ['one of another issuer', () => sign('1 hour'), { issuer: 'https://app.example', algorithms }],
    ['one of another algorithm', () => sign('1 hour'), { algorithms: ['HS512'] }],
  ])('%s', async (_, token, options = { algorithms }) => {
    const { url } = await startServer({
      authenticateFn: async ({ auth }) => Boolean(await jwtVerify(auth.token, secret, options)),
    });
    const { helper } = createHelper(url, { credentials: async () => ({ token: await token() }), options: GOOD });
    await helper.waitFor('refused');
    expect(helper.getStatus()).toMatchObject({ code: 'refused' });
  });

  it("unless its keys can't be fetched", async () => {
    const keys = createRemoteJWKSet(new URL(`http://127.0.0.1:${await unusedPort()}/jwks.json`));
    const { privateKey } = await generateKeyPair('ES256');
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    const { url } = await startServer({ authenticateFn: async () => Boolean(await jwtVerify(token, keys)) });
    const { helper } = createHelper(url, { autoAuthenticate: true, options: GOOD });
    await helper.waitFor('waiting');
    expect(helper.getStatus()).toMatchObject({ code: 'unavailable' });
  });
});

it('a failing admission makes the client reconnect', async () => {
  class Broken extends Adapter {
    override addAll(id: string, rooms: Set<string>): Promise<void> | void {
      if (rooms.has('io-default')) throw new Error('the adapter is down');
      return super.addAll(id, rooms);
    }
  }
  const { url, log } = await startServer({ serverOptions: { adapter: Broken } });
  const client = connectPlain(url, { reconnection: false });
  const { handled, ...told } = await client.heardOf<Record<string, unknown>>('unauthenticated');
  expect(told).toMatchObject({ code: 'unavailable', after: 1_000 });
  expect(handled).toBeUndefined();
  expect(await client.heardOf('disconnect')).toMatch(/^transport/);
  expect(log.loud.join()).toContain('admission failed');
});

/** The longest delay before each attempt of a helper: 100 ms, 200 ms, 400 ms, and so on. */
async function reconnecting(url: string, options: ClientOptions & { path: string }) {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.999_999);
  defer(() => random.mockRestore());
  const delays: number[] = [];
  const { helper } = createHelper(url, {
    autoAuthenticate: true,
    options: { ...options, reconnectionDelay: 100, reconnectionDelayMax: 800 },
    onStatusChanged: ({ retryAt }) => {
      if (retryAt !== undefined) delays.push(Math.round((retryAt - Date.now()) / 10) * 10);
    },
  });
  await helper.waitFor('authenticated');
  return { helper, delays };
}

describe('the back-off', () => {
  it('starts over once a client has stayed for 10 s, and not before', async () => {
    const server = await startWordsServer();
    const { helper, delays } = await reconnecting(server.url, { path: '/io', transports: ['websocket'] });
    const lose = async (): Promise<void> => {
      const lost = helper.waitFor('waiting');
      for (const socket of server.io.sockets.sockets.values()) socket.conn.close();
      await lost;
    };
    for (let time = 0; time < 2; time++) {
      await lose();
      await helper.waitFor('authenticated');
    }
    await lose();
    const stop = helper.onStatus(({ status }) => {
      if (status === 'authenticating') vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    });
    defer(() => vi.useRealTimers());
    await helper.waitFor('authenticated');
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    stop();
    await lose();
    expect(delays).toEqual([100, 200, 400, 100]);
  });
});

describe('a clientConnectedFn that fails', () => {
  it('disconnects the client, which reconnects, and sends its unhandled events again, in order and once', async () => {
    const server = await startFailing('clientConnectedFn', 2);
    const client = createHelper(server.url, { autoAuthenticate: true, queue: true, options: GOOD });
    const answers: unknown[] = [];
    for (let n = 0; n < 20; n++) client.helper.emit({ topic: 'say', data: n, cb: (error) => answers.push(error) });
    await eventually(() => server.said.all.length === 20, { timeout: 15_000 });
    expect(server.said.all).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(answers).toEqual(Array.from({ length: 20 }, () => undefined));
    expect(server.calls()).toBe(3);
    expect(server.reports).toContainEqual({
      type: 'handler_failed',
      where: 'clientConnectedFn',
      client: expect.any(String),
      error: expect.objectContaining({ message: expect.stringContaining('the database is down') }),
    });
    expect(server.helper.getClients().size).toBe(1);
  });

  it('leaves a request pending that reached no handler, and sends it again', async () => {
    const server = await startFailing('clientConnectedFn', 1);
    const { helper } = createHelper(server.url, { autoAuthenticate: true, queue: true, options: GOOD });
    expect(await helper.request({ topic: 'ask', data: 'a' })).toBe('answer to a');
    expect(server.calls()).toBe(2);
  });

  it('reports how many events were handled, and none of these is sent again', async () => {
    const early = new EventLog<unknown>();
    const late = new EventLog<unknown>();
    let fail: ((error: Error) => void) | undefined;
    const server = await startServer({
      clientConnectedFn: async ({ socket }) => {
        socket.on('early', (n) => early.push(n));
        if (fail === undefined)
          await new Promise((_, reject) => {
            fail = reject;
          });
        socket.on('late', (n) => late.push(n));
      },
    });
    const { helper } = createHelper(server.url, { autoAuthenticate: true, queue: true, options: GOOD });
    await helper.waitFor('authenticated');
    const raw = helper.getSocketClient();
    const told = new Promise((resolve) => raw.once('unauthenticated', resolve));
    for (const n of [1, 2]) helper.emit({ topic: 'early', data: n });
    // The server also counts events that the helper does not count.
    raw.emit('early', 'raw');
    await raw.emitWithAck('join', { rooms: ['open-1'] });
    for (const topic of ['late', 'early', 'late']) helper.emit({ topic, data: topic });
    await eventually(() => {
      const [session] = server.helper.getClients().values();
      return (session as unknown as { early: { count: number } }).early.count === 3;
    });
    // These are in flight when the function fails, and never arrive.
    fail?.(new Error('on purpose'));
    helper.emit({ topic: 'late', data: 'last' });
    expect(await told).toMatchObject({ code: 'unavailable', after: 1_000, handled: 4 });
    await eventually(() => late.all.length === 3, { timeout: 10_000 });
    expect(late.all).toEqual(['late', 'late', 'last']);
    expect(early.all).toEqual([1, 2, 'raw', 'early']);
  });

  it('is called at growing intervals by one client, although the client is authenticated each time', async () => {
    const server = await startFailing('clientConnectedFn', Number.POSITIVE_INFINITY);
    const { delays } = await reconnecting(server.url, { ...GOOD, transports: ['websocket'] });
    await eventually(() => delays.length >= 3, { timeout: 15_000 });
    // Each delay starts with the rest of the 1 000 ms that the server named.
    for (const [index, bound] of [100, 200, 400].entries()) {
      expect(delays[index]).toBeLessThanOrEqual(bound + 1_000);
      expect(delays[index]).toBeGreaterThan(bound + 500);
    }
    expect(server.calls()).toBeLessThanOrEqual(4);
  });

  it('keeps the client with onFailure.connected "keep"', async () => {
    const server = await startFailing('clientConnectedFn', 1, { onFailure: { connected: 'keep' } });
    const client = await connectAuthenticated(server.url);
    await eventually(() => server.timesOf('handler_failed') === 1);
    await client.socket.timeout(5_000).emitWithAck('leave', { rooms: [] });
    expect(client.socket.connected).toBe(true);
  });

  it.each(['has left', 'was disconnected', 'was shut down'])('changes nothing for a client that %s', async (how) => {
    let fail: ((error: Error) => void) | undefined;
    const server = await startServer({
      clientConnectedFn: () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    });
    const client = await connectAuthenticated(server.url);
    const [session] = server.helper.getClients().values();
    if (how === 'has left') client.socket.disconnect();
    else if (how === 'was disconnected' && session) server.helper.disconnect({ socket: session.socket });
    else await server.helper.shutdown();
    await client.heardOf('disconnect');
    await eventually(() => server.helper.getClients().size === 0);
    fail?.(new Error('on purpose'));
    await eventually(() => server.log.loud.length > 0);
    expect(server.log.loud.join()).toContain('clientConnectedFn failed');
    expect(client.heard.map(([event]) => event)).not.toContain('unauthenticated');
  });
});
