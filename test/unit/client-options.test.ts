// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { RoomgateError, SocketIOClientHelper } from '../../src/client/index.js';
import { LogLines } from '../support/log-lines.js';

const good = { identifier: 'tester', host: 'http://127.0.0.1:1', options: { path: '/io', autoConnect: false } };

function errorOf(options: unknown): RoomgateError {
  try {
    new SocketIOClientHelper(options as typeof good);
  } catch (error) {
    if (error instanceof RoomgateError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the client’s options', () => {
  it.each([
    ['identifier', undefined, 'received undefined'],
    ['identifier', '', 'received an empty string'],
    ['identifier', 5, 'received 5'],
    ['host', undefined, 'received undefined'],
    ['host', '', 'received an empty string'],
    ['options', undefined, 'received undefined'],
    ['options', null, 'received null'],
    ['options', [], 'received an empty array'],
    ['credentials', null, 'received null'],
    ['onConnected', 'x', 'received a string'],
    ['onDisconnected', {}, 'received an object'],
    ['onError', 1, 'received 1'],
    ['onAuthenticated', true, 'received true'],
    ['onUnauthenticated', [], 'received an empty array'],
    ['logger', true, 'received true'],
    ['logger', { info() {} }, 'received an object'],
    ['roomsTimeout', 0, 'received 0'],
    ['roomsTimeout', Number.NaN, 'received NaN'],
    ['roomsTimeout', Number.POSITIVE_INFINITY, 'received Infinity'],
    ['roomsTimeout', '5', 'received a string'],
  ])('%s: %j is rejected', (name, value, given) => {
    const error = errorOf({ ...good, [name]: value });
    expect(error.code).toBe('invalid_option');
    expect(error.message).toContain(`"${name}"`);
    expect(error.message).toContain(given);
    expect(error.message).toContain('expected');
  });

  it.each([
    ['path', 5],
    ['transports', 'websocket'],
    ['transports', []],
    ['transports', ['nope']],
    ['parser', {}],
    ['timeout', Number.POSITIVE_INFINITY],
    ['timeout', 0],
    ['timeout', 'abc'],
    ['reconnectionDelay', -1],
    ['reconnectionDelayMax', Number.NaN],
    ['reconnectionAttempts', '3'],
    ['randomizationFactor', -1],
    ['auth', { id: 1n }],
    ['auth', 'token'],
    ['auth', ['token']],
  ])('options.%s: %o is rejected', (name, value) => {
    const error = errorOf({ ...good, options: { ...good.options, [name]: value } });
    expect(error.code).toBe('invalid_option');
    expect(error.message).toMatch(new RegExp(`"options\\.${name}[^"]*"`));
  });

  it('accept everything that Socket.IO accepts', () => {
    const options = {
      ...good.options,
      ...{ transports: ['polling', 'webtransport'], timeout: false, reconnectionDelay: 0 },
      ...{ reconnectionAttempts: Number.POSITIVE_INFINITY, randomizationFactor: 0 },
    };
    new SocketIOClientHelper({ ...good, options: options as never });
  });

  it.each([
    ['onConnect', 'onConnected'],
    ['autoAuthentication', 'autoAuthenticate'],
    ['hots', 'host'],
  ])('%s: a name close to %s is refused', (name, meant) => {
    const { code, message } = errorOf({ ...good, [name]: 'x' });
    expect(code).toBe('invalid_option');
    expect(message).toBe(`SocketIOClientHelper: option "${name}" does not exist. Did you mean "${meant}"?`);
  });

  it('are warned about once if their names are unknown, but not inside "options" and not if they are undefined', () => {
    const logger = new LogLines();
    const options = { ...good.options, whatever: 1 };
    const more = { auth: {}, transports: undefined, queue: { maximum: 5 } } as object;
    new SocketIOClientHelper({ ...good, options, ...more, logger }).shutdown();
    const start = 'warn: [roomgate] tester: SocketIOClientHelper: option';
    expect(logger.loud).toEqual([
      `${start} "auth" does not exist and has no effect. If it is an option of socket.io-client, put it into "options"`,
      `${start} "queue.maximum" does not exist and has no effect. "queue" takes max and ttl`,
    ]);
  });

  it.each([
    [{ host: undefined, url: 'http://a' }, 'received undefined. There is no option "url".'],
    [{ host: 'ftp://a' }, 'received "ftp://a".'],
    [{ host: 'http://a:secret@b:port' }, 'received another text.'],
    [{ credentials: { token: 'x' } }, 'expected a function such as async () => ({ token }), received an object.'],
    [{ options: { path: 'io' } }, 'expected a path that begins with "/", such as "/io", received "io".'],
    [{ options: { path: '/io', transports: ['websockets'] } }, 'received "websockets".'],
  ])('%o: the message names what to write', (more, text) => {
    expect(errorOf({ ...good, ...more }).message).toContain(text);
  });

  it('may turn the queue off', () => {
    const helper = new SocketIOClientHelper({ ...good, queue: false });
    expect(() => helper.emit({ topic: 'a' })).toThrow('emit("a"): this client is not connected');
  });

  it.each([undefined, null, 'x'])('%j as the helper’s options is rejected', (options) => {
    expect(errorOf(options).code).toBe('invalid_option');
  });

  it('do not appear in the message', () => {
    expect(errorOf({ ...good, onError: 'a-secret-token' }).message).not.toContain('secret');
  });

  it('are passed to Socket.IO and not modified', () => {
    const options = Object.freeze({ ...good.options, auth: { token: 't' }, extraHeaders: { 'x-count': 1 } });
    const helper = new SocketIOClientHelper({ ...good, options });
    expect(helper.identifier).toBe('tester');
    const socket = helper.getSocketClient();
    expect(socket.auth).toBe(options.auth);
    expect(socket.io.opts.extraHeaders).toBe(options.extraHeaders);
    expect(socket.io.opts.path).toBe('/io');
  });

  it('are not modified without credentials among them', () => {
    const options = { ...good.options };
    new SocketIOClientHelper({ ...good, options }).shutdown();
    expect(options).toEqual(good.options);
  });

  it('accept a logger with more methods, false, and missing callbacks', () => {
    const noise = { debug() {}, info() {}, warn() {}, error() {}, child() {} };
    for (const logger of [noise, false] as const) {
      expect(() => new SocketIOClientHelper({ ...good, logger, onError: undefined }).shutdown()).not.toThrow();
    }
  });
});
