import { describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { startServer } from '../support/server.js';

describe('the deadline of a connection', () => {
  it('is not renewed by leaving the namespace and coming back, and neither is the attempt to authenticate', async () => {
    let asked = 0;
    const { helper, url } = await startServer({
      authenticateTimeout: 1_000,
      authenticateFn: () => {
        asked++;
        return new Promise(() => {});
      },
    });
    const began = performance.now();
    const peer = await rawWebSocket(url);
    let rounds = 0;
    const again = async (): Promise<void> => {
      peer.send('40');
      await peer.frames.next((frame) => String(frame).startsWith('40{'));
      rounds++;
      peer.emit('authenticate');
      // Turns of the server's loop, in which it hears of that.
      await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=nobody`);
      peer.send('41');
      await eventually(() => expect(helper.getClients().size).toBe(0));
      await again();
    };
    await expect(again()).rejects.toThrow('closed');
    await within(peer.closed, 'the end of the connection');
    expect(rounds).toBeGreaterThan(20);
    expect(asked).toBe(1);
    expect(performance.now() - began).toBeLessThan(5_000);
    await eventually(() => expect(helper.getIOServer().engine.clientsCount).toBe(0));
    expect(helper.getClients().size).toBe(0);
  });

  it('starts anew for a client that was authenticated, left and came back', async () => {
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
