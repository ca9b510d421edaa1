// npm test: node, bun
import { describe, expect, it } from 'vitest';
import { called, createHelper, startWordsServer } from '../support/client.js';
import { EventLog } from '../support/facts.js';

const LATER = 'Come back later.';

describe.each(['rate_limited', 'too_many_connections', 'unavailable'])('unauthenticated with %s', (code) => {
  it('makes the client come back, with the code in its status, and keeps queue and rooms', async () => {
    const server = await startWordsServer({ verdict: null });
    let attempts = 0;
    server.io.on('connection', (socket) => {
      attempts += 1;
      const isFirst = attempts === 1;
      socket.on('authenticate', () => {
        if (!isFirst) return socket.emit('authenticated', { id: 'x', time: 'now' });
        // As the server ends such a connection: without Socket.IO's disconnect.
        socket.emit('unauthenticated', { code, message: LATER, time: 'now', retry: true, after: 20 });
        return setImmediate(() => socket.conn.close());
      });
    });
    const { helper, calls } = createHelper(server.url, { autoAuthenticate: true, queue: true });
    helper.emit({ topic: 'say', data: 'queued' });
    void helper.joinRooms({ rooms: ['public/news'] });
    await helper.waitFor('waiting');
    expect(helper.getStatus()).toMatchObject({ status: 'waiting', code, message: LATER });
    await helper.waitFor('authenticated');
    expect(await server.heard.next(([event]) => event === 'say')).toEqual(['say', 'queued']);
    expect(server.heard.all).toContainEqual(['join', { rooms: ['public/news'] }]);
    expect(calls.all.filter(([name]) => name === 'onUnauthenticated')).toEqual([
      ['onUnauthenticated', LATER, 'unauthorized'],
    ]);
  });

  it('does not make it come back sooner than after, which is at most a minute', async () => {
    const server = await startWordsServer({
      verdict: ['unauthenticated', { code, message: LATER, time: 'now', after: 3_600_000 }],
    });
    server.io.on('connection', (socket) => socket.on('authenticate', () => socket.conn.close()));
    const { helper } = createHelper(server.url, { autoAuthenticate: true });
    const retryAt = new EventLog<number>();
    helper.onStatus((status) => status.retryAt !== undefined && retryAt.push(status.retryAt));
    const wait = (await retryAt.next()) - Date.now();
    expect(wait).toBeGreaterThan(55_000);
    expect(wait).toBeLessThan(61_000);
  });
});

describe('a middleware of io.use()', () => {
  async function startRefusing(data: object | undefined, times: number) {
    const server = await startWordsServer();
    let attempts = 0;
    server.io.use((_, next) => {
      attempts += 1;
      next(attempts > times ? undefined : Object.assign(new Error(LATER), { data }));
    });
    return { ...server, attempts: () => attempts };
  }

  it('that has failed makes the client come back until it is accepted', async () => {
    const server = await startRefusing({ code: 'unavailable' }, 3);
    const client = createHelper(server.url, { autoAuthenticate: true, queue: true });
    const seen = new EventLog<unknown>();
    client.helper.onStatus((status) => seen.push(status));
    client.helper.emit({ topic: 'say', data: 'queued' });
    expect(await called(client, 'onError')).toMatchObject(['onError', { message: LATER }, 'unauthorized']);
    await client.helper.waitFor('authenticated');
    expect(server.attempts()).toBe(4);
    expect(seen.all).toContainEqual({
      status: 'waiting',
      code: 'unavailable',
      message: LATER,
      retryAt: expect.any(Number),
    });
    expect(seen.all).not.toContainEqual(expect.objectContaining({ status: 'refused' }));
    expect(await server.heard.next(([event]) => event === 'say')).toEqual(['say', 'queued']);
  });

  it('may ask the client to wait', async () => {
    const server = await startRefusing({ code: 'unavailable', after: 30_000 }, 1);
    const { helper } = createHelper(server.url);
    const retryAt = new EventLog<number>();
    helper.onStatus((status) => status.retryAt !== undefined && retryAt.push(status.retryAt));
    expect((await retryAt.next()) - Date.now()).toBeGreaterThan(25_000);
  });

  it('that has failed disconnects a client that may not reconnect', async () => {
    const server = await startRefusing({ code: 'unavailable' }, 1);
    const { helper } = createHelper(server.url, { options: { reconnection: false } });
    await expect(helper.waitFor('connected')).rejects.toMatchObject({ code: 'disconnected' });
    expect(helper.getStatus()).toEqual({ status: 'disconnected', message: LATER });
  });

  it.each([undefined, {}, { code: 'rate_limited' }, { code: 'sold_out' }])(
    'that refuses is final: %j',
    async (data) => {
      const server = await startRefusing(data, 1);
      const { helper } = createHelper(server.url);
      await helper.waitFor('refused', { timeout: 10_000 });
      expect(helper.getStatus()).toEqual({ status: 'refused', code: 'connect_error', message: LATER });
      expect(server.attempts()).toBe(1);
    },
  );
});
