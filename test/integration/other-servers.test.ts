// npm test: node
// npm run test:matrix: newest-node
import { createServer, type Server as HttpServer } from 'node:http';
import { expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { connectAuthenticated, startServer, TRANSPORTS } from '../support/server.js';

/** Each takes or refuses every upgrade of the server, as in the documentation of ws. */
const OTHERS: Readonly<Record<string, (server: HttpServer) => void>> = {
  'a WebSocketServer with a server': (server) => {
    const own = new WebSocketServer({ server });
    own.on('connection', (socket) => socket.send('own'));
    defer(() => own.close());
  },
  'a WebSocketServer with a path': (server) => {
    const own = new WebSocketServer({ server, path: '/own' });
    own.on('connection', (socket) => socket.send('own'));
    defer(() => own.close());
  },
  'a listener that destroys other upgrades': (server) => {
    const own = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/own') own.handleUpgrade(request, socket, head, (it) => it.send('own'));
      else socket.destroy();
    });
  },
};

it.each(
  Object.keys(OTHERS).flatMap((name) => [
    [name, 'before'],
    [name, 'after'],
  ]),
)('%s works on the same HTTP server, made %s configure()', async (name, when) => {
  const server = createServer();
  const make = () => OTHERS[name]?.(server);
  if (when === 'before') make();
  const { url, log, helper } = await startServer({ server, serverOptions: { path: '/io' } });
  if (when === 'after') make();
  for (const transports of TRANSPORTS) {
    const client = await connectAuthenticated(url, { path: '/io', transports: [...transports] });
    if (transports.length > 1) await eventually(() => client.socket.io.engine.transport.name === 'websocket');
    client.socket.disconnect();
  }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/own`);
  defer(() => socket.terminate());
  expect(await new Promise((resolve) => socket.once('message', (data) => resolve(`${data}`)))).toBe('own');
  expect(log.loud).toEqual([]);
  expect(server.listeners('upgrade').length).toBe(3);
  await helper.shutdown();
  expect(server.listeners('upgrade').length).toBe(1);
});

it.each([
  [
    'throws',
    () => {
      throw new Error('odd');
    },
  ],
  ['rejects', async () => Promise.reject(new Error('odd'))],
])('an allowRequest that %s refuses its client, and does not end the process', async (_, allowRequest) => {
  const { url, log } = await startServer({ serverOptions: { allowRequest } });
  for (let times = 0; times < 2; times++) {
    const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { code: 4, message: 'The check of this request failed' },
    ]);
  }
  expect(log.loud).toHaveLength(2);
  expect(log.loud[0]).toMatch(/^error: \[roomgate\] test: serverOptions\.allowRequest failed: Error: odd/);
});

it('on() and send() name what to write in place of a wrong argument', async () => {
  const { helper } = await startServer();
  const on = { event: 'connection', handler: () => {} } as never;
  expect(() => helper.on(on)).toThrow('received undefined. Write "topic" in place of "event".');
  expect(() => helper.send({ payload: { topic: 'x' }, cb: 5 as never })).toThrow(
    'send(): cb: expected a function, received 5.',
  );
});
