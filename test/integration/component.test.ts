// npm test: node
// npm run test:matrix: newest-node
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { describe, expect, it, vi } from 'vitest';
import type { TServerSource } from '../../src/ports/http-server.js';
import { RoomgateError } from '../../src/protocol/errors.js';
import { SocketIOComponent } from '../../src/server/component.js';
import type { ISocketIOComponentOptions } from '../../src/server/options.js';
import { defer, track } from '../support/cleanup.js';
import { unusedPort, within } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { startProgram } from '../support/process.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { connectAuthenticated, listen, TRANSPORTS } from '../support/server.js';

function makeComponent(options: Partial<ISocketIOComponentOptions> = {}): {
  component: SocketIOComponent;
  log: LogLines;
} {
  const log = new LogLines();
  const component = new SocketIOComponent({
    authenticateFn: ({ auth }) => auth.token === 'good',
    logger: log,
    ...options,
  });
  track(component);
  return { component, log };
}

function portOf(server: Pick<HttpServer, 'address'>): number {
  return (server.address() as AddressInfo).port;
}

/** The error of a call, as `code: message`. */
async function complaint(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof RoomgateError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing was thrown';
}

/** Each starts an application, passes its server to the component like a user would, and returns the port. */
const applications: Record<string, (component: SocketIOComponent) => Promise<number>> = {
  'an HTTP server that does not listen yet': async (component) => {
    const server = createServer((_, response) => response.end('hello'));
    await component.start(server);
    return portOf((await listen(server)).http);
  },
  'an HTTP server that listens': async (component) => {
    const { http } = await listen(createServer((_, response) => response.end('hello')));
    await component.start(http);
    return portOf(http);
  },
  Express: async (component) => {
    const app = express();
    app.get('/hello', (_, response) => void response.send('hello'));
    const server = app.listen(0);
    await component.start(server);
    await vi.waitUntil(() => server.listening);
    return portOf(server);
  },
  'Fastify, as it is': async (component) => {
    const app = fastify();
    app.get('/hello', async () => 'hello');
    // Fastify's close() waits for open connections; this hook runs before that.
    app.addHook('preClose', () => component.stop());
    defer(() => app.close());
    await component.start(app);
    await app.listen({ port: 0 });
    return portOf(app.server);
  },
  'Hono, through a function': async () => {
    const app = new Hono().get('/hello', (context) => context.text('hello'));
    let server: ReturnType<typeof serve> | undefined;
    const component = makeComponent({ server: () => server }).component;
    expect(await complaint(() => component.start())).toMatch(
      /received a function that returned undefined.*only after listen\(\)/,
    );
    server = await new Promise<ReturnType<typeof serve>>((resolve) => {
      const starting = serve({ fetch: app.fetch, port: 0 }, () => resolve(starting));
    });
    await component.start();
    return portOf(server as HttpServer);
  },
};

describe.each(Object.entries(applications))('with %s', (_, start) => {
  it('serves clients at /io next to the application', async () => {
    const { component } = makeComponent();
    const port = await start(component);
    const url = `http://127.0.0.1:${port}`;
    for (const transports of TRANSPORTS) {
      const client = await connectAuthenticated(url, { path: '/io', transports: [...transports] });
      expect(client.socket.connected).toBe(true);
    }
    expect(await (await fetch(`${url}/hello`)).text()).toBe('hello');
  });
});

describe('the defaults', () => {
  it('are the path /io, a generated identifier, and no compression', async () => {
    const { component } = makeComponent();
    const server = createServer((_, response) => response.writeHead(404).end());
    await component.start(server);
    expect(component.helper.identifier).toMatch(new RegExp(`-${process.pid}$`));
    const { opts } = component.helper.getIOServer().engine as unknown as { opts: Record<string, unknown> };
    expect(opts).toMatchObject({ perMessageDeflate: false, httpCompression: false });
    const { url } = await listen(server);
    const statusAt = async (path: string) => (await fetch(`${url}${path}/?EIO=4&transport=polling`)).status;
    expect([await statusAt('/socket.io'), await statusAt('/io')]).toEqual([404, 200]);
  });

  it('can be overridden', async () => {
    const { component } = makeComponent({ path: '/live/', identifier: 'a', serverOptions: { httpCompression: true } });
    const server = createServer();
    await component.start(server);
    expect(component.helper.identifier).toBe('a');
    expect(component.helper.getIOServer().path()).toBe('/live');
    const { opts } = component.helper.getIOServer().engine as unknown as { opts: Record<string, unknown> };
    expect(opts.httpCompression).toBeTruthy();
  });
});

