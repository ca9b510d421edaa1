// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { Agent } from 'node:http';
import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import { defer } from '../support/cleanup.js';
import { eventually, unusedPort } from '../support/facts.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { enter, heardOn, idOf, type Served, serve, stranger, topicsOf, WAYS } from './program.js';
import { ask, opening } from './requests.js';

/** With a timeout of 9 s, connections that do not end by themselves are closed by force after 8 s. */
const NOTHING_CUT_MS = 7_500;

const COMING_BACK = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(false));
    socket.once('error', () => resolve(true));
    socket.once('close', () => socket.destroy());
  });
}

const shutDown = (server: Served) =>
  server.run(async ({ helper }) => {
    const began = performance.now();
    await helper.shutdown();
    return { ms: performance.now() - began, clients: helper.getClients().size };
  });

/** The program exits once its stdin closes, because nothing else keeps it alive. */
async function endsByItself(server: Served): Promise<void> {
  server.program.endInput();
  expect(await server.program.ended()).toEqual({ code: 0, signal: null });
  expect(server.program.stderr).toBe('');
}

describe.each(WAYS)('over $way', ({ transports }) => {
  it('shutdown() ends everything, and clients reconnect automatically to the next server', async () => {
    const port = await unusedPort();
    const first = await serve({ options: () => ({ shutdownTimeout: 9_000 }), serving: { port } });
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => enter(first.url, { transports, ...COMING_BACK })),
    );
    const ids = clients.map(idOf);
    const outside = await stranger(first.url, { transports });
    const { ms, clients: left } = await shutDown(first);
    expect(left).toBe(0);
    expect(ms).toBeLessThan(NOTHING_CUT_MS);
    for (const client of [...clients, outside]) {
      expect(await client.heardOf('disconnect')).toMatch(/^transport (close|error)$/);
      expect(topicsOf(client)).not.toContain('unauthenticated');
    }
    expect(await isRefused(port)).toBe(true);
    await endsByItself(first);

    const second = await serve({ serving: { port } });
    await eventually(() => clients.every(({ socket }) => socket.connected), { timeout: 15_000 });
    for (const client of clients) {
      expect(ids).not.toContain(idOf(client));
      client.socket.emit('authenticate');
      await eventually(() => heardOn(client, 'authenticated').length === 2);
    }
    await second.run(({ helper }) => helper.send({ payload: { topic: 'hello', data: 'again' } }));
    for (const client of clients) expect(await client.heardOf('hello')).toBe('again');
  });

  it('later sends are dropped and reported, never thrown; a second call is harmless', async () => {
    const server = await serve();
    const client = await enter(server.url, { transports });
    const lines = await server.run(async ({ helper, lines }) => {
      const done = [helper.shutdown(), helper.shutdown()];
      helper.send({ payload: { topic: 'late', data: 1 } });
      await Promise.all(done);
      await helper.shutdown();
      helper.send({ payload: { topic: 'later', data: 1 } });
      // After shutdown, send() drops messages and does not throw, even for invalid ones.
      for (const wrong of [{}, undefined, { destination: '', payload: { topic: 'x' } }, { payload: { data: 1n } }]) {
        helper.send(wrong as never);
      }
      return lines.filter((line) => /^(warn|error)/.test(line));
    });
    expect(lines).toEqual([
      expect.stringContaining('dropped "late"'),
      expect.stringContaining('dropped "later"'),
      ...Array(4).fill(expect.stringContaining('send(): dropped')),
    ]);
    await client.heardOf('disconnect');
    expect(topicsOf(client)).not.toContain('late');
    await endsByItself(server);
  });

  it('listeners of the program that throw when a socket ends do not keep other sockets open', async () => {
    const server = await serve({
      options: () => ({
        shutdownTimeout: 9_000,
        clientConnectedFn: ({ socket }) => {
          for (const event of ['disconnecting', 'disconnect'] as const) {
            socket.on(event, () => {
              throw new Error('of the program');
            });
          }
        },
      }),
    });
    const clients = await Promise.all([1, 2, 3].map(() => enter(server.url, { transports })));
    const { ms, clients: left } = await shutDown(server);
    expect(left).toBe(0);
    expect(ms).toBeLessThan(NOTHING_CUT_MS);
    for (const client of clients) await client.heardOf('disconnect');
    const lines = await server.run(({ io, lines }) => [io.engine.clientsCount, lines.join('\n')]);
    expect(lines).toEqual([0, expect.stringContaining('of the program')]);
    await endsByItself(server);
  });
});

describe('shutdown() on the wire', () => {
  it('closes a WebSocket without `41`, so that its client reconnects', async () => {
    const server = await serve();
    const socket = await rawWebSocket(server.url);
    await socket.connect('/', { token: 'good' });
    await shutDown(server);
    await socket.closed;
    expect(socket.frames.unread).toEqual([]);
  });

  it('answers a pending poll with `1`, and nothing before it', async () => {
    const server = await serve();
    const polling = await rawPolling(server.url);
    const { sid } = await polling.connect('/', { token: 'good' });
    const polled = polling.poll();
    await eventually(() =>
      server.run(({ helper }, id) => {
        const conn = helper.getClients({ id })?.socket.conn as { transport: { writable: boolean } } | undefined;
        return conn?.transport.writable === true;
      }, sid),
    );
    await shutDown(server);
    expect(await polled).toEqual(['1']);
  });

  it('leaves no gap in messages sent right before it, over each transport', async () => {
    const server = await serve();
    const clients = await Promise.all(WAYS.map(({ transports }) => enter(server.url, { transports })));
    await server.run(async ({ helper }) => {
      for (let n = 0; n < 20; n++) helper.send({ payload: { topic: 'last', data: n } });
      await helper.shutdown();
    });
    for (const [index, client] of clients.entries()) {
      await client.heardOf('disconnect');
      const heard = heardOn(client, 'last');
      expect(heard, WAYS[index]?.way).toEqual(Array.from({ length: heard.length }, (_, n) => n));
    }
  });

  it('accepts no client while it runs, over new or open connections', async () => {
    const server = await serve({ options: () => ({ shutdownTimeout: 2_000 }) });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    defer(() => agent.destroy());
    expect((await ask(server.url, opening('polling'), { agent })).status).toBe(200);
    // Neither of the two ever polls, so shutdown waits for the end of their sessions.
    await (await rawPolling(server.url)).connect('/', { token: 'good' });
    const running = server.run(async ({ helper, note }) => {
      const done = helper.shutdown();
      note('it runs');
      await done;
    });
    expect(await server.note()).toBe('it runs');
    for (const over of [{ agent }, {}]) {
      const status = await ask(server.url, opening('polling'), over).then(
        (answer) => answer.status,
        (error: { code: string }) => error.code,
      );
      expect([403, 'ECONNREFUSED', 'ECONNRESET']).toContain(status);
    }
    await running;
    await endsByItself(server);
  });

  it('closes the listening server without any client, and before any client connected', async () => {
    // A reserved port: no other test gets it when it becomes free.
    const server = await serve({ serving: { port: await unusedPort() } });
    expect(await isRefused(server.port)).toBe(false);
    await rawWebSocket(server.url);
    await shutDown(server);
    expect(await isRefused(server.port)).toBe(true);
    await endsByItself(server);
  });
});
