// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';
import { defer } from '../support/cleanup.js';
import { createHelper, lose } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { startRelay } from '../support/recording-relay.js';
import { startServer, type TestOptions } from '../support/server.js';
import { startProxy } from '../support/tcp-proxy.js';

const OPTIONS = { path: '/socket.io' };

/** A server whose clients say who they are. It records what it was asked, and what clients said. */
async function startTokens(options: TestOptions = {}) {
  const asked: Record<string, unknown>[] = [];
  const said = new EventLog<readonly [user: string | undefined, text: unknown]>();
  const started = await startServer({
    authenticateFn: ({ auth }) => {
      asked.push(auth);
      if (auth.fails) throw new Error('down');
      if (auth.refused !== undefined) return { refused: auth.refused, retry: auth.retry };
      if (auth.user === undefined) return true;
      const expiresAt = auth.lastsMs === undefined ? undefined : Date.now() + Number(auth.lastsMs);
      return { user: auth.user, session: auth.session, expiresAt };
    },
    validateRoomFn: ({ rooms }) => rooms,
    clientConnectedFn: ({ socket }) => {
      socket.on('say', (text) => said.push([started.helper.getIdentity({ socket })?.user, text]));
    },
    ...options,
  });
  return { ...started, asked, said };
}

it('the status says who the client is', async () => {
  const { url } = await startTokens();
  const { helper } = createHelper(url, { options: OPTIONS, credentials: () => ({ user: 'ann', session: 's' }) });
  await helper.waitFor('authenticated');
  expect(helper.getStatus()).toEqual({ status: 'authenticated', user: 'ann', session: 's' });
});

