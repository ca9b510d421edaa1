// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { startServer } from '../support/server.js';
import { enter } from './enter.js';

describe('an ending', () => {
  it('by disconnect({ socket }): the server sends `41` without a message before it, then closes the connection', async () => {
    const { url, helper } = await startServer();
    const socket = await enter(url);
    const client = helper.getClients({ id: socket.sid });
    if (client === undefined) throw new Error('no such client');
    helper.disconnect({ socket: client.socket });
    expect(await socket.frames.next()).toBe('41');
    await socket.closed;
    expect(socket.frames.unread).toEqual([]);
  });

  it('by shutdown() over WebSocket: the connection is closed without `41`', async () => {
    const { url, helper } = await startServer();
    const socket = await enter(url);
    await helper.shutdown();
    await socket.closed;
    expect(socket.frames.unread).toEqual([]);
  });

  it('by shutdown() over polling: `1` without `41`', async () => {
    const { url, helper } = await startServer();
    const polling = await rawPolling(url);
    const { sid } = await polling.connect('/', { token: 'good' });
    const polled = polling.poll();
    await eventually(() => helper.getClients({ id: sid })?.socket.conn.transport.writable === true);
    await helper.shutdown();
    expect(await polled).toEqual(['1']);
  });

  it('by the client with `41`: its entry is removed, and messages to its id reach no client', async () => {
    const { url, helper } = await startServer();
    const socket = await enter(url);
    const other = await enter(url);
    socket.send('41');
    await eventually(() => helper.getClients({ id: socket.sid }) === undefined);
    helper.send({ destination: socket.sid, payload: { topic: 'private', data: 1 } });
    helper.send({ payload: { topic: 'all', data: 2 } });
    expect(await other.frames.next()).toBe('42["all",2]');
    await socket.ping();
    expect(socket.frames.unread).toEqual([]);
  });
});

describe('pings', () => {
  it('of Engine.IO are `2` and expect `3`; the library’s own are the event `ping`', async () => {
    const { url } = await startServer({ pingInterval: 100, serverOptions: { pingInterval: 150 } });
    const socket = await rawWebSocket(url, { answerPings: false });
    await socket.connect('/', { token: 'good' });
    socket.emit('authenticate');
    await socket.event('authenticated');
    await socket.frames.next((frame) => frame === '2');
    socket.send('3');
    await socket.frames.next((frame) => frame === '2');
    socket.send('3');
    const [{ time }] = (await socket.event('ping')) as [{ time: string }];
    expect(new Date(time).toISOString()).toBe(time);
  });

  it('that are not answered close the connection', async () => {
    // The authentication deadline would close the connection too.
    const { url } = await startServer({
      authenticateTimeout: 60_000,
      serverOptions: { pingInterval: 100, pingTimeout: 100 },
    });
    const socket = await rawWebSocket(url, { answerPings: false });
    // The test does not await the answer: on a busy machine the ping timeout can end first.
    socket.send('40{"token":"good"}');
    await within(socket.closed, 'the end of the WebSocket');
    expect(socket.frames.all).toContain('2');
  });
});
