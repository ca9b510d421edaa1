// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { called, createAuthenticated, createHelper, lose } from '../support/client.js';
import { EventLog, eventually, unusedPort } from '../support/facts.js';
import { startProxy } from '../support/tcp-proxy.js';
import { type Served, type ServedOptions, serve, WAYS } from './program.js';

const CUTS = 8;

const options: NonNullable<ServedOptions['options']> = ({ note }) => ({
  clientConnectedFn: ({ socket }) => {
    socket.on('say', (...args) => note(args));
    socket.on('ask', (data, answer) => answer(data));
  },
});

const withPings: NonNullable<ServedOptions['options']> = ({ note }) => ({
  serverOptions: { pingInterval: 2_000, pingTimeout: 6_000 },
  clientConnectedFn: ({ socket }) => {
    socket.on('say', (...args) => note(args));
  },
});

let server: Served;

beforeAll(async () => {
  server = await serve({ options });
});

const send = (to: Served, destination: string, data: unknown) =>
  to.run(
    ({ helper }, room, it) => helper.send({ destination: room, payload: { topic: 'news', data: it } }),
    destination,
    data,
  );

describe.each(WAYS)('SocketIOClientHelper over $way', ({ transports }) => {
  const toGood = { path: '/socket.io', transports, auth: { token: 'good' } };

  it('authenticates, joins the granted rooms, and receives their messages', async () => {
    const { helper, calls } = await createAuthenticated(server.url, { options: toGood });
    expect(calls.all).toEqual([
      ['onConnected', undefined, 'unauthorized'],
      ['onAuthenticated', undefined, 'authenticated'],
    ]);
    const news = new EventLog<unknown>();
    helper.subscribe({ event: 'news', handler: (data) => void news.push(data) });
    const answer = await helper.joinRooms({ rooms: ['open-1', 'closed'] });
    expect(answer.joined).toEqual(['open-1']);
    expect(answer.refused).toMatchObject([{ room: 'closed', code: 'not_allowed' }]);
    for (const data of [0, false, '', null, { text: 'hi' }]) await send(server, 'open-1', data);
    await server.run(({ helper }) => {
      helper.send({ destination: 'open-1', payload: { topic: 'news' } });
      helper.send({ destination: 'open-1', payload: { topic: 'news', data: Buffer.from([]) } });
    });
    await eventually(() => news.all.length === 7);
    expect(await helper.leaveRooms({ rooms: ['open-1'] })).toEqual({ left: ['open-1'], refused: [] });
    await send(server, 'open-1', 'too late');
    await send(server, helper.getSocketClient().id ?? '', 'end');
    await news.next((data) => data === 'end');
    expect(news.all).toEqual([0, false, '', null, { text: 'hi' }, undefined, Buffer.from([]), 'end']);
  });

  it('delivers its events to the server’s handlers', async () => {
    const { helper } = await createAuthenticated(server.url, { options: toGood });
    const before = (await server.notes()).length;
    for (const data of [0, 'x', undefined, 'end']) helper.emit({ topic: 'say', data });
    await eventually(async () => (await server.notes()).length === before + 4);
    expect((await server.notes()).slice(before)).toEqual([[0], ['x'], [], ['end']]);
  });

  it('reports the refusal before the disconnect, and stays disconnected', async () => {
    const client = createHelper(server.url, { options: { ...toGood, auth: { token: 'bad' } } });
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

  it('stays disconnected after shutdown()', async () => {
    const { helper } = await createAuthenticated(server.url, { options: toGood });
    const id = helper.getSocketClient().id ?? '';
    helper.shutdown();
    await eventually(() => server.run(({ helper: ofServer }, it) => ofServer.getClients({ id: it }) === undefined, id));
  });

  it(`survives ${CUTS} cuts: it authenticates, rejoins its rooms, stays subscribed, and loses no queued message`, async () => {
    const own = await serve({ options: withPings });
    const proxy = await startProxy({ target: own.port });
    const rejoined = new EventLog<readonly string[]>();
    const news = new EventLog<unknown>();
    const failures: unknown[] = [];
    const { helper } = createHelper(`http://127.0.0.1:${proxy.port}`, {
      credentials: () => ({ token: 'good' }),
      queue: true,
      onRoomsRejoined: ({ joined }) => rejoined.push(joined),
      options: { path: '/socket.io', transports },
    });
    helper.subscribe({ event: 'news', handler: (n) => void news.push(n) });
    await helper.waitFor('authenticated');
    expect((await helper.joinRooms({ rooms: ['open-1', 'open-2'] })).refused).toEqual([]);
    for (let cut = 1; cut <= CUTS; cut++) {
      await lose(helper, proxy);
      // Offline: the event waits in the queue.
      helper.emit({ topic: 'say', data: cut, cb: (error) => error && failures.push(error) });
      expect(await rejoined.next()).toEqual(['open-1', 'open-2']);
      expect(await own.note()).toEqual([cut]);
      await send(own, 'open-2', cut);
      expect(await news.next()).toBe(cut);
    }
    const all = Array.from({ length: CUTS }, (_, index) => index + 1);
    expect(await own.notes()).toEqual(all.map((cut) => [cut]));
    expect(news.all).toEqual(all);
    expect(failures).toEqual([]);
    // A session that was cut between two polls of its upgrade ends only with its ping timeout.
    const isAlone = () => own.run(({ helper: ofServer }) => ofServer.getClients().size === 1);
    await eventually(isAlone, { timeout: 15_000, what: 'the cut sessions have ended' });
  });

  it('survives a replaced server, and events emitted meanwhile arrive in order and once', async () => {
    const port = await unusedPort();
    const first = await serve({ options, serving: { port } });
    const rejoined = new EventLog<unknown>();
    const { helper } = createHelper(first.url, {
      autoAuthenticate: true,
      queue: true,
      onRoomsRejoined: (answer) => rejoined.push(answer),
      options: toGood,
    });
    await helper.waitFor('authenticated');
    await helper.joinRooms({ rooms: ['open-1', 'closed'] });
    const lost = helper.waitFor('waiting');
    await first.run(({ helper: ofServer }) => ofServer.shutdown());
    await lost;
    for (let n = 0; n < 10; n++) helper.emit({ topic: 'say', data: n });
    const second = await serve({ options, serving: { port } });
    expect(await rejoined.next()).toEqual({ joined: ['open-1'], refused: [] });
    await eventually(async () => (await second.notes()).length === 10);
    expect(await second.notes()).toEqual(Array.from({ length: 10 }, (_, n) => [n]));
    expect(await first.notes()).toEqual([]);
  });
});
