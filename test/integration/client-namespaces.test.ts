// npm test: node
// npm run test:matrix: newest-node
import { io as plainClient } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { RoomgateError } from '../../src/protocol/errors.js';
import { defer } from '../support/cleanup.js';
import {
  CLIENT_TRANSPORTS,
  called,
  createHelper,
  startWordsServer,
  type TestHelper,
  type WordsServer,
} from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { startProxy } from '../support/tcp-proxy.js';

/** Authenticates clients of `/admin` and `/status` as well as those of `/`. */
async function startNamespaces(): Promise<WordsServer> {
  const server = await startWordsServer();
  for (const name of ['/admin', '/status', '/other']) {
    server.io.of(name).on('connection', (socket) => {
      socket.on('authenticate', () => socket.emit('authenticated', { id: socket.id, time: 'now' }));
    });
  }
  return server;
}

const connections = ({ io }: WordsServer): number => io.engine.clientsCount;

describe.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
  'namespaces of one server over $transports',
  ({ transports }) => {
    const options = { transports };

    it('connect with credentials over the connection of an authenticated helper', async () => {
      const server = await startNamespaces();
      const first = createHelper(server.url, { autoAuthenticate: true, options });
      await first.helper.waitFor('authenticated');
      const second = createHelper(`${server.url}/admin`, { credentials: () => ({ token: 'good' }), options });
      await second.helper.waitFor('authenticated');
      expect(connections(server)).toBe(1);
      expect(second.helper.getSocketClient().io).toBe(first.helper.getSocketClient().io);
    });

    it('connect next to the program’s own socket of another namespace', async () => {
      const server = await startNamespaces();
      const plain = plainClient(`${server.url}/status`, { path: '/io', transports });
      defer(() => plain.disconnect());
      await eventually(() => plain.connected);
      const { helper } = createHelper(server.url, { credentials: () => ({ token: 'good' }), options });
      await helper.waitFor('authenticated');
      expect(plain.connected).toBe(true);
      helper.shutdown();
      await eventually(() => connections(server) === 1);
      expect(plain.connected).toBe(true);
    });

    it('keep their connection when another helper’s credentials fail, which are requested again', async () => {
      const server = await startNamespaces();
      const first = createHelper(server.url, { autoAuthenticate: true, options });
      await first.helper.waitFor('authenticated');
      let asked = 0;
      const second = createHelper(`${server.url}/admin`, {
        credentials: () => {
          asked += 1;
          if (asked < 4) throw new Error('no token yet');
          return { token: 'good' };
        },
        options,
      });
      await second.helper.waitFor('authenticated');
      expect(asked).toBe(4);
      expect(second.calls.all.filter(([name]) => name === 'onError')).toHaveLength(3);
      expect(second.calls.all.filter(([name]) => name === 'onDisconnected')).toEqual([]);
      expect(first.calls.all.map(([name]) => name)).toEqual(['onConnected', 'onAuthenticated']);
      expect(connections(server)).toBe(1);
    });

    it('keep their connection when another helper disconnects, connects, is refused, or shuts down', async () => {
      const server = await startNamespaces();
      server.io.of('/other').use((_, next) => next(new Error('not you')));
      const first = createHelper(server.url, { autoAuthenticate: true, options });
      await first.helper.waitFor('authenticated');
      const second = createHelper(`${server.url}/admin`, { autoAuthenticate: true, options });
      for (let round = 0; round < 3; round++) {
        await second.helper.waitFor('authenticated');
        second.helper.disconnect();
        second.helper.connect();
      }
      const refused = createHelper(`${server.url}/other`, { autoAuthenticate: true, options });
      await called(refused, 'onError');
      expect(refused.helper.getStatus()).toMatchObject({ status: 'refused', message: 'not you' });
      await second.helper.waitFor('authenticated');
      second.helper.shutdown();
      refused.helper.shutdown();
      await eventually(() => server.io.of('/admin').sockets.size === 0);
      expect(first.calls.all.map(([name]) => name)).toEqual(['onConnected', 'onAuthenticated']);
      expect(connections(server)).toBe(1);
    });

    it('reconnect together, at once when one of them asks for it', async () => {
      const server = await startNamespaces();
      let opened = 0;
      server.io.engine.on('connection', () => {
        opened += 1;
      });
      const proxy = await startProxy({ target: server.port });
      const url = `http://127.0.0.1:${proxy.port}`;
      const slow = { transports, reconnectionDelay: 60_000, reconnectionDelayMax: 60_000, randomizationFactor: 0 };
      const helpers = ['', '/admin', '/status'].map(
        (namespace) => createHelper(`${url}${namespace}`, { autoAuthenticate: true, options: slow }).helper,
      );
      await Promise.all(helpers.map((helper) => helper.waitFor('authenticated')));
      await proxy.refuse();
      const lost = Promise.all(helpers.map((helper) => helper.waitFor('waiting')));
      // Long polling may have no connection at the moment of a cut.
      await eventually(() => {
        proxy.cut();
        return helpers.every((helper) => helper.getStatus().status === 'waiting');
      });
      await lost;
      await proxy.accept();
      helpers[1]?.connect();
      await Promise.all(helpers.map((helper) => helper.waitFor('authenticated')));
      expect(opened).toBe(2);
    });
  },
);

