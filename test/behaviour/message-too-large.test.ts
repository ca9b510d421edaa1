// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { within } from '../support/facts.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { isOnBunBefore, SETTING } from '../support/setting.js';
import { type Served, serve } from './program.js';

const MOST = 100_000;

const start = () =>
  serve({
    options: ({ memory }) => ({
      authenticateFn: () => true,
      serverOptions: { maxHttpBufferSize: 100_000 },
      onReport: (report) => {
        memory.reports ??= [];
        if (report.type === 'message_too_large') memory.reports.push(report);
      },
      clientConnectedFn: ({ socket }) => {
        memory.heard = [];
        socket.on('say', (text) => memory.heard.push(text.length));
      },
    }),
  });

const say = (bytes: number): string => `42["say","${'x'.repeat(bytes - 12)}"]`;
const seen = (server: Served) => server.run(({ memory }) => ({ heard: memory.heard, reports: memory.reports ?? [] }));

describe('a message that is larger than maxHttpBufferSize', () => {
  it('over WebSocket closes the connection with 1009, after what came before it', async () => {
    const server = await start();
    const peer = await rawWebSocket(server.url);
    const { sid } = await peer.connect();
    peer.emit('authenticate');
    await peer.event('authenticated');
    const before = Array.from({ length: 30 }, (_, n) => n + 20);
    for (const bytes of [...before, MOST]) peer.send(say(bytes));
    peer.send(say(MOST + 1));
    const { code } = await within(peer.closed, 'the end', 10_000);
    await server.holdsNobody();
    const { heard, reports } = await seen(server);
    expect(heard).toEqual([...before, MOST].map((bytes) => bytes - 12));
    expect(reports).toEqual([{ type: 'message_too_large', client: sid, maxBytes: MOST, answer: 1009 }]);
    // Bun 1.2 sends no close frame: docs/bun.md.
    expect(code).toBe(isOnBunBefore([1, 4]) ? 1006 : 1009);
  });

  it('over long polling is answered 413', async () => {
    const server = await start();
    const peer = await rawPolling(server.url);
    const { sid } = await peer.connect();
    await peer.emit('authenticate');
    await peer.next((packet) => packet.startsWith('42["authenticated"'));
    expect((await peer.post(say(MOST + 1))).status).toBe(413);
    const { heard, reports } = await seen(server);
    expect(heard).toEqual([]);
    // Bun refuses the body by itself, and tells nobody.
    const report = { type: 'message_too_large', client: sid, maxBytes: MOST, answer: 413 };
    expect(reports).toEqual(SETTING.runtime === 'bun' ? [] : [report]);
  });
});