describe('a client whose access expires', () => {
  it('renews it again and again on its connection, with its rooms and in order', async () => {
    const { url, said, helper: server } = await startTokens();
    const reasons: string[] = [];
    let authenticated = 0;
    const { helper } = createHelper(url, {
      options: OPTIONS,
      credentials: ({ reason }) => {
        reasons.push(reason);
        return { user: 'ann', lastsMs: 2_400, number: reasons.length };
      },
      onAuthenticated: () => {
        authenticated += 1;
      },
    });
    await helper.waitFor('authenticated');
    await helper.joinRooms({ rooms: ['a'] });
    const { id } = helper.getSocketClient();
    await eventually(() => reasons.length >= 4, { timeout: 20_000 });
    helper.emit({ topic: 'say', data: 'still here' });
    expect(await said.next()).toEqual(['ann', 'still here']);
    expect(helper.getSocketClient().id).toBe(id);
    expect(server.getIOServer().sockets.adapter.rooms.get('a')?.size).toBe(1);
    expect(authenticated).toBe(1);
    expect(new Set(reasons.slice(1))).toEqual(new Set(['renew']));
  }, 30_000);

  it('tries again if its credentials can’t be had, or the server fails', async () => {
    const { url, asked } = await startTokens();
    const given = [
      { user: 'ann', lastsMs: 6_000 },
      new Error('offline'),
      { user: 'ann', lastsMs: 6_000, fails: true },
      { user: 'ann', lastsMs: 60_000, last: true },
    ];
    const { helper } = createHelper(url, {
      options: OPTIONS,
      credentials: () => {
        const next = given.shift();
        if (next instanceof Error) throw next;
        return next ?? { user: 'ann', lastsMs: 60_000 };
      },
    });
    await helper.waitFor('authenticated');
    const { id } = helper.getSocketClient();
    await eventually(() => asked.some(({ last }) => last === true), { timeout: 15_000 });
    await eventually(() => given.length === 0);
    expect(helper.getStatus()).toMatchObject({ status: 'authenticated', user: 'ann' });
    expect(helper.getSocketClient().id).toBe(id);
  }, 30_000);

  it('does not send refused credentials a second time', async () => {
    const { url, asked } = await startTokens({ authenticateTimeout: 5_000 });
    let refuse = false;
    const { helper } = createHelper(url, {
      options: OPTIONS,
      credentials: () => (refuse ? { refused: 'banned' } : { user: 'ann', lastsMs: 2_000 }),
    });
    await helper.waitFor('authenticated');
    refuse = true;
    await helper.waitFor('refused');
    expect(helper.getStatus()).toMatchObject({ status: 'refused', code: 'banned' });
    expect(asked.filter(({ refused }) => refused === 'banned')).toHaveLength(1);
    helper.connect();
    await eventually(() => asked.filter(({ refused }) => refused === 'banned').length === 2);
  }, 20_000);

  it('comes back once with new credentials, and is refused if they are the old ones', async () => {
    const { url, asked } = await startTokens();
    const { helper } = createHelper(url, {
      options: OPTIONS,
      // Too short to be renewed.
      credentials: () => ({ user: 'ann', lastsMs: 700 }),
    });
    await helper.waitFor('authenticated');
    await helper.waitFor('refused');
    expect(helper.getStatus()).toMatchObject({ status: 'refused', code: 'expired' });
    expect(asked).toHaveLength(1);
  }, 20_000);

  it('comes back with credentials that were sent for a renewal and never judged', async () => {
    let decide: (() => void) | undefined;
    const sent: unknown[] = [];
    const { url } = await startTokens({
      authenticateFn: ({ auth: { token } }) => {
        sent.push(token);
        if (token === 'old') return { user: 'ann', expiresAt: Date.now() + 2_400 };
        if (sent.filter((each) => each === 'new').length > 1) return { user: 'ann' };
        return new Promise((resolve) => {
          decide = () => resolve({ user: 'ann' });
        });
      },
    });
    let token = 'old';
    const { helper } = createHelper(url, { options: OPTIONS, credentials: () => ({ token }) });
    await helper.waitFor('authenticated');
    token = 'new';
    await helper.waitFor('waiting');
    await helper.waitFor('authenticated');
    decide?.();
    expect(sent).toEqual(['old', 'new', 'new']);
  }, 20_000);

  it('keeps an access that still lasts if its program gives credentials that were refused before', async () => {
    const { url, asked } = await startTokens();
    let given: Record<string, unknown> = { user: 'ann', lastsMs: 700, is: { first: 1, second: 2 } };
    const { helper, log } = createHelper(url, { options: OPTIONS, credentials: () => given });
    await helper.waitFor('authenticated');
    const refused = { is: { second: 2, first: 1 }, lastsMs: 700, user: 'ann' };
    given = { user: 'ann', lastsMs: 5_000 };
    await helper.waitFor('waiting');
    await helper.waitFor('authenticated');
    given = refused;
    await eventually(() => log.lines.some((line) => line.includes('the server has refused the ones')), {
      timeout: 10_000,
    });
    expect(helper.getStatus()).toMatchObject({ status: 'authenticated' });
    given = { user: 'ann', lastsMs: 60_000 };
    await eventually(() => asked.length === 3, { timeout: 10_000 });
    expect(helper.getStatus()).toMatchObject({ status: 'authenticated' });
    expect(asked.filter(({ lastsMs }) => lastsMs === 700)).toHaveLength(1);
  }, 30_000);

  it('asks again if its credentials can’t be had after the end, and never sends the old ones', async () => {
    const { url, asked } = await startTokens();
    const relay = await startRelay(url);
    const given = [
      { user: 'ann', token: 'old-token', lastsMs: 900 },
      new Error('offline'),
      new Error('offline'),
      { user: 'ann', token: 'new-token' },
    ];
    const { helper, calls } = createHelper(relay.url, {
      options: OPTIONS,
      credentials: () => {
        const next = given.shift();
        if (next === undefined || next instanceof Error) throw next;
        return next;
      },
    });
    await helper.waitFor('authenticated');
    relay.clear();
    await helper.waitFor('waiting');
    // Two attempts to connect during the wait don't make the old ones valid.
    helper.connect();
    await eventually(() => asked.some(({ token }) => token === 'new-token'));
    await helper.waitFor('authenticated');
    expect(relay.sent).toContain('new-token');
    expect(relay.sent).not.toContain('old-token');
    const errors = calls.all.filter(([name]) => name === 'onError').map(([, error]) => error);
    expect(errors).toEqual([1, 2].map(() => expect.objectContaining({ code: 'credentials_failed' })));
  }, 20_000);

  it('is not sent again by connect() while it waits to come back', async () => {
    const { url, asked } = await startTokens();
    const { helper } = createHelper(url, {
      options: OPTIONS,
      // Too short to be renewed.
      credentials: () => ({ user: 'ann', lastsMs: 700 }),
      onStatusChanged: ({ status }) => status === 'waiting' && helper.connect(),
    });
    await helper.waitFor('authenticated');
    await helper.waitFor('refused');
    expect(asked).toHaveLength(1);
  }, 20_000);

  it('disconnects if `credentials` returns null', async () => {
    const { url } = await startTokens();
    let isSignedIn = true;
    const { helper } = createHelper(url, {
      options: OPTIONS,
      credentials: () => (isSignedIn ? { user: 'ann', lastsMs: 2_000 } : null),
    });
    await helper.waitFor('authenticated');
    isSignedIn = false;
    await helper.waitFor('disconnected');
    expect(helper.getStatus()).toEqual({ status: 'disconnected', message: 'signed out' });
    isSignedIn = true;
    helper.connect();
    await helper.waitFor('authenticated');
  }, 20_000);
});

