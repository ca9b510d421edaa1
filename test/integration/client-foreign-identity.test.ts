// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { called, createAuthenticated, createHelper, startWordsServer } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';

// A client that learns who it is from a server of another kind, with odd credentials of its program.

it('a renewal as another user makes the client that user, once', async () => {
  const server = await startWordsServer({ verdict: ['authenticated', { id: 'x', time: 'now', user: 'ann' }] });
  const { helper, log } = await createAuthenticated(server.url);
  const socket = await server.sockets.next();
  socket.emit('authenticated', { id: 'x', time: 'now', user: 'ann', renewed: true });
  socket.emit('authenticated', { id: 'x', time: 'now', user: 'bob', renewed: true });
  await eventually(() => expect(helper.getStatus()).toEqual({ status: 'authenticated', user: 'bob' }));
  expect(log.lines.filter((line) => line.includes('signed in as another user'))).toHaveLength(1);
});

it('a refusal is not undone by an acceptance that comes after it', async () => {
  const server = await startWordsServer({ verdict: null });
  const client = createHelper(server.url, { autoAuthenticate: true });
  const socket = await server.sockets.next();
  await server.heard.next(([event]) => event === 'authenticate');
  socket.emit('unauthenticated', { code: 'refused', message: 'no' });
  socket.emit('authenticated', { id: 'x', time: 'now' });
  socket.emit('last', 'word');
  const last = new EventLog<unknown>();
  client.helper.subscribe({ event: 'last', handler: (word) => void last.push(word) });
  await called(client, 'onUnauthenticated');
  socket.disconnect();
  await called(client, 'onDisconnected');
  expect(client.helper.getStatus()).toMatchObject({ status: 'refused', code: 'refused' });
  expect(client.calls.all.some(([name]) => name === 'onAuthenticated')).toBe(false);
});

it('credentials are read once, so that one that can be read only once reaches the server', async () => {
  const server = await startWordsServer();
  let reads = 0;
  const once = {
    get token() {
      reads += 1;
      if (reads > 1) throw new Error('read twice');
      return 'good';
    },
  };
  const { helper } = createHelper(server.url, { credentials: () => once });
  await helper.waitFor('authenticated');
  expect((await server.sockets.next()).handshake.auth).toEqual({ token: 'good' });
});

it.each([
  ['nothing', () => undefined],
  ['a text', () => 'text'],
])('credentials whose toJSON() returns %s are tried again like ones that fail', async (_, toJSON) => {
  const server = await startWordsServer();
  const given: object[] = [{ toJSON }, { token: 'good' }];
  const client = createHelper(server.url, { credentials: () => ({ ...given.shift() }) });
  const [, error] = await called(client, 'onError');
  expect(error).toMatchObject({ code: 'credentials_failed' });
  await client.helper.waitFor('authenticated');
});

it('credentials that never come for a renewal are asked for again', async () => {
  const server = await startWordsServer({ verdict: null });
  const verdict = { id: 'x', time: 'now', user: 'ann', expiresIn: 2_000 };
  server.io.on('connection', (socket) => {
    socket.on('authenticate', (renewed) =>
      socket.emit('authenticated', { ...verdict, renewed: renewed !== undefined }),
    );
  });
  const reasons: string[] = [];
  const { helper } = createHelper(server.url, {
    authenticateTimeout: 300,
    credentials: ({ reason }) => {
      reasons.push(reason);
      return reasons.length === 2 ? new Promise(() => {}) : { number: reasons.length };
    },
  });
  await helper.waitFor('authenticated');
  expect(await server.heard.next(([event, renewed]) => event === 'authenticate' && renewed !== undefined)).toEqual([
    'authenticate',
    { number: 3 },
  ]);
  expect(reasons.slice(0, 3)).toEqual(['connect', 'renew', 'renew']);
});
