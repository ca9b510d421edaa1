// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import { RoomgateError } from '../../src/protocol/errors.js';
import { resolveOptions } from '../../src/server/resolve-options.js';

const valid = () => ({
  runtime: 'node',
  server: createServer(),
  identifier: 'a',
  serverOptions: {},
  authenticateFn: () => true,
});

function complaintAbout(change: Record<string, unknown>): string {
  try {
    resolveOptions({ ...valid(), ...change });
  } catch (error) {
    expect(error).toBeInstanceOf(RoomgateError);
    expect((error as RoomgateError).code).toBe('invalid_option');
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('options', () => {
  it('have the documented defaults', () => {
    expect(resolveOptions(valid())).toMatchObject({
      authenticateTimeout: 10_000,
      pingInterval: 30_000,
      defaultRooms: ['io-default', 'io-notification'],
      redisTimeout: 30_000,
      shutdownTimeout: 5_000,
      guardTimeout: 5_000,
      handlerTimeout: 30_000,
      onFailure: { connected: 'disconnect', guard: 'leave', handler: 'report' },
      limits: {
        roomsPerRequest: 256,
        roomsPerClient: 1_000,
        roomNameLength: 255,
        payloadDepth: 64,
        heldEvents: 100,
        heldBytes: 1_000_000,
      },
    });
  });

  it('accept a test double that has the methods in use', () => {
    const noop = () => {};
    const server = { on: noop, listeners: () => [], removeAllListeners: noop, close: noop };
    expect(resolveOptions({ ...valid(), server }).server).toBe(server);
    const redisConnection = { getClient: () => ({ duplicate: noop }) };
    expect(resolveOptions({ ...valid(), redisConnection }).redisConnection).toBe(redisConnection);
  });

  it.each([
    [
      'trustedHops',
      { trustedHops: true },
      'the number of proxies, 0 or more, received true. Behind one nginx or HAProxy write 1',
    ],
    ['trustedHops', { trustedHops: -1 }, 'the number of proxies, 0 or more, received -1'],
    ['trustedHops', { trustedHops: '1' }, 'the number of proxies, 0 or more, received'],
    ['trustedHops', { trustedHops: 0.5 }, 'the number of proxies, 0 or more, received 0.5'],
    ['runtime', { runtime: 'deno' }, 'expected "node" or "bun", received "deno"'],
    ['runtime', { runtime: undefined }, 'received undefined'],
    [
      'server',
      { server: undefined },
      'expected a server of node:http or node:https, received undefined. Pass the result of createServer()',
    ],
    ['server', { server: {} }, 'received an object'],
    [
      'runtime',
      { runtime: 'bun' },
      `"bun" needs Bun, and this is Node.js ${process.versions.node}. Write runtime: "node"`,
    ],
    ['runtime', { runtime: 'Node' }, 'received "Node". This is Node.js'],
    ['server', { server: 3000 }, 'received 3000. A port is not enough'],
    ['server', { server: Promise.resolve(createServer()) }, 'received a promise. Await the promise first'],
    ['server', { server: Server }, 'received the class Server. Do not pass the class itself'],
    ['server', { server: new Server() }, 'A Socket.IO server is not an HTTP server: pass its httpServer'],
    ['server', { server: { server: createServer() } }, 'Pass its property "server"'],
    [
      'serverOptions.path',
      { serverOptions: { path: 'io' } },
      'a path that starts with a slash, such as "/io", received "io"',
    ],
    ['serverOptions.path', { serverOptions: { path: '/io/*' } }, 'a plain path such as "/io", received "/io/*"'],
    ['serverOptions.path', { serverOptions: { path: '/io?a=1' } }, 'a plain path such as "/io", received "/io?a=1"'],
    ['serverOptions.path', { serverOptions: { path: /io/ } }, 'received an object of the class RegExp'],
    ['serverOptions', { serverOptions: '/io' }, 'received a string'],
    ['serverOptions.pingTimeout', { serverOptions: { pingTimeout: '5s' } }, 'milliseconds from 0 to'],
    ['serverOptions.pingInterval', { serverOptions: { pingInterval: Number.NaN } }, 'received NaN'],
    ['serverOptions.upgradeTimeout', { serverOptions: { upgradeTimeout: -1 } }, 'received -1'],
    ['serverOptions.connectTimeout', { serverOptions: { connectTimeout: '5s' } }, 'received a string'],
    ['serverOptions.maxHttpBufferSize', { serverOptions: { maxHttpBufferSize: '1mb' } }, 'a number of bytes'],
    ['serverOptions.transports', { serverOptions: { transports: 'websocket' } }, 'an array of polling, websocket'],
    ['serverOptions.transports', { serverOptions: { transports: ['ws'] } }, 'received ["ws"]'],
    ['serverOptions.allowRequest', { serverOptions: { allowRequest: true } }, 'expected a function, received true'],
    [
      'serverOptions.adapter',
      { serverOptions: { adapter: 'redis' } },
      'the result of createAdapter() of an adapter package',
    ],
    ['serverOptions.parser', { serverOptions: { parser: {} } }, 'the classes Encoder and Decoder'],
    [
      'serverOptions.cors.orgin',
      { serverOptions: { cors: { orgin: '*' } } },
      'Did you mean "serverOptions.cors.origin"?',
    ],
    [
      'serverOptions.cors.origins',
      { serverOptions: { cors: { origins: [] } } },
      'Did you mean "serverOptions.cors.origin"?',
    ],
    ['serverOptions', { serverOptions: [] }, 'received an empty array'],
    ['validateRoomFN', { validateRoomFN: () => [] }, 'does not exist. Did you mean "validateRoomFn"?'],
    ['authenticatefn', { authenticatefn: () => true, authenticateFn: undefined }, 'Did you mean "authenticateFn"?'],
    ['onreport', { onreport: () => {} }, 'Did you mean "onReport"?'],
    ['redisConnection', { redisConnection: Promise.resolve({}) }, 'received a promise. Await the promise first'],
    ['server', { runtime: 'bun', engine: { on() {}, close() {} }, server: {} }, 'expected a server of Bun.serve'],
    ['identifier', { identifier: '' }, 'received an empty string'],
    ['serverOptions', { serverOptions: undefined }, 'received undefined'],
    ['serverOptions.connectionStateRecovery', { serverOptions: { connectionStateRecovery: {} } }, 'not supported'],
    ['redisConnection', { redisConnection: 'redis://localhost' }, 'received a string'],
    ['redisConnection', { redisConnection: null }, 'received null'],
    ['authenticateFn', { authenticateFn: undefined }, 'expected a function, received undefined'],
    ['authenticateFn', { authenticateFn: true }, 'received true'],
    ['authenticateFn', { authenticateFn: class Auth {} }, 'received the class Auth. Do not pass the class itself'],
    ['replaceable', { replaceable: ['price'] }, 'received an array'],
    ['validateRoomFn', { validateRoomFn: [] }, 'received an empty array'],
    ['clientConnectedFn', { clientConnectedFn: 1 }, 'received 1'],
    ['authenticateTimeout', { authenticateTimeout: 0 }, 'from 1 to 2147483647, received 0'],
    ['authenticateTimeout', { authenticateTimeout: Number.NaN }, 'received NaN'],
    ['pingInterval', { pingInterval: 2 ** 31 }, 'received 2147483648'],
    ['pingInterval', { pingInterval: '30000' }, 'received a string'],
    ['redisTimeout', { redisTimeout: Number.POSITIVE_INFINITY }, 'received Infinity'],
    ['shutdownTimeout', { shutdownTimeout: -1 }, 'from 0 to'],
    ['defaultRooms', { defaultRooms: 'lobby' }, 'expected an array of room names, received a string'],
    ['defaultRooms[1]', { defaultRooms: ['a', 1] }, 'received 1'],
    ['defaultRooms[0]', { defaultRooms: ['roomgate:x'] }, 'does not start with "roomgate:"'],
    ['onFailure', { onFailure: 'keep' }, 'expected an object such as { connected: "keep" }, received a string'],
    ['onFailure.connected', { onFailure: { connected: 'stay' } }, 'expected "disconnect" or "keep", received a string'],
    ['onFailure.guard', { onFailure: { guard: 'stay' } }, 'expected "leave" or "keep", received a string'],
    ['onFailure.handler', { onFailure: { handler: 'keep' } }, 'expected "report" or "throw", received a string'],
    ['handlerTimeout', { handlerTimeout: 0 }, 'expected a number of milliseconds from 1'],
    ['guardTimeout', { guardTimeout: 0 }, 'expected a number of milliseconds from 1'],
    ['onFailure.conected', { onFailure: { conected: 'keep' } }, 'Did you mean "onFailure.connected"?'],
    [
      'onFailure.somethingElse',
      { onFailure: { somethingElse: 1 } },
      '"onFailure" takes "connected", "guard" and "handler"',
    ],
    ['limits', { limits: 5 }, 'an object of numbers'],
    [
      'limits.refusedFor',
      { limits: { refusedFor: Number.POSITIVE_INFINITY } },
      'from 0, which refuses nobody, to 2147483647',
    ],
    ['limits.refusedFor', { limits: { refusedFor: -1 } }, 'received -1'],
    [
      'limits.roomsPerRequest',
      { limits: { roomsPerRequest: 0 } },
      'a whole number of 1 or more, or Infinity for no limit',
    ],
    ['limits.roomsPerReqest', { limits: { roomsPerReqest: 1 } }, 'Did you mean "limits.roomsPerRequest"?'],
    ['limits', { limits: [] }, 'received an empty array'],
    ['logger', { logger: { info() {} } }, 'debug, info, warn and error'],
    ['onReport', { onReport: {} }, 'expected a function, received an object'],
  ])('are rejected with the name and the reason: %s', (option, change, words) => {
    const message = complaintAbout(change);
    expect(message).toContain(`"${option}"`);
    expect(message).toContain(words);
  });

  it('accept what Socket.IO accepts', () => {
    const serverOptions = {
      ...{ pingTimeout: 0, maxHttpBufferSize: Number.POSITIVE_INFINITY, transports: ['websocket'], adapter: undefined },
      ...{ allowRequest: null, parser: undefined, unknown: 'x', cors: { optionsSuccessStatus: 204, unknown: 1 } },
    };
    expect(resolveOptions({ ...valid(), serverOptions }).serverOptions).toBe(serverOptions);
  });

  it('accept onFailure, and ignore names in it that are undefined', () => {
    const onFailure = { connected: 'keep', other: undefined };
    expect(resolveOptions({ ...valid(), onFailure }).onFailure).toEqual({
      ...{ connected: 'keep', guard: 'leave', handler: 'report' },
    });
    expect(resolveOptions({ ...valid(), onFailure: {} }).onFailure).toEqual({
      connected: 'disconnect',
      guard: 'leave',
      handler: 'report',
    });
    expect(resolveOptions({ ...valid(), onFailure: { handler: 'throw' } }).onFailure.handler).toBe('throw');
  });

  it.each([
    [undefined, 'received undefined. Write new SocketIOServerHelper({ runtime: "node", server'],
    ['node', 'received a string. Write new'],
    [createServer(), 'received an object of the class Server. Write new'],
    [[valid()], 'received an array'],
    [valid, 'received a function'],
  ])('refuse %s in place of the options', (given, words) => {
    expect(() => resolveOptions(given)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(words) }),
    );
  });

  it('report unknown options, those for Socket.IO, and an engine on Node.js, but none that is undefined', () => {
    const given = { ...valid(), path: '/io', color: 'red', size: undefined, limits: { color: 1 }, engine: {} };
    const { remarks, limits } = resolveOptions(given);
    expect(remarks).toEqual([
      { type: 'option_ignored', option: 'path', reason: 'options of Socket.IO belong in "serverOptions"' },
      { type: 'option_ignored', option: 'color', reason: 'there is no option of this name' },
      { type: 'option_ignored', option: 'limits.color', reason: 'there is no option of this name' },
      { type: 'option_ignored', option: 'engine', reason: 'it is for runtime: "bun"' },
    ]);
    expect(limits).not.toHaveProperty('color');
  });

  it('report times of up to 60 ms, which were probably meant in seconds, and use them', () => {
    const serverOptions = { pingInterval: 25, upgradeTimeout: 0, maxHttpBufferSize: 50 };
    const given = { authenticateTimeout: 10, redisTimeout: 61, shutdownTimeout: 0, pingInterval: 2.5, serverOptions };
    expect(resolveOptions({ ...valid(), ...given })).toMatchObject({
      authenticateTimeout: 10,
      remarks: [
        { type: 'option_unusual', option: 'authenticateTimeout', ms: 10 },
        { type: 'option_unusual', option: 'serverOptions.pingInterval', ms: 25 },
      ],
    });
  });

  it('leave the contents of serverOptions to Socket.IO', () => {
    const serverOptions = { pathh: '/io', color: 'red' };
    expect(resolveOptions({ ...valid(), serverOptions })).toMatchObject({ serverOptions, remarks: [] });
  });

  it('never show the received value, because it may be a secret', () => {
    expect(complaintAbout({ redisConnection: 'redis://:hunter2@db' })).not.toContain('hunter2');
  });
});
