// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { expect, it } from 'vitest';
import type { WebSocketPeer } from '../support/raw.js';
import { rawWebSocket } from '../support/raw.js';
import { SETTING } from '../support/setting.js';
import { startVictim } from './victim.js';

/** As after a restart behind a proxy: all clients reconnect at once, from one address. */
const CLIENTS = SETTING.long ? 5_000 : 1_000;

it('thousands of clients of one address reconnect at once, and all are accepted', async () => {
  const server = await startVictim({ witnesses: 0, options: { authenticateTimeout: 60_000 } });
  const enter = async (): Promise<WebSocketPeer> => {
    const socket = await rawWebSocket(server.url, { timeout: 60_000 });
    await socket.connect('/', { verdict: 'yes' });
    socket.emit('authenticate');
    await socket.event('authenticated', 60_000);
    return socket;
  };
  const sockets: WebSocketPeer[] = [];
  // The default backlog of a listening socket.
  while (sockets.length < CLIENTS) sockets.push(...(await Promise.all(Array.from({ length: 250 }, enter))));
  expect(await server.call('outside')).toBe(0);
  expect((await server.counts()).clients).toBe(CLIENTS);
  const lines: string[] = await server.call('lines');
  // Whole words: a random id may contain "warn".
  expect(lines.filter((line) => /^(warn|error)| limit /.test(line))).toEqual([]);
  for (const socket of sockets) socket.terminate();
}, 120_000);
