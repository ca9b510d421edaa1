// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../src/client/index.js';
import { resolveSend } from '../../src/common/target.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';

const client = new SocketIOClientHelper({
  identifier: 'tester',
  host: 'http://127.0.0.1:1',
  options: { path: '/io', autoConnect: false },
});
const server = new SocketIOServerHelper({
  runtime: 'node',
  server: createServer(),
  identifier: 'tester',
  serverOptions: {},
  authenticateFn: () => true,
});

describe('another name for the data', () => {
  it.each(['payload', 'message', 'body', 'args'])('%s is refused, because nothing would be sent', async (name) => {
    const message = { topic: 'say', [name]: 1 };
    const error = (path: string) => ({
      code: 'invalid_argument',
      message: expect.stringContaining(`"${path}${name}" does not exist. Did you mean "${path}data"?`),
    });
    expect(() => resolveSend({ payload: message })).toThrow(expect.objectContaining(error('payload.')));
    expect(() => client.emit(message as never)).toThrow(expect.objectContaining(error('')));
    await expect(client.request(message as never)).rejects.toMatchObject(error(''));
  });

  it('is accepted together with data, even undefined data', () => {
    expect(resolveSend({ payload: { topic: 'say', data: undefined, message: 1 } }).args).toEqual([]);
  });
});

describe('a mistake in send()', () => {
  const send = (opts: object) => () => resolveSend({ payload: { topic: 'say' }, ...opts });

  it.each([
    [{ payload: { event: 'say', data: 1 } }, 'received undefined. Write "topic" in place of "event".'],
    [{ destination: { id: 'a', socket: {} } }, 'received an object. Pass the "id" of a socket, not the socket.'],
    [{ destination: { user: 'a', session: 'b' } }, 'destination: expected a room, a socket id, { user }, { session }'],
    [
      { destination: ['a', { user: '' }] },
      'destination[1].user: expected a non-empty string, received an empty string.',
    ],
    [{ destination: [{ users: 'a' }] }, 'destination[0]: expected a non-empty string, { user }, { session } or { id }'],
    [{ destination: { id: 'roomgate:user:a' } }, 'destination.id: "roomgate:user:a" is reserved for the library.'],
    [{ destination: 'roomgate:user:a' }, '"roomgate:user:a" is reserved for the library.'],
    [{ destination: new Set(['a']) }, 'received an object of the class Set. Write [...set].'],
  ])('%o is refused with the fix', (opts, text) => {
    expect(send(opts)).toThrow(text);
  });
});

describe('getClients()', () => {
  it.each([{ users: 'a' }, { ID: 'a' }])('refuses %o: it would return every client', (opts) => {
    expect(() => server.getClients(opts as never)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining('Write getClients({ id }), getClients({ user }) or'),
      }),
    );
  });

  it.each([
    [
      { user: '' },
      'getClients(): user: expected a non-empty string of at most 255 characters, received an empty string.',
    ],
    [{ session: 5 }, 'getClients(): session: expected a non-empty string of at most 255 characters, received 5.'],
    [{ user: 'a', id: 'b' }, 'It has user and id: leave one.'],
  ])('refuses %o', (opts, text) => {
    expect(() => server.getClients(opts as never)).toThrow(text);
  });

  it.each([undefined, null, {}, { id: undefined }, { user: undefined }])('returns every client for %o', (opts) => {
    expect(server.getClients(opts as never)).toEqual(new Map());
  });
});
