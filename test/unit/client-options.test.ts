// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { RoomgateError, SocketIOClientHelper } from '../../src/client/index.js';

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

describe('the options of the client', () => {
  it.each([
    ['identifier', undefined, 'nothing was given'],
    ['identifier', '', 'an empty string was given'],
    ['identifier', 5, 'the number 5 was given'],
    ['host', undefined, 'nothing was given'],
    ['host', '', 'an empty string was given'],
    ['options', undefined, 'nothing was given'],
    ['options', null, 'null was given'],
    ['options', [], 'an empty list was given'],
    ['credentials', null, 'null was given'],
    ['onConnected', 'x', 'a string was given'],
    ['onDisconnected', {}, 'an object was given'],
    ['onError', 1, 'the number 1 was given'],
    ['onAuthenticated', true, 'a boolean was given'],
    ['onUnauthenticated', [], 'an empty list was given'],
    ['logger', true, 'a boolean was given'],
    ['logger', { info() {} }, 'an object was given'],
    ['roomsTimeout', 0, 'the number 0 was given'],
    ['roomsTimeout', Number.NaN, 'NaN was given'],
    ['roomsTimeout', Number.POSITIVE_INFINITY, 'the number Infinity was given'],
    ['roomsTimeout', '5', 'a string was given'],
  ])('%s: %j is refused', (name, value, given) => {
    const error = errorOf({ ...good, [name]: value });
    expect(error.code).toBe('invalid_option');
    expect(error.message).toContain(`"${name}"`);
    expect(error.message).toContain(given);
    expect(error.message).toContain('is wanted');
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
  ])('options.%s: %o is refused', (name, value) => {
    const error = errorOf({ ...good, options: { ...good.options, [name]: value } });
    expect(error.code).toBe('invalid_option');
    expect(error.message).toContain(`"options.${name}"`);
  });

  it('take everything that Socket.IO takes', () => {
    const options = {
      ...good.options,
      ...{ transports: ['polling', 'webtransport'], timeout: false, reconnectionDelay: 0 },
      ...{ reconnectionAttempts: Number.POSITIVE_INFINITY, randomizationFactor: 0 },
    };
    new SocketIOClientHelper({ ...good, options: options as never });
  });

  it.each([undefined, null, 'x'])('%j as options of the helper are refused', (options) => {
    expect(errorOf(options).code).toBe('invalid_option');
  });

  it('are not shown in the message', () => {
    expect(errorOf({ ...good, onError: 'a-secret-token' }).message).not.toContain('secret');
  });

  it('are handed on to Socket.IO and not written to', () => {
    const options = Object.freeze({ ...good.options, auth: { token: 't' }, extraHeaders: { 'x-count': 1 } });
    const helper = new SocketIOClientHelper({ ...good, options });
    expect(helper.identifier).toBe('tester');
    const socket = helper.getSocketClient();
    expect(socket.auth).toBe(options.auth);
    expect(socket.io.opts.extraHeaders).toBe(options.extraHeaders);
    expect(socket.io.opts.path).toBe('/io');
  });

  it('are not written to where there are no credentials among them', () => {
    const options = { ...good.options };
    new SocketIOClientHelper({ ...good, options }).shutdown();
    expect(options).toEqual(good.options);
  });

  it('may hold a logger with more methods, false, and callbacks that are missing', () => {
    const noise = { debug() {}, info() {}, warn() {}, error() {}, child() {} };
    for (const logger of [noise, false] as const) {
      expect(() => new SocketIOClientHelper({ ...good, logger, onError: undefined }).shutdown()).not.toThrow();
    }
  });
});
