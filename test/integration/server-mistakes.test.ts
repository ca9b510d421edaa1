// npm test: node
// npm run test:matrix: newest-node
import { createServer, type RequestListener } from 'node:http';
import express from 'express';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { SocketIOComponent } from '../../src/server/component.js';
import type { ISocketIOServerNodeOptions } from '../../src/server/options.js';
import type { Report } from '../../src/server/reports.js';
import { defer, track } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import type { LogLines } from '../support/log-lines.js';
import { connect, connectAuthenticated, expectServed, startServer } from '../support/server.js';

const POLL = 'EIO=4&transport=polling';

/** The status and the body of the answer to an upgrade that is refused. */
function refusedUpgrade(url: string): Promise<string> {
  const socket = new WebSocket(url.replace('http', 'ws'));
  socket.on('error', () => {});
  defer(() => socket.terminate());
  return new Promise((resolve) => {
    socket.once('unexpected-response', (_, response) => {
      let text = `${response.statusCode} `;
      response.on('data', (bytes) => {
        text += bytes;
      });
      response.on('end', () => resolve(text));
    });
  });
}

const at = (path: string): Partial<ISocketIOServerNodeOptions> => ({ serverOptions: { path } });

describe('a request to a path that nothing serves', () => {
  it('is answered 404 if there is no other listener, and so is an upgrade', async () => {
    const { url } = await startServer(at('/io'));
    for (const path of [`/other/?${POLL}`, `/io?${POLL}`, '/']) {
      const answer = await fetch(url + path);
      expect([answer.status, await answer.text()]).toEqual([404, 'Nothing is served at this path.\n']);
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    }
    expect(await refusedUpgrade(`${url}/other/?EIO=4&transport=websocket`)).toBe(
      '404 Nothing is served at this path.\n',
    );
    await expectServed(url, '/io');
  });

  it('is answered once beside another instance, and each instance gets its own', async () => {
    const { url, http } = await startServer(at('/io'));
    await startServer({ server: http, identifier: 'second', ...at('/chat') });
    expect((await fetch(`${url}/other/?${POLL}`)).status).toBe(404);
    expect(await refusedUpgrade(`${url}/other/`)).toMatch(/^404 /);
    await expectServed(url, '/io');
    await expectServed(url, '/chat');
  });

  it('belongs to a listener of the application, also to one that is added after configure()', async () => {
    const { url, http } = await startServer(at('/io'));
    const answer =
      (text: string): RequestListener =>
      (_, response) =>
        response.end(text);
    const first = answer('first');
    http.on('request', first);
    expect(await (await fetch(`${url}/other`)).text()).toBe('first');
    http.removeListener('request', first);
    expect((await fetch(`${url}/other`)).status).toBe(404);
    http.on('request', answer('second'));
    expect(await (await fetch(`${url}/other`)).text()).toBe('second');
  });

  it('can be claimed by a WebSocket server that is added after configure()', async () => {
    const { url, http } = await startServer(at('/io'));
    const own = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/own') setTimeout(() => own.handleUpgrade(request, socket, head, (it) => it.send('x')), 50);
    });
    const socket = new WebSocket(`${url.replace('http', 'ws')}/own`);
    defer(() => socket.terminate());
    expect(await new Promise((resolve) => socket.once('message', (data) => resolve(`${data}`)))).toBe('x');
  });

  it('leaves the listeners of the server as they were after a shutdown', async () => {
    const server = createServer();
    const { helper, http } = await startServer({ server, ...at('/io') });
    const later: RequestListener = () => {};
    http.on('request', later);
    await eventually(() => http.rawListeners('request').at(-1) !== later);
    expect(http.listeners('request').at(-1)).toBe(later);
    await helper.shutdown();
    expect(http.rawListeners('request')).toEqual([later]);
    expect(http.listenerCount('newListener')).toBe(0);
  });
});

