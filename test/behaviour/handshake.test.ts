// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { IHandshake } from '../../src/ports/options.js';
import { temporaryFolder } from '../support/folder.js';
import { itExceptOnBun } from '../support/setting.js';
import { type Inside, type Served, type Serving, serve } from './program.js';
import { type Visit, visit } from './visit.js';

/** What a program sees of a client: the handshake and Socket.IO's properties around it. */
interface Seen {
  /** The argument of authenticateFn. */
  readonly given: IHandshake;
  /** Whether it is the same object as the socket's handshake. */
  readonly isOfTheSocket: boolean;
  readonly request: Record<'url' | 'method' | 'httpVersion' | 'address' | 'encrypted' | 'query' | 'headers', unknown>;
  readonly connection: Record<'address' | 'protocol' | 'transport' | 'readyState', unknown>;
}

const options = ({ memory, note }: Inside) => ({
  // A handshake may have any origin here.
  serverOptions: { cors: { origin: '*' } },
  authenticateFn: (handshake: IHandshake) => {
    memory.given = handshake;
    return true;
  },
  clientConnectedFn: ({ socket }: { socket: import('socket.io').Socket }) => {
    const { request, conn } = socket;
    note({
      given: memory.given,
      isOfTheSocket: socket.handshake === memory.given,
      request: {
        url: request.url,
        method: request.method,
        httpVersion: request.httpVersion,
        address: request.socket.remoteAddress,
        port: typeof request.socket.remotePort,
        encrypted: (request.socket as { encrypted?: boolean }).encrypted === true,
        query: (request as { _query?: unknown })._query,
        headers: request.headers,
      },
      connection: {
        address: conn.remoteAddress,
        protocol: conn.protocol,
        transport: conn.transport.name,
        readyState: conn.readyState,
      },
    });
  },
});

/** The same server on the runtime of the setting and on Node.js, where Socket.IO's own code fills in every field. */
const servers = new Map<string, readonly [own: Served, onNode: Served]>();

const HOSTS = ['127.0.0.1', '::1', '::'] as const;

beforeAll(async () => {
  const tls = await certificate();
  const servings: readonly (readonly [string, Serving])[] = [
    ...HOSTS.map((host) => [host, { host }] as const),
    ['https', { tls }],
  ];
  await Promise.all(
    servings.map(async ([name, serving]) => {
      const [own, onNode] = await Promise.all([
        serve({ options, serving }),
        serve({ options, serving, runtime: 'node' }),
      ]);
      servers.set(name, [own, onNode]);
    }),
  );
});

async function certificate(): Promise<{ key: string; cert: string }> {
  const folder = await temporaryFolder('handshake');
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...request, '-keyout', key, '-out', cert, '-subj', '/CN=localhost'], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

/** What both servers see of the same visit. */
async function seen(name: string, what: Visit): Promise<readonly [own: Seen, onNode: Seen]> {
  const both = servers.get(name) ?? [];
  const [own, onNode] = await Promise.all(
    both.map(async (server) => {
      const host = name === '::' && what.host !== undefined ? what.host : new URL(server.url).hostname;
      await visit(`${new URL(server.url).protocol}//${host}:${server.port}`, what);
      return (await server.note()) as Seen;
    }),
  );
  if (own === undefined || onNode === undefined) throw new Error(`no servers: ${name}`);
  return [own, onNode];
}

/** Without the fields that differ for each request: port, time and WebSocket key. */
function lasting({ given: { time, issued, ...given }, request, ...rest }: Seen): unknown {
  const headers = (of: IHandshake['headers']): object => {
    const { host, 'sec-websocket-key': key, ...others } = of;
    return { ...others, host: host?.replace(/:\d+$/, ''), key: typeof key };
  };
  return {
    ...rest,
    given: { ...given, headers: headers(given.headers), time: typeof time, issued: typeof issued },
    request: { ...request, headers: headers(request.headers as IHandshake['headers']) },
  };
}

const COOKIES = 'session=s%3Aabc.def; theme=dark; empty=';
const HEADERS: readonly (readonly [string, Readonly<Record<string, string | string[]>>])[] = [
  ['none but the usual', {}],
  ['cookies', { cookie: COOKIES }],
  ['cookies in two lines', { cookie: ['a=1', 'b=2'] }],
  ['custom ones', { 'X-Custom': 'Value', 'x-empty': '', authorization: 'Bearer a.b.c' }],
  [
    'those of a proxy',
    { 'x-forwarded-for': '203.0.113.7, 10.0.0.1', 'x-forwarded-proto': 'https', forwarded: 'for=a' },
  ],
  ['an origin', { origin: 'https://app.example' }],
  [
    'those of a browser',
    { 'user-agent': 'Mozilla/5.0', 'accept-language': 'de,en;q=0.5', referer: 'http://a.example/' },
  ],
  ['characters beyond ASCII', { 'x-name': 'J\xfcrgen' }],
];