describe('a connection is shared', () => {
  it('only by helpers with the same options, so that no option is ignored', async () => {
    const server = await startNamespaces();
    const seen = new EventLog<unknown>();
    server.io.engine.on('initial_headers', (_, { headers }) => seen.push(headers['x-who']));
    const withHeader = (who: string) => ({ transports: ['websocket'], extraHeaders: { 'x-who': who } });
    const managers = await Promise.all(
      [
        ['', 'a'],
        ['/admin', 'b'],
        ['/status', 'a'],
      ].map(async ([namespace, who = '']) => {
        const { helper } = createHelper(`${server.url}${namespace}`, {
          autoAuthenticate: true,
          options: withHeader(who),
        });
        await helper.waitFor('authenticated');
        return helper.getSocketClient().io;
      }),
    );
    expect(managers[2]).toBe(managers[0]);
    expect(managers[1]).not.toBe(managers[0]);
    expect(connections(server)).toBe(2);
  });

  it.each([{ forceNew: true }, { multiplex: false }])('not with %o', async (options) => {
    const server = await startNamespaces();
    for (const namespace of ['', '/admin']) {
      const { helper } = createHelper(`${server.url}${namespace}`, { autoAuthenticate: true, options });
      await helper.waitFor('authenticated');
    }
    expect(connections(server)).toBe(2);
  });

  it('not by two helpers of one namespace', async () => {
    const server = await startNamespaces();
    for (let n = 0; n < 2; n++) {
      await createHelper(server.url, { autoAuthenticate: true }).helper.waitFor('authenticated');
    }
    expect(connections(server)).toBe(2);
  });

  it('by a helper that waits for connect() and one that does not', async () => {
    const server = await startNamespaces();
    const first = createHelper(server.url, { autoAuthenticate: true, options: { autoConnect: false } });
    const second = createHelper(`${server.url}/admin`, { autoAuthenticate: true });
    await second.helper.waitFor('authenticated');
    expect(first.helper.getStatus().status).toBe('disconnected');
    first.helper.connect();
    await first.helper.waitFor('authenticated');
    expect(connections(server)).toBe(1);
  });
});

describe('a helper that has stopped trying', () => {
  it('stays disconnected, even if another namespace opens the connection again', async () => {
    const server = await startNamespaces();
    const proxy = await startProxy({ target: server.port });
    const url = `http://127.0.0.1:${proxy.port}`;
    const options = { reconnection: false, transports: ['websocket'] };
    const first = createHelper(url, { autoAuthenticate: true, options });
    const second = createHelper(`${url}/admin`, { autoAuthenticate: true, options });
    for (const { helper } of [first, second]) await helper.waitFor('authenticated');
    proxy.cut();
    for (const { helper } of [first, second]) await helper.waitFor('disconnected');
    second.helper.connect();
    await second.helper.waitFor('authenticated');
    expect(first.helper.getStatus().status).toBe('disconnected');
    first.helper.connect();
    await first.helper.waitFor('authenticated');
    expect(connections(server)).toBe(1);
  });
});

