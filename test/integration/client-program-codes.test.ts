// npm test: node
import { describe, expect, it } from 'vitest';
import { createHelper, startWordsServer } from '../support/client.js';
import { eventually } from '../support/facts.js';

const refusal = (code: string, more: object = {}) =>
  ['unauthenticated', { message: 'Try later.', code, time: 'now', ...more }] as const;

describe('a code of the program', () => {
  it('with retry is tried again, and the status shows it', async () => {
    const { url, io, sockets } = await startWordsServer({ verdict: refusal('trial_full', { retry: true, after: 5 }) });
    io.on('connection', (socket) => socket.on('authenticate', () => socket.disconnect()));
    const { helper } = createHelper(url, { autoAuthenticate: true });
    await helper.waitFor('waiting');
    expect(helper.getStatus()).toMatchObject({ status: 'waiting', code: 'trial_full', message: 'Try later.' });
    // More often than the one reconnect after `expired`.
    for (let attempt = 1; attempt <= 3; attempt++) await sockets.next();
  });

  it.each([
    { code: 'trial_over', more: {} },
    { code: 'refused', more: { retry: true } },
  ])('$code with $more is final', async ({ code, more }) => {
    const { url } = await startWordsServer({ verdict: refusal(code, more) });
    const { helper } = createHelper(url, { autoAuthenticate: true });
    await helper.waitFor('refused');
    expect(helper.getStatus()).toEqual({ status: 'refused', code, message: 'Try later.' });
  });
});

describe('roomgate:left', () => {
  it('makes the client forget these rooms, except those that may be granted again', async () => {
    const { url, io, heard } = await startWordsServer();
    const { helper, log } = createHelper(url, { autoAuthenticate: true });
    await helper.waitFor('authenticated');
    await helper.joinRooms({ rooms: ['closed', 'ended', 'kept'] });
    const rooms = [
      { room: 'closed', code: 'revoked', message: '' },
      { room: 'ended', code: 'room_expired', message: '' },
    ];
    io.emit('roomgate:left', { rooms });
    await eventually(() => expect(log.lines.join()).toContain('closed (revoked), ended (room_expired)'));
    for (const socket of io.sockets.sockets.values()) socket.conn.close();
    await heard.next(([event]) => event === 'join');
    expect(await heard.next(([event]) => event === 'join')).toEqual(['join', { rooms: ['ended', 'kept'] }]);
  });
});