describe('an application that is attached after configure()', () => {
  it.each(['one instance', 'two instances'])('gets its own requests and not those of Socket.IO: %s', async (how) => {
    const { url, http } = await startServer(at('/io'));
    const app = express();
    app.get('/hello', (_, response) => void response.send('hello'));
    http.on('request', app);
    if (how === 'two instances') await startServer({ server: http, identifier: 'second', ...at('/chat') });
    await expectServed(url, '/io');
    if (how === 'two instances') await expectServed(url, '/chat');
    expect(await (await fetch(`${url}/hello`)).text()).toBe('hello');
    expect((await fetch(`${url}/other`)).status).toBe(404);
  });

  it('is called once below a plain Socket.IO server that is attached after it', async () => {
    const { url, http } = await startServer(at('/io'));
    http.on('request', (_, response) => void response.end('hello'));
    const plain = new Server(http, { path: '/plain' });
    defer(() => plain.close());
    expect(await (await fetch(`${url}/hello`)).text()).toBe('hello');
  });

  it.each(['before', 'after'])('is named in one warning if the path is "/": attached %s', async (when) => {
    const app = express();
    const { log, http } = await startServer({
      ...at('/'),
      server: when === 'before' ? createServer(app) : createServer(),
    });
    if (when === 'after') http.on('request', app);
    await eventually(() => log.loud.length > 0);
    expect(log.loud).toEqual([
      'warn: [roomgate] test: the path "/" takes every request of this server, so handlers of your application get none; ' +
        'write a path such as serverOptions: { path: "/io" }',
    ]);
  });

  it('is not missed if the path is "/", whose line in the log names it', async () => {
    const { log, url } = await startServer(at('/'));
    await expectServed(url, '/');
    expect(log.loud).toEqual([]);
    expect(log.lines[0]).toContain('configured at / (node');
  });
});

describe('serverOptions.cors without an origin', () => {
  it.each([[{}], [true], [{ credentials: true }]])('allows every origin, and warns: %j', async (cors) => {
    const { log, url } = await startServer({ serverOptions: { cors: cors as object } });
    expect(log.loud).toEqual([
      'warn: [roomgate] test: option "serverOptions.cors.origin" is not set, so pages of every origin may connect. ' +
        'Set it to a list such as ["https://app.example"], or to "*" to allow every page',
    ]);
    const headers = { origin: 'https://a.example' };
    expect((await fetch(`${url}/socket.io/?${POLL}`, { headers })).status).toBe(200);
  });

  it.each([
    [undefined],
    [false],
    [{ origin: '*' }],
    [{ origin: true }],
    [{ origin: ['https://a.example'] }],
    [{ origin: undefined }],
    [{ origin: () => {} }],
  ])('is not the case: %j', async (cors) => {
    const { log } = await startServer({ serverOptions: { cors: cors as object } });
    expect(log.loud).toEqual([]);
  });
});

describe('a client that is refused has one line at info', () => {
  const linesOf = (log: LogLines) =>
    log.lines.flatMap((line) => (line.startsWith('info') ? (/: client (.*)/.exec(line)?.[1] ?? []) : []));

  it.each([
    ['refused', 'refused: its credentials were not accepted', { authenticateFn: () => false }],
    ['timeout', 'refused: it did not authenticate within 2000 ms', { authenticateTimeout: 2_000 }],
    [
      'unavailable',
      'disconnected: authenticateFn or clientConnectedFn failed; it may reconnect',
      {
        authenticateFn: () => {
          throw new Error('away');
        },
      },
    ],
    [
      'unavailable',
      'disconnected: authenticateFn or clientConnectedFn failed; it may reconnect',
      {
        clientConnectedFn: () => {
          throw new Error('odd');
        },
      },
    ],
  ])('%s: %s', async (code, text, options) => {
    const { log, url, helper } = await startServer(options);
    const client = connect(url, { auth: { token: 'good' } });
    const id = await client.heardOf('connect');
    if (code !== 'timeout') client.socket.emit('authenticate');
    await client.heardOf('disconnect');
    await eventually(() => helper.getClients().size === 0);
    expect(linesOf(log)).toEqual([`${id} at 127.0.0.1 was ${text} (code: ${code})`]);
  });

  it('and one that leaves has one, with the reason', async () => {
    const { log, url, helper } = await startServer();
    const client = await connectAuthenticated(url);
    const { id } = client.socket;
    client.socket.disconnect();
    await eventually(() => helper.getClients().size === 0);
    expect(linesOf(log)).toEqual([`${id} disconnected: client namespace disconnect`]);
  });
});

describe('on() of the helper', () => {
  const warningOf = (topic: string) =>
    `warn: [roomgate] test: on("${topic}") listens to the server, which gets no events of clients; register the handler on each ` +
    `socket, in clientConnectedFn: socket.on("${topic}", …)`;

  it('warns immediately about events that only sockets have', async () => {
    const { helper, log } = await startServer();
    const topics = ['disconnect', 'disconnecting', 'join', 'leave', 'authenticate'];
    for (const topic of topics) helper.on({ topic, handler: () => {} });
    expect(log.loud).toEqual(topics.map(warningOf));
  });

  it('warns once about an event of clients, if its socket has no handler', async () => {
    const { helper, log, url } = await startServer({
      clientConnectedFn: ({ socket }) => {
        socket.on('hello', (answer: () => void) => answer());
      },
    });
    for (const topic of ['connection', 'connect', 'new_namespace', 'say', 'hello'])
      helper.on({ topic, handler: () => {} });
    const { socket } = await connectAuthenticated(url);
    for (let times = 0; times < 2; times++) socket.emit('say', 'x');
    await socket.emitWithAck('hello');
    expect(log.loud).toEqual([warningOf('say')]);
  });
});