/** If the machine stalls, an attempt to connect may fail with another error first. */
async function toldError({ calls }: TestHelper, wanted: { code: string; message: string }): Promise<void> {
  await eventually(() =>
    expect(calls.all.filter(([name]) => name === 'onError').map(([, error]) => error)).toContainEqual(
      expect.objectContaining(wanted),
    ),
  );
}

describe('a request without an answer', () => {
  it('authenticate: is reported with its cause, and the client reconnects', async () => {
    const server = await startWordsServer({ verdict: null });
    const client = createHelper(server.url, { autoAuthenticate: true, authenticateTimeout: 100, queue: true });
    const [, error] = await called(client, 'onError');
    expect(error).toBeInstanceOf(RoomgateError);
    expect(error).toMatchObject({
      code: 'timed_out',
      message: expect.stringMatching(/^authenticate\(\) timed out after 100 ms: .* Check that the namespace in "host"/),
    });
    await server.heard.next(([event]) => event === 'authenticate');
    await server.heard.next(([event]) => event === 'authenticate');
    server.io.removeAllListeners('connection');
    server.io.on('connection', (socket) => {
      socket.on('authenticate', () => socket.emit('authenticated', { id: socket.id, time: 'now' }));
    });
    await client.helper.waitFor('authenticated', { timeout: 5_000 });
  });

  it('authenticate: is sent once if reconnection is off', async () => {
    const server = await startWordsServer({ verdict: null });
    const { helper } = createHelper(server.url, {
      autoAuthenticate: true,
      authenticateTimeout: 100,
      options: { reconnection: false },
    });
    await helper.waitFor('disconnected');
    expect(helper.getStatus().message).toMatch(/timed out after 100 ms/);
    expect(helper.getSocketClient().connected).toBe(false);
  });

  it('the request for a namespace: is reported with its cause, and repeated on another connection', async () => {
    const server = await startWordsServer();
    const asked = new EventLog<() => void>();
    server.io.use((_, next) => {
      asked.push(next);
      if (asked.all.length > 1) next();
    });
    const client = createHelper(server.url, { autoAuthenticate: true, options: { timeout: 200 } });
    await toldError(client, {
      code: 'timed_out',
      message: 'connect(): the server did not answer the request for namespace "/" within 200 ms.',
    });
    await asked.next();
    await asked.next();
    await client.helper.waitFor('authenticated', { timeout: 5_000 });
  });

  it('the request for a namespace: leaves the connection to another namespace that uses it', async () => {
    const server = await startNamespaces();
    const asked = new EventLog<() => void>();
    server.io.of('/admin').use((_, next) => asked.push(next));
    // Long enough that the first helper, which shares the connection, does not fail when the machine stalls.
    const options = { timeout: 2_000 };
    const first = createHelper(server.url, { autoAuthenticate: true, options });
    await first.helper.waitFor('authenticated');
    const second = createHelper(`${server.url}/admin`, { autoAuthenticate: true, options });
    await called(second, 'onError');
    expect(second.helper.getStatus()).toMatchObject({
      status: 'waiting',
      message: expect.stringContaining('"/admin"'),
    });
    (await asked.next())();
    await second.helper.waitFor('authenticated');
    expect(first.calls.all.map(([name]) => name)).toEqual(['onConnected', 'onAuthenticated']);
    expect(asked.all).toHaveLength(1);
  });

  it('the request for a namespace: is repeated once no other namespace uses the connection', async () => {
    const server = await startNamespaces();
    const asked = new EventLog<() => void>();
    server.io.of('/admin').use((_, next) => {
      asked.push(next);
      if (asked.all.length > 1) next();
    });
    const first = createHelper(server.url, { autoAuthenticate: true, options: { timeout: 100 } });
    await first.helper.waitFor('authenticated');
    const second = createHelper(`${server.url}/admin`, { autoAuthenticate: true, options: { timeout: 100 } });
    await called(second, 'onError');
    first.helper.shutdown();
    await asked.next();
    await asked.next();
    await second.helper.waitFor('authenticated', { timeout: 5_000 });
  });

  it.each(['credentials', 'auth'])('%s of the program: is reported with its cause, and called again', async (which) => {
    const server = await startWordsServer();
    let asked = 0;
    const answer = (resolve: (auth: Record<string, unknown>) => void): void => {
      asked += 1;
      if (asked > 1) resolve({ token: 'good' });
    };
    const client = createHelper(server.url, {
      autoAuthenticate: true,
      ...(which === 'credentials' && { credentials: () => new Promise<Record<string, unknown>>(answer) }),
      options: { timeout: 200, ...(which === 'auth' && { auth: answer }) },
    });
    await toldError(client, {
      code: 'timed_out',
      message: 'connect(): the credentials did not arrive within 200 ms.',
    });
    await client.helper.waitFor('authenticated', { timeout: 5_000 });
    expect((await server.sockets.next()).handshake.auth).toEqual({ token: 'good' });
  });
});