describe('pages of other origins', () => {
  const HERE = 'https://app.example';

  /** Engine.IO answers the handshake of a WebSocket with 400 for any reason, a polling one with 403. */
  const REFUSED = ['400', '403'];

  /** The result of a handshake with this origin over each transport: `in`, or the status. */
  async function answers(url: string, origin: string | undefined, host?: string): Promise<string[]> {
    const headers = { ...(origin === undefined ? {} : { origin }), ...(host === undefined ? {} : { host }) };
    const webSocket = rawWebSocket(url, { path: '/io/', headers });
    const polling = rawPolling(url, { path: '/io/', headers });
    return Promise.all(
      [webSocket, polling].map((opening) =>
        opening.then(
          () => 'in',
          (error: Error) => /\b[45]\d\d\b/.exec(error.message)?.[0] ?? error.message,
        ),
      ),
    );
  }

  async function serving(options: Partial<ISocketIOComponentOptions>): Promise<{ url: string; log: LogLines }> {
    const { component, log } = makeComponent(options);
    const server = createServer();
    await component.start(server);
    return { url: (await listen(server)).url, log };
  }

  it('are refused without details, and the log names the fix', async () => {
    const { url, log } = await serving({});
    expect(await answers(url, HERE)).toEqual(REFUSED);
    expect(await answers(url, 'null')).toEqual(REFUSED);
    expect(log.loud[0]).toMatch(
      /"https:\/\/app\.example" was refused at "127\.0\.0\.1:\d+"\. .*proxy_set_header Host.* add its origin to cors\.origin$/,
    );
  });

  it('do not affect own pages and programs that are not browsers', async () => {
    const { url } = await serving({});
    expect(await answers(url, undefined)).toEqual(['in', 'in']);
    expect(await answers(url, url)).toEqual(['in', 'in']);
    // As if a proxy ended TLS.
    expect(await answers(url, HERE, 'APP.example')).toEqual(['in', 'in']);
    expect(await answers(url, HERE, 'app.example:443')).toEqual(['in', 'in']);
    expect(await answers(url, HERE, 'app.example:8443')).toEqual(REFUSED);
  });

  const naming: [string, NonNullable<ISocketIOComponentOptions['cors']>['origin']][] = [
    ['by name', HERE],
    ['in a list', ['http://localhost:5173', HERE]],
    ['by a pattern, asked twice', /^https:\/\/app\./g],
    ['by an async function', async () => true],
    ['by *', '*'],
    ['by true', true],
    ['by a function', (origin, callback) => callback(null, origin === HERE)],
    ['by a function that answers with a list', (_, callback) => callback(null, [/^https:\/\/app/, false])],
  ];
  it.each(naming)('are accepted if they are listed %s', async (_, origin) => {
    const { url } = await serving({ cors: { origin } });
    expect(await answers(url, HERE)).toEqual(['in', 'in']);
    const polled = await fetch(`${url}/io/?EIO=4&transport=polling`, { headers: { origin: HERE } });
    expect(['*', HERE]).toContain(polled.headers.get('access-control-allow-origin'));
  });

  it.each([
    ['another name', 'https://other.example'],
    ['false', false],
    ['a function that says no', (_: unknown, callback: (error: null, allow: boolean) => void) => callback(null, false)],
    ['a function that fails', (_: unknown, callback: (error: Error) => void) => callback(new Error('no database'))],
    ['an async function that says no', async () => false],
    ['an async function that rejects', async () => Promise.reject(new Error('no database'))],
    [
      'a function that throws',
      () => {
        throw new Error('no database');
      },
    ],
  ] as [string, NonNullable<ISocketIOComponentOptions['cors']>['origin']][])('stay out with %s', async (_, origin) => {
    const { url } = await serving({ cors: { origin } });
    expect(await answers(url, HERE)).toEqual(REFUSED);
    expect(await answers(url, url)).toEqual(['in', 'in']);
    expect(await answers(url, undefined)).toEqual(['in', 'in']);
  });

  it('reach allowRequest of the program only if their origin is accepted', async () => {
    const asked: (string | undefined)[] = [];
    const { url } = await serving({
      cors: { origin: HERE },
      serverOptions: {
        allowRequest: ({ headers }, decide) => {
          asked.push(headers.origin);
          decide('not today', headers.origin === undefined);
        },
      },
    });
    expect(await answers(url, 'https://other.example')).toEqual(REFUSED);
    expect(asked).toEqual([]);
    expect(await answers(url, HERE)).toEqual(REFUSED);
    expect(await answers(url, undefined)).toEqual(['in', 'in']);
    expect(asked).toEqual([HERE, HERE, undefined, undefined]);
  });
});

