// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { rawPolling } from '../support/raw.js';
import { startServer } from '../support/server.js';
import { enter } from './enter.js';

describe('`join` and `leave`', () => {
  it('with an acknowledgement number are answered by `43`', async () => {
    const { url } = await startServer();
    const socket = await enter(url);
    socket.send('4212["join",{"rooms":["open-a","closed"]}]');
    expect(await socket.frames.next()).toBe(
      '4312[{"joined":["open-a"],"refused":[{"room":"closed","code":"not_allowed","message":"This room is not open to you."}]}]',
    );
    socket.send('4213["leave",{"rooms":["open-a"]}]');
    expect(await socket.frames.next()).toBe('4313[{"left":["open-a"],"refused":[]}]');
  });

  it('without one are performed and not answered', async () => {
    const { url, helper } = await startServer();
    const socket = await enter(url);
    socket.send('42["join",{"rooms":["open-a"]}]');
    socket.send('420["leave",{"rooms":[]}]');
    expect(await socket.frames.next()).toBe('430[{"left":[],"refused":[]}]');
    helper.send({ destination: 'open-a', payload: { topic: 'news', data: { n: 1 } } });
    expect(await socket.frames.next()).toBe('42["news",{"n":1}]');
  });

  it('of a wrong shape are answered with the expected shape', async () => {
    const { url } = await startServer();
    const socket = await enter(url);
    socket.send('421["join"]');
    expect(await socket.frames.next()).toBe(
      '431[{"joined":[],"refused":[{"room":"","code":"invalid_payload",' +
        '"message":"The request must have the shape { rooms: string[] }. Received: undefined."}]}]',
    );
  });

  it('are answered in the order of the requests if no guard is asynchronous', async () => {
    const { url } = await startServer();
    const polling = await rawPolling(url);
    await polling.connect('/', { token: 'good' });
    await polling.emit('authenticate');
    for (const word of ['ping', 'authenticated']) await polling.next((packet) => packet.startsWith(`42["${word}"`));
    await polling.post(...[1, 2, 3].map((id) => `42${id}["join",{"rooms":["open-${id}"]}]`));
    const answers: string[] = [];
    while (answers.length < 3) answers.push(...(await polling.poll()));
    expect(answers).toEqual([1, 2, 3].map((id) => `43${id}[{"joined":["open-${id}"],"refused":[]}]`));
  });
});

describe('a message to a room, an id and all clients', () => {
  it('is one frame each, in the order of the calls', async () => {
    const { url, helper } = await startServer();
    const socket = await enter(url);
    const both = [socket.sid, 'io-default'];
    helper.send({ payload: { topic: 'all', data: 1 } });
    helper.send({ destination: socket.sid, payload: { topic: 'id', data: 2 } });
    helper.send({ destination: 'io-notification', payload: { topic: 'room', data: 3 } });
    helper.send({ destination: both, payload: { topic: 'list', data: 4 } });
    helper.send({ payload: { topic: 'none' } });
    helper.send({ payload: { topic: 'binary', data: Buffer.from([1, 2]) } });
    const frames: (string | Buffer)[] = [];
    while (frames.length < 7) frames.push(await socket.frames.next());
    expect(frames).toEqual([
      '42["all",1]',
      '42["id",2]',
      '42["room",3]',
      '42["list",4]',
      '42["none"]',
      '451-["binary",{"_placeholder":true,"num":0}]',
      Buffer.from([1, 2]),
    ]);
  });
});
