// npm test: node
// npm run test:matrix: newest-node
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer, Agent as SecureAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Server, type ServerOptions } from 'socket.io';
import { NodeWebSocket } from 'socket.io-client';
import { Decoder, Encoder } from 'socket.io-parser';
import { beforeAll, describe, expect, it } from 'vitest';
import { track } from '../support/cleanup.js';
import { createHelper } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { temporaryFolder } from '../support/folder.js';
import { startProgram } from '../support/process.js';

type ClientOptions = NonNullable<NonNullable<Parameters<typeof createHelper>[1]>['options']>;

interface OptionsServer {
  readonly url: string;
  readonly io: Server;
  /** Requests and upgrades, in order of arrival. */
  readonly requests: EventLog<IncomingMessage>;
  /** Messages of authenticated clients. */
  readonly said: EventLog<unknown>;
}

interface Tls {
  readonly key: string;
  readonly cert: string;
  readonly ca?: string;
  readonly requestCert?: boolean;
}

/** Accepts every client, and records each request. */
async function startOptionsServer(options: Partial<ServerOptions> = {}, tls?: Tls): Promise<OptionsServer> {
  const http = tls === undefined ? createServer() : createSecureServer(tls);
  const io = new Server(http, { path: '/io', ...options });
  const requests: OptionsServer['requests'] = new EventLog();
  const said: OptionsServer['said'] = new EventLog();
  io.engine.use((request: IncomingMessage, _: unknown, next: () => void) => {
    requests.push(request);
    next();
  });
  io.on('connection', (socket) => {
    socket.on('authenticate', () => socket.emit('authenticated', { id: socket.id, time: 'now' }));
    socket.on('say', (what) => said.push(what));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  track({
    stop: async () => {
      await io.close();
    },
  });
  const scheme = tls === undefined ? 'http' : 'https';
  return { url: `${scheme}://localhost:${(http.address() as AddressInfo).port}`, io, requests, said };
}

/** Expects that a client with these options is authenticated, and that its message arrives once. */
async function works(server: OptionsServer, options: ClientOptions, host = server.url): Promise<IncomingMessage> {
  const { helper } = createHelper(host, { autoAuthenticate: true, queue: true, options });
  await helper.waitFor('authenticated', { timeout: 5_000 });
  helper.emit({ topic: 'say', data: 'hello' });
  await server.said.next();
  const request = await server.requests.next();
  expect(server.said.all).toEqual(['hello']);
  return request;
}

const parameter = ({ url }: IncomingMessage, name: string): string | null =>
  new URL(url ?? '', 'http://x').searchParams.get(name);

describe('options of socket.io-client for the connection:', () => {
  it('path and addTrailingSlash', async () => {
    const server = await startOptionsServer({ path: '/elsewhere', addTrailingSlash: false });
    const { url } = await works(server, { path: '/elsewhere', addTrailingSlash: false });
    expect(url).toMatch(/^\/elsewhere\?/);
  });

  it('query, which a query in host overrides', async () => {
    const first = await startOptionsServer();
    expect(parameter(await works(first, { query: { who: 'option' } }), 'who')).toBe('option');
    const second = await startOptionsServer();
    const request = await works(second, { query: { who: 'option' } }, `${second.url}/?who=host`);
    expect(parameter(request, 'who')).toBe('host');
  });

  it.each([['polling'], ['websocket']])('extraHeaders, over %s', async (transport) => {
    const server = await startOptionsServer();
    const request = await works(server, { transports: [transport], extraHeaders: { 'x-who': 'me' } });
    expect(request.headers['x-who']).toBe('me');
  });

  it('transports, as names and as classes', async () => {
    const named = await startOptionsServer();
    expect(parameter(await works(named, { transports: ['websocket'] }), 'transport')).toBe('websocket');
    const classes = await startOptionsServer();
    expect(parameter(await works(classes, { transports: [NodeWebSocket] }), 'transport')).toBe('websocket');
  });

  it('transportOptions', async () => {
    const server = await startOptionsServer();
    const transportOptions = { polling: { extraHeaders: { 'x-who': 'polling' } } };
    expect((await works(server, { transports: ['polling'], transportOptions })).headers['x-who']).toBe('polling');
  });

  it('tryAllTransports', async () => {
    const server = await startOptionsServer({ transports: ['polling'] });
    await works(server, { transports: ['websocket', 'polling'], tryAllTransports: true });
    const tried = server.requests.all.map((request) => parameter(request, 'transport'));
    expect([tried[0], tried[1]]).toEqual(['websocket', 'polling']);
  });

  it('upgrade and rememberUpgrade', async () => {
    const server = await startOptionsServer();
    await works(server, { upgrade: false });
    expect(server.requests.all.map((request) => parameter(request, 'transport'))).not.toContain('websocket');
    const remembering = await startOptionsServer();
    const { helper } = createHelper(remembering.url, { options: { rememberUpgrade: true } });
    await eventually(() => helper.getSocketClient().io.engine.transport.name === 'websocket');
    helper.disconnect();
    const before = remembering.requests.all.length;
    helper.connect();
    await helper.waitFor('connected');
    expect(parameter(remembering.requests.all[before] as IncomingMessage, 'transport')).toBe('websocket');
  });

  it('protocols', async () => {
    const server = await startOptionsServer();
    const request = await works(server, { transports: ['websocket'], protocols: ['token.abc'] });
    expect(request.headers['sec-websocket-protocol']).toBe('token.abc');
  });

  it('timestampRequests and timestampParam', async () => {
    const server = await startOptionsServer();
    const request = await works(server, { transports: ['websocket'], timestampRequests: true, timestampParam: 'at' });
    expect(parameter(request, 'at')).toMatch(/^.+$/);
  });

  it('withCredentials', async () => {
    const server = await startOptionsServer({ cookie: { name: 'route', httpOnly: true } });
    await works(server, { transports: ['polling'], withCredentials: true });
    const cookies = server.requests.all.map(({ headers }) => headers.cookie);
    expect(cookies[0]).toBeUndefined();
    expect(cookies.at(-1)).toMatch(/^route=/);
  });

  it('perMessageDeflate', async () => {
    const server = await startOptionsServer({ perMessageDeflate: { threshold: 1 } });
    const request = await works(server, { transports: ['websocket'], perMessageDeflate: { threshold: 1 } });
    expect(request.headers['sec-websocket-extensions']).toContain('permessage-deflate');
  });

  it('forceBase64, requestTimeout, closeOnBeforeunload and useNativeTimers, which have no effect here', async () => {
    const server = await startOptionsServer();
    const request = await works(server, {
      forceBase64: true,
      requestTimeout: 10_000,
      closeOnBeforeunload: true,
      useNativeTimers: true,
    });
    expect(parameter(request, 'EIO')).toBe('4');
  });

  it('autoUnref', async () => {
    const server = await startOptionsServer();
    const options = { path: '/io', transports: ['websocket'], autoUnref: true };
    const program = startProgram(new URL('../fixtures/client.mjs', import.meta.url), {
      args: [JSON.stringify({ host: server.url, options })],
    });
    await program.messages.next(({ status }) => status?.status === 'connected', { timeout: 10_000 });
    program.endInput();
    expect(await program.ended()).toEqual({ code: 0, signal: null });
  });

  it('parser', async () => {
    class ShoutingEncoder extends Encoder {
      override encode(packet: Parameters<Encoder['encode']>[0]) {
        return super.encode(packet).map((part: unknown) => (typeof part === 'string' ? `!${part}` : part));
      }
    }
    class ShoutingDecoder extends Decoder {
      override add(part: unknown) {
        super.add(typeof part === 'string' ? part.slice(1) : part);
      }
    }
    const parser = { Encoder: ShoutingEncoder, Decoder: ShoutingDecoder };
    await works(await startOptionsServer({ parser }), { parser });
  });
});

describe('options of socket.io-client for TLS:', () => {
  let folder: string;
  let pem: { readonly key: string; readonly cert: string; readonly encrypted: string };
  beforeAll(async () => {
    folder = await temporaryFolder('client-tls');
    const at = (name: string): string => join(folder, name);
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    openssl([...request, '-keyout', at('key.pem'), '-out', at('cert.pem'), ...names]);
    openssl(['ec', '-in', at('key.pem'), '-aes256', '-passout', 'pass:secret', '-out', at('encrypted.pem')]);
    const both = ['-inkey', at('key.pem'), '-in', at('cert.pem')];
    openssl(['pkcs12', '-export', ...both, '-passout', 'pass:secret', '-out', at('both.pfx')]);
    const read = (name: string): string => readFileSync(at(name), 'utf8');
    pem = { key: read('key.pem'), cert: read('cert.pem'), encrypted: read('encrypted.pem') };
  });

  function openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: 'ignore' });
  }

  /** Requires a client certificate as well. */
  const startMutual = () => startOptionsServer({}, { key: pem.key, cert: pem.cert, ca: pem.cert, requestCert: true });

  describe.each([['polling'], ['websocket']])('over %s', (transport) => {
    const transports = [transport];

    it('ca', async () => {
      await works(await startOptionsServer({}, pem), { transports, ca: pem.cert });
    });

    it('rejectUnauthorized', async () => {
      const server = await startOptionsServer({}, pem);
      await works(server, { transports, rejectUnauthorized: false });
      const { helper } = createHelper(server.url, { options: { transports, reconnection: false } });
      await helper.waitFor('disconnected');
    });

    it('cert, key and passphrase', async () => {
      const own = { cert: pem.cert, key: pem.encrypted, passphrase: 'secret' };
      await works(await startMutual(), { transports, ca: pem.cert, ...own });
    });

    it('pfx', async () => {
      // The type is string, but Node.js needs the bytes.
      const pfx = readFileSync(join(folder, 'both.pfx')) as unknown as string;
      await works(await startMutual(), { transports, ca: pem.cert, pfx, passphrase: 'secret' });
    });

    it('ciphers', async () => {
      const server = await startOptionsServer({}, pem);
      const { helper } = createHelper(server.url, {
        options: { transports, ca: pem.cert, ciphers: 'NO-SUCH-CIPHER', reconnection: false, timeout: 500 },
      });
      await helper.waitFor('disconnected');
      await works(server, { transports, ca: pem.cert, ciphers: 'TLS_AES_128_GCM_SHA256' });
    });

    it('agent', async () => {
      const server = await startOptionsServer({}, pem);
      let opened = 0;
      class CountingAgent extends SecureAgent {
        override createConnection(...args: Parameters<SecureAgent['createConnection']>) {
          opened += 1;
          return super.createConnection(...args);
        }
      }
      // The type is string or boolean, but Node.js needs an agent.
      const agent = new CountingAgent({ ca: pem.cert }) as unknown as string;
      await works(server, { transports, agent });
      expect(opened).toBeGreaterThan(0);
    });
  });
});