it('a middleware that never calls next() is named when the time to authenticate has passed', async () => {
  const reports: Report[] = [];
  const { helper, url } = await startServer({ authenticateTimeout: 2_000, onReport: (report) => reports.push(report) });
  helper.getIOServer().use(() => {});
  connect(url);
  await eventually(() => reports.some(({ type }) => type === 'middleware_unanswered'), { timeout: 20_000 });
  expect(reports.find(({ type }) => type === 'middleware_unanswered')).toEqual({
    type: 'middleware_unanswered',
    client: expect.any(String),
    afterMs: 2_000,
  });
});

it('an authenticateFn that never settles is named in a warning', async () => {
  const { url, log } = await startServer({ authenticateTimeout: 2_000, authenticateFn: () => new Promise(() => {}) });
  const client = connect(url);
  await client.heardOf('connect');
  client.socket.emit('authenticate');
  await client.heardOf('disconnect');
  expect(log.loud).toEqual([
    expect.stringMatching(/authenticateFn has not settled within 2000 ms for client \S+, so the client was refused$/),
  ]);
});

it.each([
  ['resolves', async () => true],
  ['rejects', async () => Promise.reject(new Error('no'))],
])('an async function for rooms.filter() in validateRoomFn allows no room, and is named: it %s', async (_, check) => {
  const { url, log } = await startServer({ validateRoomFn: ({ rooms }) => rooms.filter(check) });
  const { socket } = await connectAuthenticated(url);
  const answer = await socket.emitWithAck('join', { rooms: ['a', 'b'] });
  expect(answer).toMatchObject({ joined: [], refused: [{ code: 'guard_failed' }, { code: 'guard_failed' }] });
  expect(log.loud).toEqual([expect.stringContaining('rooms.filter() expected a function that returns true or false')]);
});

it('rooms.filter() in validateRoomFn works as usual, with its three arguments and its `this`', async () => {
  const heard: unknown[] = [];
  const self = { wanted: 'b' };
  const { url } = await startServer({
    validateRoomFn: ({ rooms }) =>
      rooms.filter(function (this: typeof self, room, index, all) {
        heard.push([room, index, [...all]]);
        return room === this.wanted;
      }, self),
  });
  const { socket } = await connectAuthenticated(url);
  expect(await socket.emitWithAck('join', { rooms: ['a', 'b'] })).toMatchObject({ joined: ['b'] });
  expect(heard).toEqual([
    ['a', 0, ['a', 'b']],
    ['b', 1, ['a', 'b']],
  ]);
});

it('a connection that never joins a namespace is not blamed on a middleware', async () => {
  const { log, url, helper } = await startServer({ authenticateTimeout: 100 });
  helper.getIOServer().use((_, next) => next());
  const opened = await (await fetch(`${url}/socket.io/?${POLL}`)).text();
  // A poll that waits is answered at the deadline. Without one the server would give the client more time to poll.
  await fetch(`${url}/socket.io/?${POLL}&sid=${JSON.parse(opened.slice(1)).sid}`);
  await eventually(() => helper.getIOServer().engine.clientsCount === 0);
  expect(log.loud).toEqual([]);
});

it.each([
  [
    'a Map',
    new Map([['a', 1]]),
    /received an object of the class Map\. Send Object\.fromEntries\(map\), or \[\.\.\.map\]\.$/,
  ],
  ['a Set', new Set([1]), /received an object of the class Set\. Send \[\.\.\.set\]\.$/],
])('send() refuses %s as data, of which JSON makes {}', async (_, data, text) => {
  const { helper } = await startServer();
  expect(() => helper.send({ payload: { topic: 'x', data } })).toThrow(text);
  expect(() => helper.send({ payload: { topic: 'x', data: Object.assign(data, { toJSON: () => [] }) } })).not.toThrow();
});

it.each([
  [
    3000,
    "received 3000. A port is not enough: import { createServer } from 'node:http', and write start(createServer().listen(3000)).",
  ],
  [
    '3000',
    "received a string. A port is not enough: import { createServer } from 'node:http', and write start(createServer().listen(port)).",
  ],
  [
    express(),
    'received a function. An Express app is not a server: pass the result of its listen(), or createServer(app).',
  ],
  [{}, 'received an object.'],
])('start() of the component names itself if it is given no server: %j', async (given, text) => {
  const component = new SocketIOComponent({ authenticateFn: () => true, logger: false });
  track(component);
  await expect(component.start(given as never)).rejects.toMatchObject({
    code: 'invalid_option',
    message: `SocketIOComponent.start(): expected a server of node:http or node:https, ${text}`,
  });
});
