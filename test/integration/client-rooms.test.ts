// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { called, createAuthenticated, createHelper, startWordsServer } from '../support/client.js';

const codes = ({ refused }: { refused: { room: string; code: string }[] }) =>
  refused.map(({ room, code }) => `${room}: ${code}`);

describe('rooms without an answer from the server', () => {
  it('are refused offline, and no request waits', async () => {
    const { helper } = createHelper('http://127.0.0.1:1', { options: { autoConnect: false } });
    expect(await helper.joinRooms({ rooms: ['a', 'b'] })).toMatchObject({ joined: [] });
    expect(codes(await helper.joinRooms({ rooms: ['a', 'b'] }))).toEqual(['a: offline', 'b: offline']);
    expect(codes(await helper.leaveRooms({ rooms: ['a'] }))).toEqual(['a: offline']);
    expect(helper.getSocketClient().sendBuffer).toEqual([]);
  });

  it('are refused before authentication, without a request', async () => {
    const server = await startWordsServer();
    const client = createHelper(server.url);
    await called(client, 'onConnected');
    expect(codes(await client.helper.joinRooms({ rooms: ['a'] }))).toEqual(['a: unauthenticated']);
    client.helper.emit({ topic: 'end' });
    await server.heard.next();
    expect(server.heard.all).toEqual([['end']]);
  });

  it('are refused if the server does not answer in time', async () => {
    const server = await startWordsServer({ silent: true });
    const { helper } = await createAuthenticated(server.url, { roomsTimeout: 50 });
    const [joined, left] = await Promise.all([
      helper.joinRooms({ rooms: ['a', 'b'] }),
      helper.leaveRooms({ rooms: ['a'] }),
    ]);
    expect(joined.joined).toEqual([]);
    expect(codes(joined)).toEqual(['a: timeout', 'b: timeout']);
    expect(left.left).toEqual([]);
    expect(codes(left)).toEqual(['a: timeout']);
  });

  it.each([
    ['the server ends the connection', 'server'],
    ['the program disconnects', 'disconnect'],
    ['the program shuts down', 'shutdown'],
  ] as const)('are refused after %s meanwhile', async (_what, who) => {
    const server = await startWordsServer({ silent: true });
    const { helper } = await createAuthenticated(server.url, { roomsTimeout: 60_000 });
    const answer = helper.joinRooms({ rooms: ['a'] });
    await server.heard.next(([event]) => event === 'join');
    if (who === 'server') (await server.sockets.next()).disconnect();
    else helper[who]();
    expect(codes(await answer)).toEqual(['a: offline']);
  });

  it('are refused by one disconnect, even with Socket.IO’s option ackTimeout', async () => {
    const server = await startWordsServer({ silent: true });
    const { helper } = await createAuthenticated(server.url, {
      roomsTimeout: 60_000,
      options: { ackTimeout: 30_000 },
    });
    const answer = helper.joinRooms({ rooms: ['a'] });
    helper.disconnect();
    expect(codes(await answer)).toEqual(['a: offline']);
  });

  it.each([
    [undefined],
    [null],
    ['granted'],
    [5],
    [['a']],
    [{}],
    [{ joined: 'a', refused: [] }],
    [{ joined: [5], refused: [] }],
    [{ joined: ['a'], refused: [{ room: 5 }] }],
  ])('are refused if a server answers %j', async (odd) => {
    const server = await startWordsServer({ answer: () => odd });
    const { helper } = await createAuthenticated(server.url);
    const answer = await helper.joinRooms({ rooms: ['a'] });
    expect(answer.joined).toEqual([]);
    expect(codes(answer)).toEqual(['a: timeout']);
    expect(answer.refused[0]?.message).toMatch(/does not list/);
  });

  it.each([[undefined], [null], [{}], [{ rooms: 'abc' }], [{ rooms: [1] }], [{ rooms: [['a']] }], [['a']]])(
    'are refused for the request %j',
    async (wrong) => {
      const server = await startWordsServer();
      const { helper } = await createAuthenticated(server.url);
      expect(codes(await helper.joinRooms(wrong as { rooms: string[] }))).toEqual([': invalid_payload']);
      expect(codes(await helper.leaveRooms(wrong as { rooms: string[] }))).toEqual([': invalid_payload']);
      expect(server.heard.all).toEqual([['authenticate']]);
    },
  );

  it('are refused if the program’s listener for outgoing events throws', async () => {
    const server = await startWordsServer();
    const { helper, log } = await createAuthenticated(server.url);
    helper.getSocketClient().onAnyOutgoing(() => {
      throw new Error('mistake in a listener');
    });
    expect(codes(await helper.joinRooms({ rooms: ['a'] }))).toEqual(['a: offline']);
    expect(log.lines.join()).toContain('mistake in a listener');
  });
});