describe('the life of a component', () => {
  it('start() may be called twice, even at once; helper exists after it and not before', async () => {
    const { component } = makeComponent({ server: createServer() });
    expect(await complaint(() => component.helper)).toMatch(/^not_configured: .*call and await start\(\) first/);
    await Promise.all([component.start(), component.start()]);
    await component.start();
    expect(component.helper.getClients().size).toBe(0);
    expect(await complaint(() => component.start(createServer()))).toMatch(/^invalid_argument: .*another server/);
  });

  it('start() may be called again after a failure', async () => {
    const { component } = makeComponent();
    expect(await complaint(() => component.start())).toMatch(
      /^invalid_option: .*received undefined.*only after listen/,
    );
    const server = createServer();
    await component.start(server);
    const { url } = await listen(server);
    await connectAuthenticated(url, { path: '/io' });
  });

  it('stop() may be called before start(), twice, and at once', async () => {
    const { component } = makeComponent();
    await component.stop();
    await Promise.all([component.stop(), component.stop()]);
    expect(await complaint(() => component.start(createServer()))).toMatch(/^shut_down: .*Create a new one/);
  });

  it('stop() ends clients so that they reconnect automatically, and closes the server', async () => {
    const { component } = makeComponent();
    const server = createServer();
    await component.start(server);
    const { url } = await listen(server);
    const client = await connectAuthenticated(url, { path: '/io', transports: ['websocket'] });
    await component.stop();
    expect(await client.heardOf('disconnect')).toBe('transport close');
    expect(server.listening).toBe(false);
    // The path is free again.
    const next = makeComponent().component;
    await next.start(server);
  });

  it('stop() ends a start() that waits for Redis', async () => {
    const port = await unusedPort();
    const redis = new Redis({ port, lazyConnect: true });
    const { component } = makeComponent({ redisConnection: redis });
    const starting = complaint(() => component.start(createServer()));
    await component.stop();
    expect(await within(starting, 'start() gave up')).toMatch(/^(shut_down|redis_unreachable): /);
  });

  it('stop() does not wait for a start() that waits for a server', async () => {
    let give = (_: TServerSource & HttpServer): void => {};
    const server = () => new Promise<HttpServer>((resolve) => (give = resolve));
    const { component } = makeComponent({ server });
    const starting = complaint(() => component.start());
    await within(component.stop(), 'stop()');
    give(createServer());
    expect(await starting).toMatch(/^shut_down: .*stop\(\) was called meanwhile/);
  });

  it('two components share a server at two paths, but not at one', async () => {
    const server = createServer();
    const [one, same, other] = [makeComponent(), makeComponent(), makeComponent({ path: '/other' })];
    await one.component.start(server);
    expect(await complaint(() => same.component.start(server))).toMatch(/^invalid_argument: .*"\/io".*another path/);
    await other.component.start(server);
    const below = makeComponent({ path: '/io/admin' });
    expect(await complaint(() => below.component.start(server))).toMatch(/^invalid_argument: .*"\/io\/admin".*"\/io"/);
    const { url } = await listen(server);
    for (const path of ['/io', '/other']) await connectAuthenticated(url, { path });
  });
});

