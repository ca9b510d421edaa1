// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { explain, isHidden, type PageFacts, type Target } from '../../src/client/causes.js';
import { isAddress, readHost } from '../../src/client/host.js';

const target: Target = { server: 'http://localhost:3000', path: '/io', namespace: '/io', timeout: 20_000 };

/** An error as Engine.IO makes it. */
function failed(message: string, more: { description?: unknown; context?: unknown }): Error {
  return Object.assign(new Error(message), { type: 'TransportError', ...more });
}

const polled = (status: number, responseText = '', location: string | null = null): Error =>
  failed('xhr poll error', {
    description: status,
    context: { status, responseText, getResponseHeader: () => location },
  });
const upgraded = (message: string, code?: string): Error =>
  failed('websocket error', { description: { message, error: Object.assign(new Error(message), { code }) } });
const broken = (code: string, text = 'why'): Error =>
  failed('xhr poll error', {
    description: 0,
    context: {
      status: 0,
      statusText: Object.assign(new Error(text), { code }),
      getResponseHeader() {
        throw new TypeError('there is no response');
      },
    },
  });

describe('the cause of a failed attempt to connect', () => {
  it.each<[Error, string]>([
    [polled(404), 'no Socket.IO server at /io on http://localhost:3000 (HTTP 404); check "options.path"'],
    [
      polled(400, '{"code":1,"message":"Session ID unknown"}'),
      'http://localhost:3000 has no such session (HTTP 400); with several instances, make the load balancer sticky, or set transports: ["websocket"]',
    ],
    [
      polled(400, '{"code":5,"message":"Unsupported protocol version"}'),
      'http://localhost:3000 refused the connection (HTTP 400): Unsupported protocol version',
    ],
    [
      polled(403, '{"code":4,"message":"Origin not allowed"}'),
      'this page\'s origin is not allowed by http://localhost:3000 (HTTP 403); add it to "cors.origin" on the server',
    ],
    [
      polled(403, '<html>'),
      'http://localhost:3000 refused the connection (HTTP 403); check that it allows this origin',
    ],
    [
      polled(502, '', 'https://login.example'),
      'http://localhost:3000 redirects to https://login.example, and Socket.IO does not follow; set "host" to the final address',
    ],
    [
      polled(307, '', 'https://ann:secret@login.example/io/?token=secret#secret'),
      'http://localhost:3000 redirects to https://login.example/io/, and Socket.IO does not follow; set "host" to the final address',
    ],
    [polled(503), "a proxy at http://localhost:3000 can't reach the server (HTTP 503)"],
    [polled(500, 'null'), 'http://localhost:3000 answered with HTTP 500 instead of a connection'],
    [
      new Error('parser error'),
      'http://localhost:3000 answered at /io, but not as a Socket.IO server; check "options.path"',
    ],
    [new Error('timeout'), 'no answer from http://localhost:3000 at /io within 20000 ms; check "options.path"'],
    [
      new Error('Invalid namespace'),
      'the server has no namespace "/io", which is the path of "host"; if that is the path of Socket.IO, move it to "options.path"',
    ],
    [broken('ECONNREFUSED'), 'connection refused at localhost:3000: no server listens there'],
    [broken('ENOTFOUND'), 'host localhost:3000 was not found; check "host"'],
    [broken('EAI_AGAIN'), 'host localhost:3000 could not be looked up (EAI_AGAIN); check the network'],
    [broken('EHOSTUNREACH'), "host localhost:3000 can't be reached (EHOSTUNREACH)"],
    [
      broken('ECONNRESET'),
      'localhost:3000 closed the connection without an answer (ECONNRESET); check "http" or "https" in "host"',
    ],
    [
      broken('CERT_HAS_EXPIRED', 'certificate has expired'),
      'the TLS certificate of localhost:3000 is not trusted (CERT_HAS_EXPIRED: certificate has expired)',
    ],
    [
      broken('ERR_SSL_WRONG_VERSION_NUMBER'),
      'the TLS handshake with localhost:3000 failed (ERR_SSL_WRONG_VERSION_NUMBER); if it expects HTTP, write "http://" in "host"',
    ],
    [broken('EMFILE', 'too many files'), 'the connection to localhost:3000 failed (EMFILE: too many files)'],
    [
      upgraded('Unexpected server response: 404'),
      'no Socket.IO server at /io on http://localhost:3000 (HTTP 404); check "options.path"',
    ],
    [
      upgraded('Unexpected server response: 400'),
      'http://localhost:3000 refused the WebSocket (HTTP 400); check that it allows this origin, and that proxies pass on the "Upgrade" header',
    ],
    [upgraded('connect', 'ECONNREFUSED'), 'connection refused at localhost:3000: no server listens there'],
    [failed('webtransport error', {}), 'the connection to http://localhost:3000 failed: webtransport error'],
    [
      failed('fetch read error', { description: new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }) }),
      'connection refused at localhost:3000: no server listens there',
    ],
  ])('%o is told in words', (raw, text) => {
    const error = explain(raw, target, undefined);
    expect(error.message).toBe(text);
    expect(error.cause).toBe(raw);
  });

  it("stays the error of the server's program", () => {
    const raw = new Error('you are banned');
    expect(explain(raw, target, undefined)).toBe(raw);
  });

  it('escapes and shortens texts of the server', () => {
    const text = explain(polled(400, JSON.stringify({ message: `a\u202e${'x'.repeat(1_000)}` })), target, undefined);
    expect(text.message).toContain('a\\u202e');
    expect(text.message.length).toBeLessThan(400);
  });

  const hidden = failed('xhr poll error', { description: 0, context: { status: 0, responseText: '' } });
  const page = { origin: 'http://app.example', isOnline: true, answers: undefined };
  it.each<[Partial<PageFacts>, string]>([
    [
      {},
      "can't connect to http://localhost:3000: no server answers there, or this page's origin (http://app.example) is not allowed by http://localhost:3000",
    ],
    [{ answers: false }, "can't reach http://localhost:3000: no server answers there"],
    [
      { answers: true },
      'this page\'s origin (http://app.example) is not allowed by http://localhost:3000, or there is no Socket.IO server at /io; check "cors.origin" and "options.path"',
    ],
    [{ isOnline: false }, "this device is offline, so http://localhost:3000 can't be reached"],
    [{ origin: 'http://localhost:3000' }, "can't reach http://localhost:3000"],
  ])('is what a page can find out, with %o', (facts, text) => {
    expect(isHidden(hidden)).toBe(true);
    expect(explain(hidden, target, { ...page, ...facts }).message).toBe(text);
  });

  it('is not hidden where there is a status or a code', () => {
    for (const raw of [polled(404), broken('ECONNREFUSED'), new Error('timeout')]) expect(isHidden(raw)).toBe(false);
  });
});

describe('a host', () => {
  it.each([
    ...[
      'http://localhost:3000',
      'https://example.org',
      'ws://a',
      'wss://a:1/chat?x=1',
      'localhost:3000',
      'example.org',
    ],
    ...['http://[::1]:3000', 'http://127.0.0.1', 'http://user:secret@example.org', '//example.org', 'http://straße.de'],
    ...['http://my_host', 'http://localhost:3000/', 'http://a.b/chat#x'],
  ])('%s is an address', (host) => expect(isAddress(host)).toBe(true));

  it.each([
    ...['http://', 'ftp://example.org', 'http:/localhost', 'not a host', 'http://localhost:port', 'http://a:99999'],
    ...['http://localhost:undefined', 'http://undefined:3000', 'null', '/chat', '?', 'http://a:0', 'http://a b'],
    ...['http://http://a', 'http://:3000', 'https://[::1', ' http://localhost:3000'],
  ])('%s is not an address', (host) => expect(isAddress(host)).toBe(false));

  it('is shown without a password and as HTTP', () => {
    expect(readHost('wss://user:secret@example.org:1/chat?token=x').origin).toBe('https://example.org:1');
  });
});