it('a client that comes back as another user drops its queue and its rooms', async () => {
  const { url, said, helper: server } = await startTokens();
  const proxy = await startProxy({ target: Number(new URL(url).port) });
  let user = 'ann';
  const client = createHelper(`http://127.0.0.1:${proxy.port}`, {
    options: OPTIONS,
    queue: true,
    credentials: () => ({ user }),
  });
  await client.helper.waitFor('authenticated');
  await client.helper.joinRooms({ rooms: ['a'] });
  user = 'bob';
  await lose(client.helper, proxy);
  const failed: unknown[] = [];
  client.helper.emit({ topic: 'say', data: 'of ann', cb: (error) => failed.push(error) });
  await client.helper.waitFor('authenticated');
  expect(client.helper.getStatus()).toEqual({ status: 'authenticated', user: 'bob' });
  client.helper.emit({ topic: 'say', data: 'of bob' });
  expect(await said.next()).toEqual(['bob', 'of bob']);
  expect(failed).toEqual([expect.objectContaining({ code: 'user_changed' })]);
  expect(server.getIOServer().sockets.adapter.rooms.has('a')).toBe(false);
});

it.each<[string, object, object, boolean]>([
  ['gets an identity', {}, { user: 'ann' }, true],
  ['loses its identity', { user: 'ann' }, {}, true],
  ['has another session of the same user', { user: 'ann', session: '1' }, { user: 'ann', session: '2' }, false],
])('a client that %s on the way back: is it another user?', async (_, first, second, isOther) => {
  const { url } = await startTokens();
  const proxy = await startProxy({ target: Number(new URL(url).port) });
  let credentials = first;
  const { helper } = createHelper(`http://127.0.0.1:${proxy.port}`, {
    options: OPTIONS,
    queue: true,
    credentials: () => ({ ...credentials }),
  });
  await helper.waitFor('authenticated');
  credentials = second;
  await lose(helper, proxy);
  const results: unknown[] = [];
  helper.emit({ topic: 'say', data: 1, cb: (error) => results.push(error?.code) });
  await eventually(() => results.length === 1);
  expect(results).toEqual([isOther ? 'user_changed' : undefined]);
});

it('a client that renews as another user comes back as that user, without its queue and its rooms', async () => {
  const { url, said, helper: server } = await startTokens();
  let user = 'ann';
  const failed: unknown[] = [];
  const { helper } = createHelper(url, {
    options: OPTIONS,
    queue: true,
    credentials: () => ({ user, lastsMs: user === 'ann' ? 2_000 : 60_000 }),
    onStatusChanged: ({ status }) => {
      if (status === 'waiting') helper.emit({ topic: 'say', data: 'of ann', cb: (error) => failed.push(error?.code) });
    },
  });
  await helper.waitFor('authenticated');
  await helper.joinRooms({ rooms: ['a'] });
  user = 'bob';
  await eventually(() => helper.getStatus().user === 'bob', { timeout: 10_000 });
  helper.emit({ topic: 'say', data: 'of bob' });
  expect(await said.next()).toEqual(['bob', 'of bob']);
  expect(new Set(failed)).toEqual(new Set(['user_changed']));
  expect(server.getIOServer().sockets.adapter.rooms.has('a')).toBe(false);
}, 20_000);

it('a refusal with the code of the program is final, unless the program lets the client try again', async () => {
  const { url, asked } = await startTokens();
  let answer: Record<string, unknown> = { refused: 'full', retry: true };
  const { helper } = createHelper(url, { options: OPTIONS, credentials: () => answer });
  await eventually(() => asked.length === 1);
  await helper.waitFor('waiting');
  expect(helper.getStatus()).toMatchObject({ code: 'full' });
  answer = { refused: 'banned' };
  await helper.waitFor('refused');
  expect(helper.getStatus()).toMatchObject({ code: 'banned' });
});