const QUERIES: readonly (readonly [string, Record<string, unknown>])[] = [
  ['', {}],
  ['&room=one', { room: 'one' }],
  // Engine.IO keeps the last of several parameters with the same name.
  ['&tag=a&tag=b&tag=c', { tag: 'c' }],
  ['&name=J%C3%BCrgen%20%2B%20%26%3D', { name: 'Jürgen + &=' }],
  ['&plus=a+b', { plus: 'a b' }],
  ['&empty=&none&=nameless', { empty: '', none: '', '': 'nameless' }],
  ['&list[]=1&list[]=2&a.b=c', { 'list[]': '2', 'a.b': 'c' }],
  ['&broken=%zz%', { broken: '%zz%' }],
  ['&odd=~!*()|^`{}', { odd: '~!*()|^`{}' }],
  ['&__proto__=x&constructor=y', { constructor: 'y' }],
];

const AUTHS = [undefined, {}, { token: 'good', nested: { list: [1, null, 'é😀'] } }, { '': '', a: false, n: 0 }];

describe.each(['websocket', 'polling', 'upgraded'] as const)('the handshake over %s', (way) => {
  describe('has the same, correct values as on Node.js for', () => {
    it.each(HEADERS)('headers: %s', async (_, headers) => {
      const [own, onNode] = await seen('127.0.0.1', { way, headers });
      expect(lasting(own)).toEqual(lasting(onNode));
      const { given } = own;
      for (const [name, value] of Object.entries(headers)) {
        const joined = Array.isArray(value) ? value.join(name === 'cookie' ? '; ' : ', ') : value;
        expect(given.headers[name.toLowerCase()]).toBe(joined);
      }
      expect(given.xdomain).toBe(headers.origin !== undefined);
    });

    itExceptOnBun('oven-sh/bun#19372: Bun 1.2 keeps the last of two header lines', [1, 4])(
      'headers: one in two lines',
      async () => {
        const [own, onNode] = await seen('127.0.0.1', { way, headers: { 'x-many': ['1', '2'] } });
        expect(lasting(own)).toEqual(lasting(onNode));
        expect(own.given.headers['x-many']).toBe('1, 2');
      },
    );

    it.each(QUERIES)('the query %s', async (query, values) => {
      const [own, onNode] = await seen('127.0.0.1', { way, query });
      expect(lasting(own)).toEqual(lasting(onNode));
      const transport = way === 'websocket' ? 'websocket' : 'polling';
      expect(own.given.url).toBe(`/socket.io/?EIO=4&transport=${transport}${query}`);
      expect(own.given.query).toMatchObject({ EIO: '4', transport, ...values });
    });

    itExceptOnBun('Request.url is a WHATWG URL, whose query encodes an apostrophe as %27')(
      'the query &name=O’Neil, unchanged',
      async () => {
        const [own, onNode] = await seen('127.0.0.1', { way, query: "&name=O'Neil" });
        expect(own.given.query).toEqual(onNode.given.query);
        expect(own.given.url).toBe(onNode.given.url);
      },
    );

    it.each(AUTHS)('auth: %j', async (auth) => {
      const [own, onNode] = await seen('127.0.0.1', { way, auth });
      expect(lasting(own)).toEqual(lasting(onNode));
      expect(own.given.auth).toEqual(auth ?? {});
    });
  });

  it.each([
    ['127.0.0.1', undefined, '127.0.0.1'],
    ['::1', undefined, '::1'],
    ['::', '[::1]', '::1'],
    ['::', '127.0.0.1', '::ffff:127.0.0.1'],
  ])('has the peer’s address: at %s, from %s', async (name, host, address) => {
    const [own, onNode] = await seen(name, { way, ...(host === undefined ? {} : { host }) });
    expect(lasting(own)).toEqual(lasting(onNode));
    expect([own.given.address, own.request.address, own.connection.address]).toEqual([address, address, address]);
  });

  it.each([
    ['127.0.0.1', false],
    ['https', true],
  ])('has `secure`: %s', async (name, secure) => {
    const [own, onNode] = await seen(name, { way, headers: { origin: 'https://app.example' } });
    expect(lasting(own)).toEqual(lasting(onNode));
    expect([own.given.secure, own.request.encrypted]).toEqual([secure, secure]);
  });

  it('has the time of the connection, in both formats', async () => {
    const before = Date.now();
    const [own] = await seen('127.0.0.1', { way });
    const { issued, time } = own.given;
    expect(issued).toBeGreaterThanOrEqual(before);
    expect(issued).toBeLessThanOrEqual(Date.now());
    // A date string without milliseconds. Socket.IO creates it just before `issued`, possibly in the previous second.
    expect(Date.parse(time)).toBeGreaterThanOrEqual(Math.floor(before / 1_000) * 1_000);
    expect(Date.parse(time)).toBeLessThanOrEqual(issued);
  });

  it('belongs to the socket, whose connection names its transport', async () => {
    const [own] = await seen('127.0.0.1', { way });
    expect(own.isOfTheSocket).toBe(true);
    expect(own.connection).toEqual({
      address: '127.0.0.1',
      protocol: 4,
      transport: way === 'polling' ? 'polling' : 'websocket',
      readyState: 'open',
    });
    expect(own.request).toMatchObject({ method: 'GET', httpVersion: '1.1', port: 'number', encrypted: false });
  });
});
