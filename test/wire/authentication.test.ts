// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { type PollingPeer, rawPolling, rawWebSocket } from '../support/raw.js';
import { startServer } from '../support/server.js';

/** Long enough for a client to connect on a busy machine. */
const DEADLINE_MS = 3_000;
const TIME = '"time":"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"';
const UNAUTHENTICATED = (code: string) =>
  new RegExp(`^42\\["unauthenticated",\\{"message":"[^"]+",${TIME},"code":"${code}"\\}\\]$`);

/** Leaves out Engine.IO's noop packets. */
async function toTheEnd(polling: PollingPeer): Promise<string[]> {
  const heard: string[] = [];
  while (!heard.includes('1')) heard.push(...(await polling.poll()));
  return heard.filter((packet) => packet !== '6');
}

describe('`42["authenticate"]`', () => {
  it('accepted: the server sends `ping`, then `authenticated`, and nothing else', async () => {
    const { url, helper } = await startServer();
    const socket = await rawWebSocket(url);
    const { sid } = await socket.connect('/', { token: 'good' });
    socket.send('42["authenticate"]');

    expect(await socket.frames.next()).toMatch(new RegExp(`^42\\["ping",\\{${TIME}\\}\\]$`));
    expect(await socket.frames.next()).toMatch(new RegExp(`^42\\["authenticated",\\{"id":"${sid}",${TIME}\\}\\]$`));
    helper.send({ destination: sid, payload: { topic: 'next', data: 1 } });
    expect(await socket.frames.next()).toBe('42["next",1]');
  });

  it('accepted over polling: one payload in that order, and messages of clientConnectedFn follow', async () => {
    const { url } = await startServer({
      clientConnectedFn: ({ socket }) => {
        socket.emit('welcome', 1);
      },
    });
    const polling = await rawPolling(url);
    await polling.connect('/', { token: 'good' });
    await polling.post('42["authenticate"]');
    const names = (await polling.poll()).map((packet) => JSON.parse(packet.slice(2))[0]);
    expect(names).toEqual(['ping', 'authenticated', 'welcome']);
  });

  it('refused over WebSocket: the server sends `unauthenticated`, then `41`, and closes', async () => {
    const { url } = await startServer();
    const socket = await rawWebSocket(url);
    await socket.connect('/', { token: 'bad' });
    socket.send('42["authenticate"]');
    expect(await socket.frames.next()).toMatch(UNAUTHENTICATED('refused'));
    expect(await socket.frames.next()).toBe('41');
    expect((await socket.closed).code).toBe(1005);
    expect(socket.frames.unread).toEqual([]);
  });

  it('refused over polling: one payload in that order, then `1`', async () => {
    const { url } = await startServer();
    const polling = await rawPolling(url);
    await polling.connect('/', { token: 'bad' });
    await polling.post('42["authenticate"]');
    expect(await polling.poll()).toEqual([expect.stringMatching(UNAUTHENTICATED('refused')), '41']);
    expect(await toTheEnd(polling)).toEqual(['1']);
    await expect(polling.poll()).rejects.toThrow('400');
  });

  it('is never acknowledged', async () => {
    const { url } = await startServer();
    const socket = await rawWebSocket(url);
    await socket.connect('/', { token: 'good' });
    socket.emit('authenticate', [], 7);
    await socket.event('authenticated');
    socket.emit('leave', [{ rooms: [] }], 8);
    await socket.frames.next((frame) => String(frame).startsWith('438'));
    expect(socket.frames.all.filter((frame) => String(frame).startsWith('437'))).toEqual([]);
  });
});

describe('no `authenticate` before the deadline', () => {
  it('over WebSocket: the server sends `unauthenticated`, then `41`, and closes', async () => {
    const { url } = await startServer({ authenticateTimeout: DEADLINE_MS });
    const socket = await rawWebSocket(url);
    await socket.connect('/', { token: 'good' });
    expect(await socket.frames.next()).toMatch(UNAUTHENTICATED('timeout'));
    expect(await socket.frames.next()).toBe('41');
    await socket.closed;
  });

  it('over polling, with a pending poll: the server sends the same', async () => {
    const { url } = await startServer({ authenticateTimeout: DEADLINE_MS });
    const polling = await rawPolling(url);
    await polling.connect('/', { token: 'good' });
    expect(await toTheEnd(polling)).toEqual([expect.stringMatching(UNAUTHENTICATED('timeout')), '41', '1']);
  });
});
