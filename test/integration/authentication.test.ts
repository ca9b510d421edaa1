// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { connect, connectAuthenticated, startServer } from '../support/server.js';

it('a client’s end is noticed even if the program removed all listeners of its socket', async () => {
  const { helper, url } = await startServer();
  const client = await connectAuthenticated(url);
  helper.getClients({ id: client.socket.id ?? '' })?.socket.removeAllListeners();
  client.socket.disconnect();
  await eventually(() => expect(helper.getClients().size).toBe(0));
});

describe('an error of authenticateFn is reported', () => {
  it.each(['after its client has left', 'after the deadline'])('%s', async (when) => {
    const asked: ((error: Error) => void)[] = [];
    const { helper, url, log } = await startServer({
      authenticateTimeout: when === 'after the deadline' ? 2_000 : 10_000,
      authenticateFn: () => new Promise((_, reject) => asked.push(reject)),
    });
    const client = connect(url);
    client.socket.emit('authenticate');
    await eventually(() => asked.length === 1);
    if (when !== 'after the deadline') client.socket.disconnect();
    await eventually(() => helper.getClients().size === 0);
    asked[0]?.(new Error('the database is down'));
    const expected = [
      ...(when === 'after the deadline'
        ? [expect.stringMatching(/authenticateFn has not settled within 2000 ms/)]
        : []),
      expect.stringMatching(/authenticateFn failed for client \S+: Error: the database is down/),
    ];
    await eventually(() => log.loud.length === expected.length);
    expect(log.loud).toEqual(expected);
  });
});

it('a client that leaves and rejoins adds no listeners to its connection', async () => {
  const { helper, url } = await startServer();
  helper.getIOServer().of('/other');
  const client = connect(url, { auth: { token: 'good' }, transports: ['polling'] });
  // Keeps the connection open while the client is not in "/".
  client.socket.io.socket('/other').connect();
  const listeners: number[] = [];
  for (let visit = 0; visit < 3; visit++) {
    const authenticated = new Promise((resolve) => client.socket.once('authenticated', resolve));
    client.socket.connect().emit('authenticate');
    await authenticated;
    const [session] = helper.getClients().values();
    listeners.push(session?.socket.conn.listenerCount('upgrade') ?? 0);
    client.socket.disconnect();
    await eventually(() => helper.getClients().size === 0);
  }
  expect(new Set(listeners).size).toBe(1);
});

it('a namespace of the program is reported once as not guarded', async () => {
  const reports: object[] = [];
  const { helper, url } = await startServer({
    onReport: (report) => void (report.type === 'namespace_unguarded' && reports.push(report)),
  });
  helper.getIOServer().of('/other');
  const clients = [connect(`${url}/other`), connect(`${url}/other`), await connectAuthenticated(url)];
  for (const client of clients) await client.heardOf('connect');
  expect(reports).toEqual([{ type: 'namespace_unguarded', namespace: '/other' }]);
});
