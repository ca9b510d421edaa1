// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { startServer } from '../support/server.js';

const ID = /^[\w-]{20}$/;

function handshakeOf(frame: string | Buffer): Record<string, unknown> {
  return JSON.parse(String(frame).slice(1));
}

describe('the handshake', () => {
  it('over WebSocket: `0` with the session, then `40` with the socket in reply to `40`', async () => {
    const { url } = await startServer();
    const socket = await rawWebSocket(url);
    const opened = handshakeOf(await socket.frames.next());
    expect(opened).toEqual({
      sid: expect.stringMatching(ID),
      upgrades: [],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
    });
    socket.send('40');
    const connected = String(await socket.frames.next());
    expect(connected).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
    expect(connected).not.toContain(String(opened.sid));
  });

  it('over polling: the same, and the server offers an upgrade', async () => {
    const { url } = await startServer();
    const polling = await rawPolling(url);
    expect(polling.handshake).toMatchObject({ sid: expect.stringMatching(ID), upgrades: ['websocket'] });
    expect((await polling.post('40')).body).toBe('ok');
    expect(await polling.poll()).toEqual([expect.stringMatching(/^40\{"sid":"[\w-]{20}"\}$/)]);
  });

  it('an upgrade: `2probe`, `3probe`, `5`', async () => {
    const { url } = await startServer();
    const polling = await rawPolling(url);
    const { sid } = await polling.connect('/', { token: 'good' });
    const socket = await rawWebSocket(url, { query: { sid: polling.sid } });
    socket.send('2probe');
    expect(await socket.frames.next()).toBe('3probe');
    socket.send('5');
    socket.emit('authenticate');
    const [{ id }] = (await socket.event('authenticated')) as [{ id: string }];
    expect(id).toBe(sid);
  });

  it('is served at `serverOptions.path` and at no other path', async () => {
    const { url } = await startServer({ serverOptions: { path: '/io' } });
    const socket = await rawWebSocket(url, { path: '/io/' });
    await socket.connect();
    await expect(rawWebSocket(url)).rejects.toThrow();
  });

  it('a namespace that does not exist is refused with `44`', async () => {
    const { url } = await startServer();
    const socket = await rawWebSocket(url);
    await expect(socket.connect('/nowhere')).rejects.toThrow('44/nowhere,{"message":"Invalid namespace"}');
  });

  it('authenticateFn receives the `auth` of CONNECT', async () => {
    const given: unknown[] = [];
    const { url } = await startServer({
      authenticateFn: ({ auth, query, url: path }) => {
        given.push(auth, query.room, path);
        return true;
      },
    });
    const socket = await rawWebSocket(url, { query: { room: 'one' } });
    await socket.connect('/', { token: 'é', nested: { list: [1] } });
    socket.emit('authenticate');
    await socket.event('authenticated');
    expect(given).toEqual([
      { token: 'é', nested: { list: [1] } },
      'one',
      '/socket.io/?EIO=4&transport=websocket&room=one',
    ]);
  });
});
