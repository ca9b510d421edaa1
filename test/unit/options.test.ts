// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
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
      onFailure: { connected: 'disconnect' },
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
    ['runtime', { runtime: 'deno' }, 'expected "node" or "bun", received "deno"'],
    ['runtime', { runtime: undefined }, 'received undefined'],
    ['server', { server: undefined }, 'expected a server of node:http, received undefined'],
    ['server', { server: {} }, 'received an object'],
    ['engine', { runtime: 'bun' }, 'expected a Server of @socket.io/bun-engine, received undefined'],
    ['server', { runtime: 'bun', engine: { on() {}, close() {} }, server: {} }, 'expected a server of Bun.serve'],
    ['identifier', { identifier: '' }, 'received an empty string'],
    ['serverOptions', { serverOptions: undefined }, 'received undefined'],
    ['serverOptions.connectionStateRecovery', { serverOptions: { connectionStateRecovery: {} } }, 'not supported'],
    ['redisConnection', { redisConnection: 'redis://localhost' }, 'received a string'],
    ['redisConnection', { redisConnection: null }, 'received null'],
    ['authenticateFn', { authenticateFn: undefined }, 'expected a function, received undefined'],
    ['authenticateFn', { authenticateFn: true }, 'received true'],
    ['validateRoomFn', { validateRoomFn: [] }, 'received an empty array'],
    ['clientConnectedFn', { clientConnectedFn: 1 }, 'received 1'],
    ['authenticateTimeout', { authenticateTimeout: 0 }, 'from 1 to 2147483647, received 0'],
    ['authenticateTimeout', { authenticateTimeout: Number.NaN }, 'received NaN'],
    ['pingInterval', { pingInterval: 2 ** 31 }, 'received 2147483648'],
    ['pingInterval', { pingInterval: '30000' }, 'received a string'],
    ['redisTimeout', { redisTimeout: Number.POSITIVE_INFINITY }, 'received Infinity'],
    ['shutdownTimeout', { shutdownTimeout: -1 }, 'from 0 to'],
    ['defaultRooms', { defaultRooms: 'lobby' }, 'expected a list of room names, received a string'],
    ['defaultRooms[1]', { defaultRooms: ['a', 1] }, 'received 1'],
    ['defaultRooms[0]', { defaultRooms: ['roomgate:x'] }, 'does not start with "roomgate:"'],
    ['onFailure', { onFailure: 'keep' }, 'expected an object such as { connected: "keep" }, received a string'],
    ['onFailure.connected', { onFailure: { connected: 'stay' } }, 'expected "disconnect" or "keep", received a string'],
    ['onFailure.conected', { onFailure: { conected: 'keep' } }, 'Did you mean "onFailure.connected"?'],
    ['onFailure.somethingElse', { onFailure: { somethingElse: 1 } }, '"onFailure" takes "connected"'],
    ['limits', { limits: 5 }, 'an object of numbers'],
    ['limits.roomsPerRequest', { limits: { roomsPerRequest: 0 } }, 'a whole number from 1'],
    ['limits.roomsPerReqest', { limits: { roomsPerReqest: 1 } }, 'roomsPerRequest'],
    ['logger', { logger: { info() {} } }, 'debug, info, warn and error'],
    ['onReport', { onReport: {} }, 'expected a function, received an object'],
  ])('name %s and what is wrong with it', (option, change, words) => {
    const message = complaintAbout(change);
    expect(message).toContain(`"${option}"`);
    expect(message).toContain(words);
  });

  it('accept onFailure, and ignore names in it that are undefined', () => {
    const onFailure = { connected: 'keep', other: undefined };
    expect(resolveOptions({ ...valid(), onFailure }).onFailure).toEqual({ connected: 'keep' });
    expect(resolveOptions({ ...valid(), onFailure: {} }).onFailure).toEqual({ connected: 'disconnect' });
  });

  it('never show the received value, because it may be a secret', () => {
    expect(complaintAbout({ redisConnection: 'redis://:hunter2@db' })).not.toContain('hunter2');
  });
});
