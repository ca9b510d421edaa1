// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { LogLines } from '../support/log-lines.js';
import { connect, connectAuthenticated, listen, startServer } from '../support/server.js';

describe('shutdown()', () => {
  it('accepts no client while it runs', async () => {
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

it('shutdown() in the tick in which configure() attaches drops later messages, and leaves no listener', async () => {
  const server = createServer();
  const before = server.listenerCount('listening');
  const log = new LogLines();
  const options = { runtime: 'node', server, identifier: 'a', serverOptions: {}, logger: log } as const;
  const helper = new SocketIOServerHelper({ ...options, authenticateFn: () => true });
  let shutDown: Promise<void> | undefined;
  const { removeAllListeners } = server;
  // engine.io calls it while it attaches.
  server.removeAllListeners = (event) => {
    queueMicrotask(() => {
      shutDown ??= helper.shutdown();
    });
    return removeAllListeners.call(server, event);
  };
  await helper.configure();
  await shutDown;
  helper.send({ payload: { topic: 'late' } });
  expect(log.loud).toEqual([expect.stringContaining('dropped "late"')]);
  expect(server.listenerCount('listening')).toBe(before);
});

describe('an HTTP server', () => {
  it('that listens already can be attached to, and keeps serving the program', async () => {
    const { http, url } = await listen(createServer((_, response) => response.end('from the program')));
    const { helper } = await startServer({ server: http, serverOptions: { path: '/io' } });
    expect(await (await fetch(`${url}/anything`)).text()).toBe('from the program');
    const client = await connectAuthenticated(url, { path: '/io' });
    expect(helper.getClients().has(client.socket.id ?? '')).toBe(true);
  });
});
