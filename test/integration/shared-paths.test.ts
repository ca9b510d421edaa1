// npm test: node
// npm run test:matrix: newest-node
import { createServer, type Server as HttpServer } from 'node:http';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import { SocketIOComponent } from '../../src/server/component.js';
import type { ISocketIOServerNodeOptions } from '../../src/server/options.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { defer, track } from '../support/cleanup.js';
import { unusedPort } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { rawPolling } from '../support/raw.js';
import { expectServed, listen } from '../support/server.js';

const EVENTS = ['request', 'upgrade', 'close', 'listening', 'newListener'];

type Options = Partial<ISocketIOServerNodeOptions>;

function helperOf(server: HttpServer, identifier: string, options: Options = {}): SocketIOServerHelper {
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    server,
    identifier,
    serverOptions: { path: '/io' },
    authenticateFn: ({ auth }) => auth.token === 'good',
    logger: false,
    ...options,
  });
  defer(() => helper.shutdown());
  return helper;
}

const at = (path: string): Options => ({ serverOptions: { path } });

function componentOf(identifier: string, path = '/io'): SocketIOComponent {
  const component = new SocketIOComponent({ identifier, path, authenticateFn: () => true, logger: false });
  track(component);
  return component;
}

const listenersOf = (server: HttpServer) => EVENTS.map((event) => [event, server.listeners(event)]);

const refusal = (starting: Promise<void>) =>
  starting.then(
    () => 'nothing was thrown',
    ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
  );

describe('a second instance at the path of the first one', () => {
  it('configure() rejects, names the first helper, and leaves nothing behind', async () => {
    const server = createServer();
    await helperOf(server, 'first').configure();
    const before = listenersOf(server);
    const second = helperOf(server, 'second');
    expect(await refusal(second.configure())).toBe(
      'invalid_option: SocketIOServerHelper "second": the path "/io" of this HTTP server is taken by SocketIOServerHelper ' +
        '"first". Give one of them another path (option "serverOptions.path"), or await shutdown() of "first" first.',
    );
    expect(listenersOf(server)).toEqual(before);
    const { url } = await listen(server);
    await expectServed(url, '/io');
  });

  it('is refused while the first one is still in configure()', async () => {
    const server = createServer();
    const redis = new Redis({ port: await unusedPort(), lazyConnect: true });
    const first = helperOf(server, 'first', { redisConnection: redis });
    const starting = refusal(first.configure());
    expect(await refusal(helperOf(server, 'second').configure())).toContain('is taken by SocketIOServerHelper "first"');
    await first.shutdown();
    expect(await starting).toMatch(/^(shut_down|redis_unreachable)/);
    await helperOf(server, 'third').configure();
  });

  it('is refused if one is a component and one a helper, in any order', async () => {
    const [one, other] = [createServer(), createServer()];
    await helperOf(one, 'helper').configure();
    expect(await refusal(componentOf('component').start(one))).toBe(
      'invalid_argument: SocketIOComponent "component": the path "/io" of this HTTP server is taken by SocketIOServerHelper ' +
        '"helper". Give one of them another path (option "path"), or await shutdown() of "helper" first.',
    );
    await componentOf('component').start(other);
    expect(await refusal(helperOf(other, 'helper').configure())).toContain(
      'is taken by SocketIOComponent "component". Give one of them another path (option "serverOptions.path"), or await stop() of "component" first.',
    );
  });

  it.each([
    ['/io', '/io/'],
    ['/io', '/io/v2'],
    ['/io/v2', '/io'],
    ['/', '/io'],
    [undefined, '/socket.io'],
  ])('is refused at paths that overlap: %s and %s', async (first, second) => {
    const server = createServer();
    await helperOf(server, 'first', { serverOptions: first === undefined ? {} : { path: first } }).configure();
    expect(await refusal(helperOf(server, 'second', at(second)).configure())).toContain('is taken by');
  });

  it('is refused at /iox next to /io without a trailing slash', async () => {
    const server = createServer();
    await helperOf(server, 'first', { serverOptions: { path: '/io', addTrailingSlash: false } }).configure();
    expect(await refusal(helperOf(server, 'second', at('/iox')).configure())).toContain(
      'the path "/iox" of this HTTP server is taken by SocketIOServerHelper "first", whose path is "/io"',
    );
  });

  it('serves at another path of the same server', async () => {
    const server = createServer();
    await helperOf(server, 'first').configure();
    await helperOf(server, 'second', at('/iox')).configure();
    await componentOf('third', '/other').start(server);
    const { url } = await listen(server);
    for (const path of ['/io', '/iox']) await expectServed(url, path);
  });

  it('may be configured after the first one has shut down, and serves alone', async () => {
    const answered: string[] = [];
    const server = createServer((request, response) => {
      answered.push(`${request.url}`);
      response.end('the program');
    });
    const before = listenersOf(server);
    const first = helperOf(server, 'first');
    await first.configure();
    const second = helperOf(server, 'second');
    expect(await refusal(second.configure())).toContain('is taken by');
    await first.shutdown();
    expect(listenersOf(server)).toEqual(before);
    await second.configure();
    const { url } = await listen(server);
    await expectServed(url, '/io');
    expect(await (await fetch(`${url}/page`)).text()).toBe('the program');
    expect(answered).toEqual(['/page']);
    expect(first.getClients().size).toBe(0);
  });

  it('keeps its server when an earlier one at another path shuts down', async () => {
    const server = createServer((_, response) => response.end('the program'));
    const first = helperOf(server, 'first', at('/first'));
    await first.configure();
    await helperOf(server, 'second').configure();
    await first.shutdown();
    const { url } = await listen(server);
    expect(await (await fetch(`${url}/first/?EIO=4&transport=polling`)).text()).toBe('the program');
    await helperOf(server, 'third', at('/first')).configure();
    for (const path of ['/io', '/first']) await expectServed(url, path);
    expect(await (await fetch(url)).text()).toBe('the program');
  });
});

describe('a plain Socket.IO server at the path', () => {
  const plain = (server: HttpServer, path: string): Server => {
    const io = new Server(server, { path });
    defer(() => void io.close());
    return io;
  };

  it.each(['/io', '/io/', '/'])('refuses configure() if it is attached at %s', async (path) => {
    const server = createServer();
    plain(server, path);
    const before = listenersOf(server);
    expect(await refusal(helperOf(server, 'a').configure())).toBe(
      'invalid_option: SocketIOServerHelper "a": the path "/io" of this HTTP server is taken by another Socket.IO server. ' +
        'Give one of them another path (option "serverOptions.path"), or close the other server first.',
    );
    expect(listenersOf(server)).toEqual(before);
  });

  it.each(['/iox', '/i', '/socket.io'])('may be attached at %s, without a warning', async (path) => {
    const server = createServer();
    const [log, other] = [new LogLines(), createServer()];
    plain(server, path);
    await helperOf(server, 'a', { logger: log }).configure();
    await helperOf(other, 'b', { logger: log }).configure();
    plain(other, path);
    expect(log.loud).toEqual([]);
    const { url } = await listen(server);
    await expectServed(url, '/io');
    await rawPolling(url, { path: `${path}/` });
  });

  it('is warned about if it is attached later', async () => {
    const server = createServer();
    const log = new LogLines();
    const helper = helperOf(server, 'a', { logger: log });
    await helper.configure();
    plain(server, '/io');
    expect(log.loud).toEqual([
      expect.stringContaining('another Socket.IO server was attached to the HTTP server at /io/'),
    ]);
    await helper.shutdown();
    plain(server, '/io');
    expect(log.loud).toHaveLength(1);
  });
});
