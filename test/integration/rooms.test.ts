import { describe, expect, it } from 'vitest';
import { connectAuthenticated, settled, startServer } from '../support/server.js';

describe('join and leave', () => {
  it('answer with what was joined, left and refused, once it stands', async () => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url);
    expect(await client.socket.emitWithAck('join', { rooms: ['open', 'closed'] })).toEqual({
      joined: ['open'],
      refused: [{ room: 'closed', code: 'not_allowed', message: expect.any(String) }],
    });
    const socket = helper.getClients({ id: client.socket.id ?? '' })?.socket;
    expect([...(socket?.rooms ?? [])]).toEqual([client.socket.id, 'io-default', 'io-notification', 'open']);
    expect(await client.socket.emitWithAck('leave', { rooms: ['open', 'io-default', 'never'] })).toEqual({
      left: ['open', 'io-default', 'never'],
      refused: [],
    });
    expect([...(socket?.rooms ?? [])]).toEqual([client.socket.id, 'io-notification']);
  });

  it('work without an acknowledgement, as older clients ask', async () => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url);
    client.socket.emit('join', { rooms: ['open'] });
    await settled(client);
    helper.send({ destination: 'open', payload: { topic: 'x', data: 1 } });
    expect(await client.heardOf('x')).toBe(1);
  });

  it.each([[[]], [[null]], [['abc']], [[{ rooms: 'abc' }]], [[{ rooms: [1, null] }]], [[{ rooms: [['a']] }]]])(
    'refuse %j with an answer, and change nothing',
    async (args) => {
      const { helper, url, log } = await startServer({ validateRoomFn: ({ rooms }) => rooms });
      const client = await connectAuthenticated(url);
      const rooms = () => [...(helper.getClients({ id: client.socket.id ?? '' })?.socket.rooms ?? [])];
      const before = rooms();
      for (const event of ['join', 'leave']) {
        const answer = await client.socket.emitWithAck(event, ...args);
        expect(answer.refused).toMatchObject([{ code: 'invalid_payload' }]);
        client.socket.emit(event, ...args);
      }
      await settled(client);
      expect(rooms()).toEqual(before);
      expect(log.loud).toEqual([]);
    },
  );

  it("never touch another client's private room, or one's own", async () => {
    const { helper, url } = await startServer({ validateRoomFn: ({ rooms }) => rooms });
    const victim = await connectAuthenticated(url);
    const thief = await connectAuthenticated(url);
    const [theirs, own] = [victim.socket.id ?? '', thief.socket.id ?? ''];
    expect(await thief.socket.emitWithAck('join', { rooms: [theirs] })).toMatchObject({
      joined: [],
      refused: [{ code: 'socket_id' }],
    });
    expect(await thief.socket.emitWithAck('leave', { rooms: [own] })).toMatchObject({
      left: [],
      refused: [{ code: 'socket_id' }],
    });
    helper.send({ destination: theirs, payload: { topic: 'secret', data: 1 } });
    helper.send({ destination: own, payload: { topic: 'mine', data: 1 } });
    await Promise.all([settled(victim), settled(thief)]);
    expect(thief.heard.map(([event]) => event)).toEqual(['connect', 'ping', 'authenticated', 'mine']);
  });

  it('take an honest name that looks like an id', async () => {
    const { url } = await startServer({ validateRoomFn: ({ rooms }) => rooms });
    const client = await connectAuthenticated(url);
    const room = 'customer-support-eu1';
    expect(room).toHaveLength(20);
    expect(await client.socket.emitWithAck('join', { rooms: [room] })).toEqual({ joined: [room], refused: [] });
  });

  it('drop a verdict that comes after the client has gone', async () => {
    let decide: (rooms: string[]) => void = () => {};
    const asked = { yet: () => {} };
    const asking = new Promise<void>((resolve) => {
      asked.yet = resolve;
    });
    const { helper, url } = await startServer({
      validateRoomFn: () => {
        asked.yet();
        return new Promise((resolve) => {
          decide = resolve;
        });
      },
    });
    const client = await connectAuthenticated(url);
    client.socket.emit('join', { rooms: ['open'] });
    await asking;
    const socket = helper.getClients({ id: client.socket.id ?? '' })?.socket;
    if (socket === undefined) throw new Error('no socket');
    helper.disconnect({ socket });
    decide(['open']);
    await connectAuthenticated(url);
    const { rooms, sids } = helper.getIOServer().of('/').adapter;
    expect(rooms.has('open')).toBe(false);
    expect(sids.size).toBe(1);
  });
});