it('a room whose access was withdrawn is not joined again', async () => {
  const { url, helper: server } = await startTokens();
  const proxy = await startProxy({ target: Number(new URL(url).port) });
  const client = createHelper(`http://127.0.0.1:${proxy.port}`, {
    options: OPTIONS,
    credentials: () => ({ user: 'ann' }),
  });
  await client.helper.waitFor('authenticated');
  await client.helper.joinRooms({ rooms: ['a', 'b'] });
  const lost = client.log.lines.length;
  await server.revoke({ user: 'ann', room: 'a' });
  await eventually(() =>
    client.log.lines.slice(lost).some((line) => line.includes('ended the access to rooms: a (revoked)')),
  );
  await lose(client.helper, proxy);
  await client.helper.waitFor('authenticated');
  await eventually(() => server.getIOServer().sockets.adapter.rooms.has('b'));
  expect(server.getIOServer().sockets.adapter.rooms.has('a')).toBe(false);
});

describe('signOut()', () => {
  it.each([[['polling']], [['websocket']], [['polling', 'websocket']]])(
    'over %s: the server forgets the client, and no byte carries the token',
    async (transports) => {
      const { url, helper: server } = await startTokens();
      const relay = await startRelay(url);
      const reasons: string[] = [];
      let token = 'old-token';
      const { helper } = createHelper(relay.url, {
        options: { ...OPTIONS, transports, query: { key: 'secret-key' }, extraHeaders: { 'x-key': 'secret-head' } },
        queue: true,
        credentials: ({ reason }) => {
          reasons.push(reason);
          return { user: 'ann', token, lastsMs: 60_000 };
        },
      });
      await helper.waitFor('authenticated');
      await helper.joinRooms({ rooms: ['a'] });
      // The relay sees what it must not see later.
      for (const secret of ['old-token', 'secret-key', 'secret-head']) expect(relay.sent).toContain(secret);
      const left = helper.signOut();
      expect(helper.getStatus()).toEqual({ status: 'disconnected', message: 'signed out' });
      await left;
      relay.clear();
      await eventually(() => server.getClients().size === 0);
      token = 'new-token';
      helper.connect();
      await helper.waitFor('authenticated');
      await helper.leaveRooms({ rooms: ['b'] });
      expect(relay.sent).toContain('new-token');
      expect(relay.sent).not.toMatch(/old-token|secret/);
      expect(reasons).toEqual(['connect', 'connect']);
      expect(server.getIOServer().sockets.adapter.rooms.has('a')).toBe(false);
    },
  );

  it.each([[['polling']], [['websocket']]])(
    'over %s, during a renewal: the credentials that come then are not sent',
    async (transports) => {
      const { url, helper: server } = await startTokens();
      const relay = await startRelay(url);
      const renewing = new EventLog<() => void>();
      const { helper } = createHelper(relay.url, {
        options: { ...OPTIONS, transports },
        credentials: ({ reason }) => {
          if (reason === 'connect') return { user: 'ann', token: 'old-token', lastsMs: 2_000 };
          return new Promise((resolve) => renewing.push(() => resolve({ user: 'ann', token: 'old-token-2' })));
        },
      });
      await helper.waitFor('authenticated');
      const answer = await renewing.next(() => true, { timeout: 10_000 });
      relay.clear();
      await helper.signOut();
      answer();
      await eventually(() => server.getClients().size === 0);
      const other = createHelper(relay.url, {
        options: { ...OPTIONS, transports },
        credentials: () => ({ user: 'bob' }),
      });
      await other.helper.waitFor('authenticated');
      expect(relay.sent).toContain('bob');
      expect(relay.sent).not.toContain('old-token');
    },
  );

  it('followed by connect() at once opens no connection with the query', async () => {
    const { url } = await startTokens();
    const relay = await startRelay(url);
    const { helper } = createHelper(relay.url, {
      options: { ...OPTIONS, transports: ['websocket'], query: { key: 'secret-key' } },
      credentials: () => ({ user: 'ann' }),
    });
    await helper.waitFor('authenticated');
    relay.clear();
    const left = helper.signOut();
    helper.connect();
    await helper.waitFor('authenticated');
    await left;
    await helper.leaveRooms({ rooms: ['b'] });
    expect(relay.sent).toContain('ann');
    expect(relay.sent).not.toContain('secret');
  });

  it('clears the query of the address, and options of a transport', async () => {
    const { url } = await startTokens();
    const relay = await startRelay(url);
    const { helper } = createHelper(`${relay.url}?key=secret-key`, {
      options: {
        ...OPTIONS,
        transports: ['polling'],
        auth: { token: 'old-token' },
        transportOptions: { polling: { extraHeaders: { 'x-key': 'secret-head' } } },
      },
      autoAuthenticate: true,
    });
    await helper.waitFor('authenticated');
    for (const secret of ['old-token', 'secret-key', 'secret-head']) expect(relay.sent).toContain(secret);
    await helper.signOut();
    relay.clear();
    helper.connect();
    await helper.waitFor('authenticated');
    expect(relay.sent).toContain('GET ');
    expect(relay.sent).not.toMatch(/old-token|secret/);
  });

  it('leaves a status that the server had ended', async () => {
    const { url } = await startTokens();
    const { helper } = createHelper(url, { options: OPTIONS, credentials: () => ({ refused: 'banned' }) });
    await helper.waitFor('refused');
    await helper.signOut();
    expect(helper.getStatus()).toEqual({ status: 'disconnected', message: 'signed out' });
  });

  it('ends an attempt that is under way, and drops the queue', async () => {
    const { url, asked } = await startTokens();
    const asking = new EventLog<() => void>();
    const { helper } = createHelper(url, {
      options: OPTIONS,
      queue: true,
      credentials: () => new Promise((resolve) => asking.push(() => resolve({ user: 'ann' }))),
    });
    const failed: unknown[] = [];
    helper.emit({ topic: 'say', data: 1, cb: (error) => failed.push(error) });
    const answer = await asking.next();
    await helper.signOut();
    answer();
    await eventually(() => failed.length === 1);
    expect(failed).toEqual([expect.objectContaining({ code: 'disconnected' })]);
    helper.connect();
    (await asking.next())();
    await helper.waitFor('authenticated');
    expect(asked).toHaveLength(1);
  });
});

