import { describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { connect, connectAuthenticated, listen, startServer, TRANSPORTS } from '../support/server.js';

describe.each(TRANSPORTS.map((transports) => ({ transports: [...transports] })))(
  'over $transports',
  ({ transports }) => {
    it('lets every client come back by itself, to the instance that takes over', async () => {
      const first = await startServer();
      const port = Number(new URL(first.url).port);
      const clients = await Promise.all(
        Array.from({ length: 5 }, () =>
          connectAuthenticated(first.url, {
            transports,
            reconnection: true,
            reconnectionDelay: 20,
            reconnectionDelayMax: 50,
          }),
        ),
      );
      const ids = clients.map(({ socket }) => socket.id);
      await first.helper.shutdown();
      expect(first.helper.getClients().size).toBe(0);
      expect(first.http.listening).toBe(false);
      for (const client of clients) {
        expect(await client.heardOf('disconnect')).not.toBe('io server disconnect');
        expect(client.socket.active).toBe(true);
      }
      const second = await startServer({}, port);
      await eventually(() => expect(second.helper.getClients().size).toBe(5), { timeout: 15_000 });
      await eventually(() => clients.every(({ socket }) => socket.connected && !ids.includes(socket.id)));
    });
  },
);

describe('shutdown()', () => {
  it('drops and reports what is sent from then on, and throws nothing', async () => {
    const { helper, url, log } = await startServer();
    const client = await connectAuthenticated(url);
    const done = helper.shutdown();
    helper.send({ payload: { topic: 'late', data: 1 } });
    await done;
    helper.send({ payload: { topic: 'later', data: 1 } });
    expect(log.loud).toEqual([
      expect.stringContaining('"late" was not sent'),
      expect.stringContaining('"later" was not sent'),
    ]);
    await client.heardOf('disconnect');
    expect(client.heard.map(([event]) => event)).not.toContain('late');
  });

  it('can be called again, and ends the server that it is attached to', async () => {
    const { helper, http } = await startServer();
    await Promise.all([helper.shutdown(), helper.shutdown()]);
    await helper.shutdown();
    expect(http.listening).toBe(false);
    await expect(helper.configure()).rejects.toMatchObject({ code: 'shut_down' });
    expect(helper.getClients().size).toBe(0);
  });

  it.each(['disconnecting', 'disconnect'])(
    'ends everybody where a "%s" listener of the program throws',
    async (event) => {
      const { helper, url, http, log } = await startServer({
        clientConnectedFn: ({ socket }) => {
          socket.on(event as 'disconnect', () => {
            throw new Error('of the program');
          });
        },
      });
      const clients = await Promise.all([1, 2, 3].map(() => connectAuthenticated(url)));
      await helper.shutdown();
      for (const client of clients) await client.heardOf('disconnect');
      expect(http.listening).toBe(false);
      await eventually(() => expect(helper.getIOServer().engine.clientsCount).toBe(0));
      expect(log.loud).toContainEqual(expect.stringContaining('of the program'));
    },
  );

  it('drops what is sent while it runs, whatever is wrong with it', async () => {
    const { helper, log } = await startServer();
    await helper.shutdown();
    for (const call of [
      {},
      undefined,
      { destination: '', payload: { topic: 'x', data: 1 } },
      { payload: { data: 1n } },
    ]) {
      helper.send(call as never);
    }
    expect(log.loud).toHaveLength(4);
  });

  it('is bounded where a peer does not read, and cuts it', async () => {
    const { helper, url, log } = await startServer({ shutdownTimeout: 300 });
    const client = await connectAuthenticated(url, { transports: ['websocket'] });
    // Nobody reads any more: the closing handshake of this peer will never come.
    const engine = client.socket.io.engine as unknown as {
      transport: { ws: { _socket?: { pause(): void }; pause?(): void } };
    };
    engine.transport.ws.pause?.();
    engine.transport.ws._socket?.pause();
    const before = performance.now();
    await helper.shutdown();
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(log.lines).toContainEqual(expect.stringMatching(/shut down; clients: 1/));
  });

  it('takes nobody in while it runs', async () => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url, { transports: ['polling'] });
    const done = helper.shutdown();
    const late = connect(url, { transports: ['polling'] });
    await late.heardOf('connect_error');
    await done;
    expect(await client.heardOf('disconnect')).toBeDefined();
    expect(late.heard.map(([event]) => event)).toEqual(['connect_error']);
  });
});

describe('an http server', () => {
  it('that listens already is attached to, and goes on serving the program', async () => {
    const { createServer } = await import('node:http');
    const { http, url } = await listen(createServer((_, response) => response.end('from the program')));
    const { helper } = await startServer({ server: http, serverOptions: { path: '/io' } });
    expect(await (await fetch(`${url}/anything`)).text()).toBe('from the program');
    const client = await connectAuthenticated(url, { path: '/io' });
    expect(helper.getClients().has(client.socket.id ?? '')).toBe(true);
  });
});