describe('a refusal', () => {
  it('by a server that does not close the connection makes the client close it', {
    timeout: 15_000,
  }, async () => {
    let refused = 0;
    const server = await startWordsServer({ verdict: null });
    server.io.on('connection', (socket) => {
      socket.on('authenticate', () => {
        refused += 1;
        if (refused > 1) socket.emit('authenticated', { id: socket.id, time: 'now' });
        else for (let n = 0; n < 100; n++) socket.emit('unauthenticated', { code: 'expired', message: 'again' });
      });
    });
    const client = createHelper(server.url, { credentials: () => ({ token: refused }) });
    await client.helper.waitFor('authenticated', { timeout: 10_000 });
    expect(client.log.lines.filter((line) => line.includes('unauthenticated'))).toHaveLength(1);
  });

  it.each(['onUnauthenticated', 'onStatusChanged'])('can be followed by connect() within %s', async (callback) => {
    let good = false;
    const server = await startWordsServer({ verdict: null });
    server.io.on('connection', (socket) => {
      socket.on('authenticate', () => {
        if (socket.handshake.auth.good === true) socket.emit('authenticated', { id: socket.id, time: 'now' });
        else {
          socket.emit('unauthenticated', { code: 'refused', message: 'no' });
          socket.disconnect();
        }
      });
    });
    const again = (): void => {
      good = true;
      client.helper.connect();
    };
    const client = createHelper(server.url, {
      credentials: () => ({ good }),
      [callback]: (status: unknown) => {
        if (callback === 'onUnauthenticated' || (status as { status: string }).status === 'refused') again();
      },
    });
    await called(client, 'onAuthenticated');
    expect(client.helper.getStatus().status).toBe('authenticated');
  });
});

describe('a message emitted in a status listener', () => {
  it('waits for the connection that the listener asked for', async () => {
    const server = await startWordsServer();
    const { helper } = createHelper(server.url, { autoAuthenticate: true, queue: true });
    await helper.waitFor('authenticated');
    const errors: unknown[] = [];
    helper.onStatus(({ status }) => {
      if (status !== 'disconnected') return;
      helper.connect();
      helper.emit({ topic: 'say', data: 'back', cb: (error) => errors.push(error) });
    });
    (await server.sockets.next()).disconnect();
    await server.heard.next(([event]) => event === 'say');
    expect(errors).toEqual([undefined]);
  });
});

describe('credentials that cannot be encoded as JSON', () => {
  it('are a connection error, and are requested again', async () => {
    const server = await startWordsServer();
    const all: Record<string, unknown>[] = [{ user: 1n }, { token: 'good' }];
    const client = createHelper(server.url, { credentials: () => all.shift() ?? {} });
    const [, error] = await called(client, 'onError');
    expect(error).toMatchObject({
      code: 'credentials_failed',
      message: expect.stringMatching(/^credentials\(\) failed: .*BigInt/),
    });
    await client.helper.waitFor('authenticated');
  });
});

describe('options.auth as a function', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no token yet');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('no token yet');
      },
    ],
  ])('that %s is a connection error, and is called again', async (_, fail) => {
    const server = await startWordsServer();
    let asked = 0;
    const client = createHelper(server.url, {
      autoAuthenticate: true,
      options: { auth: (send) => (asked++ === 0 ? fail() : send({ token: 'good' })) },
    });
    const [, error] = await called(client, 'onError');
    expect(error).toMatchObject({ code: 'credentials_failed', message: 'options.auth() failed: no token yet.' });
    await client.helper.waitFor('authenticated');
  });
});
