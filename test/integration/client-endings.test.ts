// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import type { ISocketIOClientStatus } from '../../src/client/status.js';
import { called, createHelper, startWordsServer } from '../support/client.js';
import { eventually } from '../support/facts.js';
import { startProxy } from '../support/tcp-proxy.js';

/** The acknowledgements that Socket.IO still expects. */
function expectedAnswers(socket: object): readonly string[] {
  return Object.keys((socket as { acks: object }).acks);
}

describe('the status', () => {
  it('changes once for a lost connection, with the reason and the time of the next attempt', async () => {
    const server = await startWordsServer();
    const seen: ISocketIOClientStatus[] = [];
    const { helper } = createHelper(server.url, { autoAuthenticate: true, onStatusChanged: (it) => seen.push(it) });
    await helper.waitFor('authenticated');
    (await server.sockets.next()).conn.close();
    await eventually(() => seen.filter(({ status }) => status === 'authenticated').length === 2);
    const waiting = { status: 'waiting', message: 'transport close', retryAt: expect.any(Number) };
    expect(seen.filter(({ status }) => status === 'waiting')).toEqual([waiting]);
  });

  it('`authenticating` may be answered with disconnect()', async () => {
    const server = await startWordsServer({ verdict: null });
    const options = { autoAuthenticate: true, authenticateTimeout: 50 };
    const first = createHelper(server.url, {
      ...options,
      onStatusChanged: ({ status }) => status === 'authenticating' && first.helper.disconnect(),
    });
    await called(first, 'onDisconnected');
    // Its own timeout begins later, so that of the first one would have passed.
    await called(createHelper(server.url, options), 'onError');
    expect(first.calls.all.map(([name]) => name)).toEqual(['onConnected', 'onDisconnected']);
    expect(first.helper.getStatus().status).toBe('disconnected');
  });

  it('`connecting` may be answered with disconnect()', async () => {
    const server = await startWordsServer();
    let leaves = false;
    const { helper, calls } = createHelper(server.url, {
      onStatusChanged: ({ status }) => {
        if (!leaves || status !== 'connecting') return;
        leaves = false;
        helper.disconnect();
      },
    });
    await helper.waitFor('connected');
    helper.disconnect();
    leaves = true;
    helper.connect();
    expect(helper.getStatus().status).toBe('disconnected');
    await createHelper(server.url).helper.waitFor('connected');
    expect(helper.getSocketClient().active).toBe(false);
    expect(calls.all.filter(([name]) => name === 'onConnected')).toHaveLength(1);
  });
});

describe('connect() within', () => {
  it.each(['connect', 'wake'] as const)(
    'onDisconnected (%s): reconnects now, and after the next loss',
    async (method) => {
      const server = await startWordsServer();
      const proxy = await startProxy({ target: server.port });
      const seen: string[] = [];
      let times = 0;
      const { helper } = createHelper(`http://127.0.0.1:${proxy.port}`, {
        // Without the call the client would wait long.
        options: {
          reconnectionDelay: 60_000,
          reconnectionDelayMax: 60_000,
          randomizationFactor: 0,
          transports: ['websocket'],
        },
        autoAuthenticate: true,
        onStatusChanged: ({ status }) => seen.push(status),
        onDisconnected: () => {
          times += 1;
          helper[method]();
        },
      });
      for (const loss of method === 'connect' ? [1, 2, 3] : [1]) {
        await helper.waitFor('authenticated');
        seen.length = 0;
        proxy.cut();
        await eventually(() => times === loss && seen.includes('authenticated'));
        expect(seen).toEqual([
          ...(method === 'connect' ? [] : ['waiting']),
          'connecting',
          'connected',
          'authenticating',
          'authenticated',
        ]);
      }
    },
  );

  it('onError, for as long as the server is away: connects once it is back', async () => {
    const server = await startWordsServer();
    const proxy = await startProxy({ target: server.port });
    await proxy.refuse();
    let failures = 0;
    const { helper } = createHelper(`http://127.0.0.1:${proxy.port}`, {
      options: { reconnectionAttempts: 2, transports: ['websocket'] },
      onError: async () => {
        failures += 1;
        if (failures === 5) await proxy.accept();
        helper.connect();
      },
    });
    await eventually(() => helper.getStatus().status === 'connected');
    expect(failures).toBeGreaterThanOrEqual(5);
    proxy.cut();
    await eventually(() => proxy.accepted >= 2 && helper.getStatus().status === 'connected');
  });
});

describe('a request that was', () => {
  it('aborted is forgotten by Socket.IO too', async () => {
    const server = await startWordsServer();
    const { helper } = createHelper(server.url, { autoAuthenticate: true });
    await helper.waitFor('authenticated');
    const controller = new AbortController();
    const asked = helper.request({ topic: 'never', signal: controller.signal });
    const socket = helper.getSocketClient();
    expect(expectedAnswers(socket)).toHaveLength(1);
    controller.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    expect(expectedAnswers(socket)).toEqual([]);
  });

  it('aborted by a listener that throws rejects once, with the reason of the signal', async () => {
    const server = await startWordsServer();
    const { helper } = createHelper(server.url, { autoAuthenticate: true });
    await helper.waitFor('authenticated');
    const controller = new AbortController();
    helper.getSocketClient().onAnyOutgoing(() => {
      controller.abort(new Error('enough'));
      throw new Error('a listener of the program');
    });
    await expect(helper.request({ topic: 'never', signal: controller.signal })).rejects.toThrow('enough');
    expect(expectedAnswers(helper.getSocketClient())).toEqual([]);
  });
});
