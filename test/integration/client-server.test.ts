import { describe, expect, it } from 'vitest';
import { CLIENT_TRANSPORTS, called, createAuthenticated, createHelper } from '../support/client.js';
import { EventLog, nextEvent } from '../support/facts.js';
import { startServer } from '../support/server.js';

/** Both helpers, as their users put them together. */
describe.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
  'both helpers over $transports',
  ({ transports }) => {
    const options = { path: '/socket.io', transports, auth: { token: 'good' } };

    it('let a client in, give it the rooms that are open, and bring it what is sent there', async () => {
      const { helper: server, url } = await startServer();
      const { helper } = await createAuthenticated(url, { options });
      const news = new EventLog<unknown>();
      helper.subscribe({ event: 'news', handler: (data) => void news.push(data) });
      const answer = await helper.joinRooms({ rooms: ['open-1', 'closed'] });
      expect(answer.joined).toEqual(['open-1']);
      expect(answer.refused).toMatchObject([{ room: 'closed', code: 'not_allowed' }]);
      for (const data of [0, false, '', null, { text: 'hi' }, undefined]) {
        server.send({ destination: 'open-1', payload: { topic: 'news', data } });
      }
      expect(await helper.leaveRooms({ rooms: ['open-1'] })).toEqual({ left: ['open-1'], refused: [] });
      server.send({ destination: 'open-1', payload: { topic: 'news', data: 'too late' } });
      server.send({ payload: { topic: 'news', data: 'end' } });
      await news.next((data) => data === 'end');
      expect(news.all).toEqual([0, false, '', null, { text: 'hi' }, undefined, 'end']);
    });

    it('carry what the client emits to the handlers of the server', async () => {
      const heard = new EventLog<unknown>();
      const { url } = await startServer({
        clientConnectedFn: ({ socket }) => void socket.on('say', (...args: unknown[]) => heard.push(args)),
      });
      const { helper } = await createAuthenticated(url, { options });
      for (const data of [0, 'x', undefined]) helper.emit({ topic: 'say', data });
      await heard.next((args) => (args as unknown[]).length === 0);
      expect(heard.all).toEqual([[0], ['x'], []]);
    });

    it('tell a refused client why before it is disconnected, and it stays away', async () => {
      const { url } = await startServer();
      const client = createHelper(url, { options: { ...options, auth: { token: 'bad' } } });
      await called(client, 'onConnected');
      client.helper.authenticate();
      await called(client, 'onDisconnected');
      expect(client.calls.all).toEqual([
        ['onConnected', undefined, 'unauthorized'],
        ['onUnauthenticated', expect.stringMatching(/sign in/i), 'unauthorized'],
        ['onDisconnected', 'io server disconnect', 'unauthorized'],
      ]);
      expect(client.helper.getSocketClient().active).toBe(false);
    });

    it('part for good when the client shuts down', async () => {
      const { helper: server, url } = await startServer();
      const { helper } = await createAuthenticated(url, { options });
      const { socket } = server.getClients({ id: helper.getSocketClient().id ?? '' }) ?? {};
      if (socket === undefined) throw new Error('the server knows the client');
      const left = nextEvent(socket, 'disconnect');
      helper.shutdown();
      await left;
      expect(server.getClients().size).toBe(0);
    });
  },
);