describe('wake()', () => {
  async function startBehindProxy() {
    const { url } = await startTokens();
    const proxy = await startProxy({ target: Number(new URL(url).port) });
    const { helper } = createHelper(`http://127.0.0.1:${proxy.port}`, {
      options: { ...OPTIONS, transports: ['websocket'] },
      credentials: () => ({ user: 'ann' }),
    });
    await helper.waitFor('authenticated');
    return { proxy, helper };
  }

  it('replaces a connection that is dead without a sign of it', async () => {
    const { proxy, helper } = await startBehindProxy();
    const { id } = helper.getSocketClient();
    const ended = new EventLog<string>();
    helper.onStatus(({ status }) => ended.push(status));
    proxy.blackhole();
    helper.wake();
    // The heartbeat would notice it 45 s later.
    await ended.next((status) => status !== 'authenticated', { timeout: 10_000 });
    proxy.heal();
    await helper.waitFor('authenticated');
    expect(helper.getSocketClient().id).not.toBe(id);
    // The next one that dies is replaced as soon: the new connection has shown that the server answers.
    await helper.leaveRooms({ rooms: [] });
    const next = helper.getSocketClient().id;
    proxy.blackhole();
    helper.wake();
    await eventually(() => helper.getStatus().status !== 'authenticated', { timeout: 10_000 });
    proxy.heal();
    await helper.waitFor('authenticated');
    expect(helper.getSocketClient().id).not.toBe(next);
  });

  it('after two hours asleep sends fresh credentials in the first packet', async () => {
    const { url } = await startTokens();
    const relay = await startRelay(url);
    let token = 'old-token';
    const { helper } = createHelper(relay.url, {
      options: { ...OPTIONS, transports: ['websocket'] },
      credentials: () => ({ user: 'ann', token, lastsMs: 30 * 60_000 }),
    });
    await helper.waitFor('authenticated');
    token = 'fresh-token';
    relay.clear();
    const real = Date.now.bind(Date);
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => real() + 2 * 60 * 60_000);
    defer(() => clock.mockRestore());
    helper.wake();
    const changes = new EventLog<string>();
    helper.onStatus(({ status }) => changes.push(status));
    await changes.next((status) => status === 'authenticated');
    const packets = relay.sent.split('\n').filter((line) => line.startsWith('4'));
    expect(packets[0]).toMatch(/^40.*fresh-token/);
    expect(relay.sent).not.toContain('old-token');
  });

  it('keeps a connection that lives', async () => {
    const { helper } = await startBehindProxy();
    const { id } = helper.getSocketClient();
    const changes: string[] = [];
    helper.onStatus(({ status }) => changes.push(status));
    helper.wake();
    const began = performance.now();
    await eventually(() => performance.now() - began > 2_500);
    expect(changes).toEqual([]);
    expect(helper.getSocketClient().id).toBe(id);
  });

  it('begins the next attempt now, in place of waiting for it', async () => {
    const { proxy, helper } = await startBehindProxy();
    await proxy.refuse();
    proxy.cut();
    await helper.waitFor('waiting');
    await proxy.accept();
    helper.wake();
    await helper.waitFor('authenticated');
  });
});
