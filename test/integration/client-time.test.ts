// npm test: node
// npm run test:matrix: newest-node
import { AbortController as PolyfilledController } from 'abort-controller';
import { describe, expect, it, vi } from 'vitest';
import { RoomgateError } from '../../src/protocol/errors.js';
import { defer } from '../support/cleanup.js';
import { CLIENT_TRANSPORTS, createHelper, startWordsServer } from '../support/client.js';

const HOUR_MS = 3_600_000;

/** Simulates the sleep of a laptop: the clock is ahead, and the timers have not fired. */
function sleep(): void {
  vi.useFakeTimers({ now: Date.now() + HOUR_MS, toFake: ['Date'] });
  defer(() => vi.useRealTimers());
}

describe.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
  'a client that has slept, over $transports',
  ({ transports }) => {
    it('keeps emitted messages in its own queue, which is flushed once, after authentication', async () => {
      const server = await startWordsServer();
      const { helper } = createHelper(server.url, { autoAuthenticate: true, queue: true, options: { transports } });
      await helper.waitFor('authenticated');
      sleep();
      const handedOver: unknown[] = [];
      helper.emit({ topic: 'say', data: 'awake', cb: (error) => handedOver.push(error) });
      expect(helper.getSocketClient().sendBuffer).toEqual([]);
      await server.heard.next(([event]) => event === 'say');
      expect(server.heard.all).toEqual([['authenticate'], ['authenticate'], ['say', 'awake']]);
      expect(handedOver).toEqual([undefined]);
    });

    it('throws not_connected without a queue, and refuses rooms as offline', async () => {
      const server = await startWordsServer();
      const { helper } = createHelper(server.url, { autoAuthenticate: true, options: { transports } });
      await helper.waitFor('authenticated');
      sleep();
      expect(() => helper.emit({ topic: 'say' })).toThrow(
        expect.objectContaining({ name: 'RoomgateError', code: 'not_connected' }),
      );
      expect((await helper.joinRooms({ rooms: ['a'] })).refused).toMatchObject([{ room: 'a', code: 'offline' }]);
      expect(helper.getSocketClient().sendBuffer).toEqual([]);
    });
  },
);

describe('the queue when the connection ended unnoticed', () => {
  it('keeps its messages in order if the connection accepts no more', async () => {
    const server = await startWordsServer({ verdict: null });
    const { helper } = createHelper(server.url, { autoAuthenticate: true, queue: true });
    await helper.waitFor('authenticating');
    for (const data of [1, 2, 3]) helper.emit({ topic: 'say', data });
    // The server authenticates it at the moment when the client wakes up.
    const stop = helper.onStatus(({ status }) => status === 'authenticated' && sleep());
    server.io.emit('authenticated', { id: 'x', time: 'now' });
    await helper.waitFor('waiting');
    helper.emit({ topic: 'say', data: 4 });
    expect(helper.getSocketClient().sendBuffer).toEqual([]);
    stop();
    vi.useRealTimers();
    await helper.waitFor('authenticating');
    server.io.emit('authenticated', { id: 'x', time: 'now' });
    await server.heard.next((heard) => heard[0] === 'say' && heard[1] === 4);
    expect(server.heard.all.filter(([event]) => event === 'say')).toEqual([1, 2, 3, 4].map((data) => ['say', data]));
  });
});

describe('waitFor() with a signal', () => {
  const helperOf = () => createHelper('http://127.0.0.1:1', { options: { autoConnect: false } }).helper;

  /** The signal of React Native: it has neither `reason` nor `throwIfAborted()`. */
  it.each([
    ['of the polyfill abort-controller', PolyfilledController],
    ['of the runtime', AbortController],
  ])('%s rejects with an AbortError', async (_, Controller) => {
    const controller = new Controller();
    const waiting = createHelper('http://127.0.0.1:1').helper.waitFor('authenticated', {
      signal: controller.signal as AbortSignal,
    });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await expect(
      helperOf().waitFor('authenticated', { signal: controller.signal as AbortSignal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('of the polyfill resolves like without it', async () => {
    const { signal } = new PolyfilledController();
    await helperOf().waitFor('disconnected', { signal: signal as AbortSignal });
  });

  it('rejects with the program’s reason', async () => {
    const reason = new Error('the user left');
    await expect(helperOf().waitFor('connected', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each([[null], ['x'], [{}], [{ aborted: false, addEventListener() {} }]])(
    'rejects %j instead of a signal',
    async (signal) => {
      const waiting = helperOf().waitFor('disconnected', { signal: signal as unknown as AbortSignal });
      await expect(waiting).rejects.toBeInstanceOf(RoomgateError);
      await expect(waiting).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('signal'),
      });
    },
  );
});
