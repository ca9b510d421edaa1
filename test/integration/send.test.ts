// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RoomgateError } from '../../src/protocol/errors.js';
import { connectAuthenticated, settled, startServer } from '../support/server.js';

describe('send() rejects', () => {
  it.each([
    ['an empty destination', { destination: '', payload: { topic: 'a', data: 1 } }, 'received an empty string'],
    ['an empty list', { destination: [], payload: { topic: 'a', data: 1 } }, 'received an empty array'],
    ['an empty entry', { destination: ['a', ''], payload: { topic: 'a', data: 1 } }, 'destination[1]'],
    ['a missing id', { destination: null, payload: { topic: 'a', data: 1 } }, 'received null'],
    ['no payload', {}, 'payload'],
    ['no topic', { payload: { data: 1 } }, 'received undefined'],
    ['an empty topic', { payload: { topic: '', data: 1 } }, 'received an empty string'],
    ["Socket.IO's own topics", { payload: { topic: 'disconnect', data: 1 } }, 'reserved'],
    ['internal topics', { payload: { topic: 'roomgate:drain', data: 1 } }, 'reserved'],
    ['functions', { payload: { topic: 'a', data: () => {} } }, 'received a function'],
    ['bigints', { payload: { topic: 'a', data: 1n } }, 'received a bigint'],
  ])('%s', async (_, call, words) => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url);
    expect(() => helper.send(call as never)).toThrow(RoomgateError);
    expect(() => helper.send(call as never)).toThrow(words);
    await settled(client);
    expect(client.heard.map(([event]) => event)).toEqual(['connect', 'ping', 'authenticated']);
  });
});

describe('send()', () => {
  it('logs with doLog even without a given logger', async () => {
    const { helper } = await startServer({ logger: undefined });
    const info = vi.spyOn(console, 'info').mockImplementation(() => {});
    onTestFinished(() => info.mockRestore());
    helper.send({ payload: { topic: 'quiet', data: 1 } });
    helper.send({ destination: 'room', payload: { topic: 'asked', data: 'secret' }, doLog: true });
    expect(info.mock.calls).toEqual([[expect.stringMatching(/test: sent "asked" to room$/)]]);
  });

  it('reports data that cannot be encoded', async () => {
    const { helper } = await startServer();
    const circle: Record<string, unknown> = {};
    circle.circle = circle;
    for (const data of [circle, { nested: 1n }]) {
      expect(() => helper.send({ payload: { topic: 'x', data } })).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }),
      );
    }
  });

  it('reports a callback that throws', async () => {
    const { helper, log } = await startServer();
    helper.send({
      payload: { topic: 'a', data: 1 },
      cb: () => {
        throw new Error('late');
      },
    });
    await new Promise<void>((resolve) => helper.send({ payload: { topic: 'a', data: 1 }, cb: resolve }));
    expect(log.loud).toEqual([expect.stringContaining('late')]);
  });
});