describe('options of socket.io-client for the socket:', () => {
  it('auth, as an object and as a function', async () => {
    const server = await startOptionsServer();
    const given: unknown[] = [];
    server.io.on('connection', ({ handshake }) => given.push(handshake.auth));
    await works(server, { auth: { token: 'object' } });
    const { helper } = createHelper(server.url, { options: { auth: (send) => send({ token: 'function' }) } });
    await helper.waitFor('connected');
    expect(given).toEqual([{ token: 'object' }, { token: 'function' }]);
  });

  it('ackTimeout, for the raw socket', async () => {
    const server = await startOptionsServer();
    const { helper } = createHelper(server.url, { autoAuthenticate: true, options: { ackTimeout: 50 } });
    await helper.waitFor('authenticated');
    await expect(helper.getSocketClient().emitWithAck('unanswered')).rejects.toThrow('operation has timed out');
  });

  it('retries, which is rejected by name', () => {
    expect(() => createHelper('http://127.0.0.1:1', { options: { retries: 3 } })).toThrow(
      /^SocketIOClientHelper: option "options\.retries" is not supported/,
    );
    createHelper('http://127.0.0.1:1', { options: { retries: 0, autoConnect: false } });
  });
});

describe('docs/client-options.md', () => {
  /** https://socket.io/docs/v4/client-options/ */
  const DOCUMENTED = [
    ...['forceNew', 'multiplex', 'addTrailingSlash', 'autoUnref', 'closeOnBeforeunload', 'extraHeaders', 'forceBase64'],
    ...['path', 'protocols', 'query', 'rememberUpgrade', 'timestampParam', 'timestampRequests', 'transportOptions'],
    ...['transports', 'tryAllTransports', 'upgrade', 'withCredentials', 'agent', 'ca', 'cert', 'ciphers', 'key'],
    ...['passphrase', 'pfx', 'rejectUnauthorized', 'autoConnect', 'parser', 'randomizationFactor', 'reconnection'],
    ...[
      'reconnectionAttempts',
      'reconnectionDelay',
      'reconnectionDelayMax',
      'timeout',
      'ackTimeout',
      'auth',
      'retries',
    ],
  ];

  it('has a row for every option that Socket.IO documents', () => {
    const page = readFileSync(new URL('../../docs/client-options.md', import.meta.url), 'utf8');
    const named = page.split('\n').flatMap((line) => {
      const cells = line.split('|');
      return cells.length > 3 ? [...(cells[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name) : [];
    });
    expect(DOCUMENTED.filter((name) => !named.includes(name))).toEqual([]);
  });
});
