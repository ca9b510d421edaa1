// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { startServer } from '../support/server.js';

describe('the deadline of a connection', () => {
  it('starts again for a client that was authenticated and left, unless it is in another namespace', async () => {
    const { helper, url } = await startServer({ authenticateTimeout: 3_000, authenticateFn: () => true });
    helper.getIOServer().of('/other');
    const [idle, elsewhere] = await Promise.all([rawWebSocket(url), rawWebSocket(url)]);
    elsewhere.send('40/other,');
    await elsewhere.frames.next((frame) => String(frame).startsWith('40/other'));
    for (const peer of [idle, elsewhere]) {
      peer.send('40');
      await peer.frames.next((frame) => String(frame).startsWith('40{'));
      peer.emit('authenticate');
      await peer.event('authenticated');
      peer.send('41');
    }
    await within(idle.closed, 'the end of the connection without a namespace', 15_000);
    expect(helper.getIOServer().of('/other').sockets.size).toBe(1);
    elsewhere.send('41/other,');
  });

  it('does not apply to a connection that is used for another namespace only, and closes one that joins no namespace', async () => {
    const { helper, url } = await startServer({ authenticateTimeout: 3_000 });
    helper.getIOServer().of('/other');
    const [nowhere, elsewhere] = await Promise.all([rawWebSocket(url), rawWebSocket(url)]);
    elsewhere.send('40/other,');
    await within(nowhere.closed, 'the end of the connection without a namespace', 15_000);
    expect(helper.getIOServer().of('/other').sockets.size).toBe(1);
  });

  it('is not extended, bit by bit, by namespace requests faster than authentication', async () => {
    let asked = 0;
    const { helper, url } = await startServer({ authenticateFn: () => true });
    // Like a program that looks something up first.
    helper.getIOServer().use(() => {
      asked++;
    });
    const peer = await rawWebSocket(url);
    let open = true;
    void peer.closed.then(() => {
      open = false;
    });
    while (open) {
      for (let packet = 0; packet < 10; packet++) peer.send('40');
      const before = asked;
      await eventually(() => !open || asked >= before + 10);
    }
    expect(asked).toBeLessThanOrEqual(64);
  });

  it('starts again for a client that was authenticated, left and rejoined', async () => {
    const { helper, url } = await startServer({ authenticateFn: () => true });
    const peer = await rawWebSocket(url);
    for (let round = 0; round < 3; round++) {
      peer.send('40');
      await peer.frames.next((frame) => String(frame).startsWith('40{'));
      peer.emit('authenticate');
      await peer.event('authenticated');
      expect([...helper.getClients().values()].map(({ state }) => state)).toEqual(['authenticated']);
      peer.send('41');
      await eventually(() => expect(helper.getClients().size).toBe(0));
    }
  });
});
