// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { within } from '../support/facts.js';
import { rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { itExceptOnBun } from '../support/setting.js';
import { enter, heardOn, idOf, type Served, serve, stranger, WAYS } from './program.js';
import { ask, opening } from './requests.js';

let server: Served;

beforeAll(async () => {
  server = await serve({
    options: ({ note }) => ({
      serverOptions: { pingInterval: 2_000, pingTimeout: 4_000 },
      clientConnectedFn: ({ socket }) => {
        const { conn } = socket;
        socket.on('disconnecting', (reason) => note([socket.id, 'disconnecting', reason, socket.rooms.size]));
        socket.on('disconnect', (reason) => note([socket.id, 'disconnect', reason, socket.rooms.size]));
        conn.once('upgrade', ({ name }: { name: string }) => note([socket.id, 'upgrade', name]));
        conn.once('close', (reason: string) => note([socket.id, 'close', reason]));
      },
    }),
  });
});

/** The program's notes of one client, after its connection was closed. */
async function endOf(id: string): Promise<unknown[]> {
  const { note } = await server.program.messages.next(
    (message) => Array.isArray(message?.note) && message.note[0] === id && message.note[1] === 'close',
    { what: `the end of ${id}` },
  );
  const before = (await server.notes()).filter((it) => (it as unknown[])[0] === id) as unknown[][];
  expect(before.at(-1)).toEqual(note);
  return before.filter(([, event]) => event !== 'upgrade').map(([, ...rest]) => rest);
}

const ended = (reason: string, close: unknown): unknown[] => [
  ['disconnecting', reason, 3],
  ['disconnect', reason, 0],
  ['close', close],
];

describe.each(WAYS)('the disconnect reason of a session over $way', ({ transports }) => {
  it.each([
    ['the client leaves the namespace', 'client namespace disconnect', /forced close|transport close|transport error/],
    ['the client closes the connection', 'transport close', /transport close/],
    ['the program disconnects it', 'server namespace disconnect', /forced close|forced server close/],
  ])('%s', async (how, reason, close) => {
    const client = await enter(server.url, { transports });
    const id = idOf(client);
    if (how === 'the client leaves the namespace') client.socket.disconnect();
    else if (how === 'the client closes the connection') client.socket.io.engine.close();
    else {
      await server.run(({ helper }, it) => {
        const entry = helper.getClients({ id: it });
        if (entry !== undefined) helper.disconnect({ socket: entry.socket });
      }, id);
    }
    expect(await endOf(id)).toEqual(ended(reason, expect.stringMatching(close)));
  });
});

async function rawClient(): Promise<WebSocketPeer & { id: string }> {
  const socket = await rawWebSocket(server.url, { answerPings: false });
  const { sid: id } = await socket.connect('/', { token: 'good' });
  socket.emit('authenticate');
  await socket.event('authenticated');
  return Object.assign(socket, { id });
}

describe('the disconnect reason of a session that ends without a message', () => {
  it('when its WebSocket is cut', async () => {
    const socket = await rawClient();
    socket.terminate();
    expect(await endOf(socket.id)).toEqual(ended('transport close', 'transport close'));
  });

  it('when the peer answers no ping', async () => {
    const socket = await rawClient();
    await within(socket.closed, 'the end of the connection', 15_000);
    expect(await endOf(socket.id)).toEqual(ended('ping timeout', 'ping timeout'));
  });

  it('when the peer breaks the protocol of Socket.IO', async () => {
    const socket = await rawClient();
    socket.send('49');
    expect(await endOf(socket.id)).toEqual(ended('forced close', 'forced close'));
  });

  it('when the peer breaks the protocol of Engine.IO', async () => {
    const socket = await rawClient();
    socket.send('x');
    expect(await endOf(socket.id)).toEqual(ended('parse error', 'parse error'));
  });

  it('when a polling peer closes its session', async () => {
    const polling = await rawPolling(server.url);
    const { sid } = await polling.connect('/', { token: 'good' });
    await polling.emit('authenticate');
    await polling.next((packet) => packet.startsWith('42["authenticated"'));
    await polling.post('1');
    expect(await endOf(sid)).toEqual(ended('transport close', 'transport close'));
  });
});

it('the connection emits `upgrade` when its transport changes', async () => {
  const client = await stranger(server.url, { transports: ['polling', 'websocket'], auth: { token: 'good' } });
  // Registered before the upgrade as far as possible: it starts at once.
  const upgraded = await server.run(
    ({ helper }, id) =>
      new Promise((resolve) => {
        const conn = helper.getClients({ id })?.socket.conn;
        if (conn?.transport.name === 'websocket') resolve('websocket');
        else conn?.once('upgrade', ({ name }: { name: string }) => resolve(name));
      }),
    idOf(client),
  );
  expect(upgraded).toBe('websocket');
  client.socket.emit('authenticate');
  await client.heardOf('authenticated');
  expect(heardOn(client, 'disconnect')).toEqual([]);
});

describe('features of Engine.IO’s server other than options', () => {
  const HEADER = 'x-from-the-program';

  it('the events "initial_headers" and "headers", the first for handshakes only', async () => {
    await server.run(({ io }, name) => {
      io.engine.on('initial_headers', (headers: Record<string, string[]>, { url }: { url: string }) => {
        headers[name] = ['first', String(url.startsWith('/socket.io/?'))];
      });
      io.engine.on('headers', (headers: Record<string, string>) => {
        headers[`${name}-s`] = 'each';
      });
    }, HEADER);
    const { headers, body } = await ask(server.url, opening('polling'));
    expect([headers[HEADER], headers[`${HEADER}-s`]]).toEqual(['first, true', 'each']);
    const { sid } = JSON.parse(body.slice(1));
    const later = (await ask(server.url, `${opening('polling')}&sid=${sid}`, { method: 'POST', body: '1' })).headers;
    expect([later[HEADER], later[`${HEADER}-s`]]).toEqual([undefined, 'each']);
  });

  itExceptOnBun('the Bun engine takes no middleware')('io.engine.use()', async () => {
    await server.run(({ io }) => {
      io.engine.use((_: unknown, response: { setHeader(name: string, value: string): void }, next: () => void) => {
        response.setHeader('x-of-a-middleware', '1');
        next();
      });
    });
    expect((await ask(server.url, opening('polling'))).headers['x-of-a-middleware']).toBe('1');
  });

  itExceptOnBun('the Bun engine generates its own ids')('io.engine.generateId', async () => {
    await server.run(({ io }) => {
      Object.assign(io.engine, { generateId: () => 'an-id-of-the-program' });
    });
    const { body } = await ask(server.url, opening('polling'));
    expect(JSON.parse(body.slice(1)).sid).toBe('an-id-of-the-program');
  });
});