describe('signals', () => {
  const listeners = () => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');

  it('are handled only with the option, and not after stop()', async () => {
    const before = listeners();
    const plain = makeComponent();
    await plain.component.start(createServer());
    expect(listeners()).toBe(before);
    const asked = makeComponent({ signals: true });
    expect(await complaint(() => asked.component.start())).toMatch(/^invalid_option/);
    expect(listeners()).toBe(before);
    await asked.component.start(createServer());
    expect(listeners()).toBe(before + 2);
    await asked.component.stop();
    expect(listeners()).toBe(before);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('%s, even twice, ends a program with the option', async (signal) => {
    const program = startProgram(new URL('../fixtures/component.mjs', import.meta.url));
    const { port } = await program.messages.next();
    const client = await connectAuthenticated(`http://127.0.0.1:${port}`, { path: '/io', transports: ['websocket'] });
    program.kill(signal);
    program.kill(signal);
    expect(await client.heardOf('disconnect')).toBe('transport close');
    expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(program.stderr).toBe('');
  });
});

describe('mistakes', () => {
  const servers: [string, unknown, RegExp][] = [
    ['nothing', undefined, /received undefined\. Most frameworks have their server only after listen\(\)/],
    ['an Express app', express(), /An Express app is not a server: pass the result of its listen\(\)/],
    ['a Hono app', new Hono(), /A Hono app is not a server: pass the result of serve\(/],
    ['a NestJS app', { getHttpServer: () => createServer() }, /getHttpServer\(\)/],
    ['a Koa app', { callback: () => {}, use: () => {} }, /Koa app/],
    [
      'a function that returns an Express app',
      () => express(),
      /received a function that returned a function\. An Express app/,
    ],
    ['a number', 3000, /received 3000\. A port is not enough: import \{ createServer \}/],
    ['a promise', Promise.resolve(createServer()), /received a promise\. Await the promise first/],
    ['a class', Server, /received the class Server\. Do not pass the class itself/],
    ['a Socket.IO server', new Server(), /A Socket\.IO server is not an HTTP server: pass its httpServer/],
  ];
  it.each(servers)('start() explains how to get the server, given %s', async (_, given, words) => {
    const { component } = makeComponent();
    const said = await complaint(() => component.start(given as TServerSource));
    expect(said).toMatch(
      /^invalid_option: SocketIOComponent(\.start\(\)|: option "server"): expected a server of node:http or node:https/,
    );
    expect(said).toMatch(words);
  });

  it('an error of the function that returns the server is rethrown', async () => {
    const { component } = makeComponent({
      server: () => {
        throw new Error('no server today');
      },
    });
    await expect(component.start()).rejects.toThrow('no server today');
  });

  const wrong: [string, Record<string, unknown>, RegExp][] = [
    ['authenticateFn', { authenticateFn: undefined }, /"authenticateFn": expected a function/],
    ['runtime', { runtime: 'node' }, /"runtime": .*Leave it out/],
    ['an unknown one', { validateRoom: () => [] }, /"validateRoom" does not exist\. Did you mean "validateRoomFn"\?/],
    ['path', { path: 'io' }, /"path": expected a path such as "\/io", received "io"/],
    ['the path of everything', { path: '/' }, /"path"/],
    ['path with a query', { path: '/io?x' }, /"path"/],
    ['path of a wrong type', { path: 1 }, /"path": .*received 1\./],
    ['signals', { signals: 'SIGTERM' }, /"signals": expected true or false/],
    [
      'serverOptions.path',
      { serverOptions: { path: '/x' } },
      /"serverOptions\.path": .*option "path"\. Use that one instead/,
    ],
    ['serverOptions.cors', { serverOptions: { cors: {} } }, /"serverOptions\.cors"/],
    ['connectionStateRecovery', { serverOptions: { connectionStateRecovery: {} } }, /connectionStateRecovery/],
    ['cors without an origin', { cors: {} }, /"cors": expected an object that names origins/],
    ['cors as a function', { cors: () => {} }, /"cors": expected an object that names origins/],
    ['an origin with a path', { cors: { origin: 'https://app.example/' } }, /write "https:\/\/app\.example"/],
    ['an origin without a scheme', { cors: { origin: ['app.example'] } }, /begins with its scheme/],
    ['origins in one string', { cors: { origin: 'https://a.example,https://b.example' } }, /write an array of origins/],
    ['an origin with a wildcard', { cors: { origin: 'https://*.example' } }, /for a pattern, write a RegExp/],
    ['a misspelled origin', { cors: { orgin: '*' } }, /Did you mean "cors.origin"\?/],
    ['an origin of a wrong type', { cors: { origin: 5 } }, /"cors\.origin": .*received 5\./],
    ['* with credentials', { cors: { origin: '*', credentials: true } }, /browsers refuse the origin "\*"/],
    ['identifier', { identifier: '' }, /"identifier"/],
    ['logger', { logger: 'console' }, /"logger"/],
  ];
  it.each(wrong)('the constructor names %s', async (_, options, words) => {
    const given = { authenticateFn: () => true, ...options } as ISocketIOComponentOptions;
    const said = await complaint(() => new SocketIOComponent(given));
    expect(said).toMatch(/^invalid_option: /);
    expect(said).toMatch(words);
  });

  it('no options at all', async () => {
    const Anything = SocketIOComponent as unknown as new (options?: unknown) => SocketIOComponent;
    expect(await complaint(() => new Anything())).toMatch(
      /^invalid_option: .*expected one object with the options, received undefined/,
    );
  });
});

it('explains that serve() and serveOptions() are for Bun', async () => {
  const { component } = makeComponent();
  expect(await complaint(() => component.serve())).toMatch(
    /^unsupported: .*serve\(\): expected Bun, received Node\.js/,
  );
  expect(await complaint(() => component.serveOptions())).toMatch(
    /^unsupported: .*serveOptions\(\): expected Bun, received Node\.js/,
  );
});
