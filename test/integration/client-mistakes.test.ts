// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { called, createHelper } from '../support/client.js';
import { unusedPort } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { startServer } from '../support/server.js';

const NO_CREDENTIALS = { path: '/socket.io', auth: { token: 'good' } };

describe('a client whose program forgot to authenticate', () => {
  it('gets a warning with the reason for the disconnect', async () => {
    const server = await startServer({ authenticateTimeout: 50 });
    const logger = new LogLines();
    const client = createHelper(server.url, { logger, options: NO_CREDENTIALS });
    await called(client, 'onUnauthenticated');
    expect(logger.loud).toEqual([expect.stringContaining('because it never called authenticate(). Set "credentials"')]);
  });

  it('gets no such warning if it did authenticate', async () => {
    const server = await startServer({ authenticateTimeout: 1_000, authenticateFn: () => new Promise(() => {}) });
    const logger = new LogLines();
    const client = createHelper(server.url, { logger, autoAuthenticate: true, options: NO_CREDENTIALS });
    await called(client, 'onUnauthenticated');
    expect(logger.loud).toEqual([]);
  });

  it('is warned once that the server drops what it emits', async () => {
    const server = await startServer();
    const logger = new LogLines();
    const client = createHelper(server.url, { logger, options: NO_CREDENTIALS });
    await called(client, 'onConnected');
    for (const topic of ['a', 'b']) client.helper.emit({ topic });
    expect(logger.loud).toEqual([expect.stringContaining('emit("a"): a server with Roomgate drops it')]);
  });
});

it('a client that can’t connect logs each cause once', async () => {
  const logger = new LogLines();
  const { helper } = createHelper(`http://127.0.0.1:${await unusedPort()}`, {
    logger,
    onError: undefined,
    options: { ...NO_CREDENTIALS, reconnectionDelay: 1, reconnectionAttempts: 2 },
  });
  await helper.waitFor('disconnected');
  expect(logger.loud).toEqual([expect.stringContaining('connecting failed: connection refused at 127.0.0.1:')]);
});

it('authenticate() after shutdown() logs that the client was shut down', () => {
  const logger = new LogLines();
  const { helper } = createHelper('http://127.0.0.1:1', { logger, options: { ...NO_CREDENTIALS, autoConnect: false } });
  helper.shutdown();
  helper.authenticate();
  expect(logger.loud).toEqual([expect.stringContaining('this client is shut down. Create a new one')]);
});
