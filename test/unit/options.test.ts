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

  it('take a test double that has the methods that are used', () => {
    const noop = () => {};
    const server = { on: noop, listeners: () => [], removeAllListeners: noop, close: noop };
    expect(resolveOptions({ ...valid(), server }).server).toBe(server);
    const redisConnection = { getClient: () => ({ duplicate: noop }) };
    expect(resolveOptions({ ...valid(), redisConnection }).redisConnection).toBe(redisConnection);
  });

  it.each([
    ['runtime', { runtime: 'deno' }, '"node" or "bun" is wanted, "deno" was given'],
    ['runtime', { runtime: undefined }, 'nothing was given'],
    ['server', { server: undefined }, 'a server of node:http is wanted, nothing was given'],
    ['server', { server: {} }, 'an object was given'],
    ['engine', { runtime: 'bun' }, 'a Server of @socket.io/bun-engine is wanted, nothing was given'],
    ['server', { runtime: 'bun', engine: { on() {}, close() {} }, server: {} }, 'a server of Bun.serve is wanted'],
    ['identifier', { identifier: '' }, 'an empty string was given'],
    ['serverOptions', { serverOptions: undefined }, 'nothing was given'],
    ['serverOptions.connectionStateRecovery', { serverOptions: { connectionStateRecovery: {} } }, 'not supported'],
    ['redisConnection', { redisConnection: 'redis://localhost' }, 'a string was given'],
    ['redisConnection', { redisConnection: null }, 'null was given'],
    ['authenticateFn', { authenticateFn: undefined }, 'a function is wanted, nothing was given'],
    ['authenticateFn', { authenticateFn: true }, 'a boolean was given'],
    ['validateRoomFn', { validateRoomFn: [] }, 'an empty list was given'],
    ['clientConnectedFn', { clientConnectedFn: 1 }, 'the number 1 was given'],
    ['authenticateTimeout', { authenticateTimeout: 0 }, 'from 1 to 2147483647 is wanted, the number 0 was given'],
    ['authenticateTimeout', { authenticateTimeout: Number.NaN }, 'NaN was given'],
    ['pingInterval', { pingInterval: 2 ** 31 }, 'the number 2147483648 was given'],
    ['pingInterval', { pingInterval: '30000' }, 'a string was given'],
    ['redisTimeout', { redisTimeout: Number.POSITIVE_INFINITY }, 'the number Infinity was given'],
    ['shutdownTimeout', { shutdownTimeout: -1 }, 'from 0 to'],
    ['defaultRooms', { defaultRooms: 'lobby' }, 'a list of room names is wanted, a string was given'],
    ['defaultRooms[1]', { defaultRooms: ['a', 1] }, 'the number 1 was given'],
    ['defaultRooms[0]', { defaultRooms: ['roomgate:x'] }, 'does not start with "roomgate:"'],
    ['limits', { limits: 5 }, 'an object of numbers'],
    ['limits.roomsPerRequest', { limits: { roomsPerRequest: 0 } }, 'a whole number from 1'],
    ['limits.roomsPerReqest', { limits: { roomsPerReqest: 1 } }, 'roomsPerRequest'],
    ['logger', { logger: { info() {} } }, 'debug, info, warn and error'],
    ['onReport', { onReport: {} }, 'a function is wanted, an object was given'],
  ])('name %s and what is wrong with it', (option, change, words) => {
    const message = complaintAbout(change);
    expect(message).toContain(`"${option}"`);
    expect(message).toContain(words);
  });

  it('never show the value that was given: it may be a secret', () => {
    expect(complaintAbout({ redisConnection: 'redis://:hunter2@db' })).not.toContain('hunter2');
  });
});
