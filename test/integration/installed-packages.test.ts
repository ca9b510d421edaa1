// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { createAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import { describe, expect, it, vi } from 'vitest';
import { BackOff } from '../../src/client/back-off.js';
import { boundFetchAnswers } from '../../src/socketio/fetch-answers.js';
import { createHelper } from '../support/client.js';
import { eventually } from '../support/facts.js';
import { connectAuthenticated, startServer } from '../support/server.js';

/** A fallback costs speed and is invisible to users; these tests fail if it is in use. */
describe('with the installed packages', () => {
  it.each(['websocket', 'polling'] as const)(
    'a server serves a client over %s without a fallback',
    async (transport) => {
      const { helper, url, log } = await startServer();
      const client = await connectAuthenticated(url, { transports: [transport] });
      helper.send({ payload: { topic: 'news', data: 1 } });
      expect(await client.heardOf('news')).toBe(1);
      expect(log.loud).toEqual([]);
      // A hook of Socket.IO sets the id.
      expect(client.socket.id).toMatch(/^rg--/);
    },
  );

  it('a client waits between attempts by its own back-off', async () => {
    const { helper, url } = await startServer();
    const { helper: client } = createHelper(url, { options: { path: helper.getIOServer().path() } });
    await eventually(() => expect(client.getSocketClient().connected).toBe(true));
    const manager = client.getSocketClient().io as unknown as { backoff: unknown };
    expect(manager.backoff).toBeInstanceOf(BackOff);
  });

  it('the Redis adapter has the requests in use, and its answers are bounded', () => {
    const subscriber = Object.assign(new EventEmitter(), { psubscribe: vi.fn(), subscribe: vi.fn() });
    const publisher = Object.assign(new EventEmitter(), { publish: vi.fn() });
    const adapter: Adapter = createAdapter(publisher, subscriber)(new Server().sockets);
    expect(boundFetchAnswers(adapter, () => {})).toBe(true);
    expect(adapter).toMatchObject({
      uid: expect.any(String),
      requestChannel: expect.any(String),
      requests: expect.any(Map),
      pubClient: publisher,
    });
  });
});
