// npm test: node
import { describe, expect, it } from 'vitest';
import { isRequestError } from '../../src/client/index.js';
import {
  ANSWER_ERRORS,
  isRenewable,
  isTemporary,
  ROOM_ERRORS,
  type TRoomErrorCode,
  type TUnauthenticatedCode,
  UNAUTHENTICATED_ERRORS,
} from '../../src/protocol/errors.js';
import { createAuthenticated, createHelper, startWordsServer, type TestHelper } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { startServer } from '../support/server.js';

/** A client of a server that has the path of plain Socket.IO. */
function clientOf(url: string, more: Parameters<typeof createHelper>[1] = {}): TestHelper {
  return createHelper(url, { autoAuthenticate: true, ...more, options: { path: '/socket.io', ...more.options } });
}

/** A server whose users are named by their token, with access that ends. */
async function startWithUsers(options: object = {}) {
  return startServer({
    authenticateFn: ({ auth }) => ({ user: String(auth.token), expiresAt: Date.now() + Number(auth.ms ?? 60_000) }),
    ...options,
  });
}

/** Causes the code on a real server, and returns the client. A scripted one sends it where `scripted` says so. */
const UNAUTHENTICATED: Readonly<Record<TUnauthenticatedCode, () => Promise<TestHelper> | 'scripted'>> = {
  refused: async () => clientOf((await startServer({ authenticateFn: () => false })).url),
  timeout: async () =>
    clientOf((await startServer({ authenticateTimeout: 100 })).url, { autoAuthenticate: false, queue: true }),
  unavailable: async () => {
    const authenticateFn = (): never => {
      throw new Error('the database is down');
    };
    return clientOf((await startServer({ authenticateFn })).url);
  },
  expired: async () => {
    const { url } = await startWithUsers();
    return clientOf(url, { options: { auth: { token: 'ann', ms: 100 } } });
  },
  user_changed: async () => {
    const { url } = await startWithUsers();
    const client = clientOf(url, { options: { auth: { token: 'ann' } } });
    await client.helper.waitFor('authenticated');
    // As the helper does when it renews.
    client.helper.getSocketClient().emit('authenticate', { token: 'bob' });
    return client;
  },
  revoked: async () => {
    const { url, helper } = await startWithUsers();
    const client = clientOf(url, { options: { auth: { token: 'ann' } } });
    await client.helper.waitFor('authenticated');
    await helper.revoke({ user: 'ann' });
    return client;
  },
  rate_limited: () => 'scripted',
  too_many_connections: () => 'scripted',
};

async function scripted(code: string): Promise<TestHelper> {
  const { text } = UNAUTHENTICATED_ERRORS[code as TUnauthenticatedCode];
  const server = await startWordsServer({ verdict: null });
  server.io.on('connection', (socket) =>
    socket.on('authenticate', () => {
      socket.emit('unauthenticated', { code, message: text, time: 'now', retry: true, after: 20 });
      setImmediate(() => socket.conn.close());
    }),
  );
  return createHelper(server.url, { autoAuthenticate: true });
}

describe('the codes of unauthenticated', () => {
  it.each(Object.entries(UNAUTHENTICATED))('%s has its text, and the reaction of its list', async (code, cause) => {
    const made = await cause();
    const { helper, calls } = made === 'scripted' ? await scripted(code) : made;
    const [, message] = await calls.next(([name]) => name === 'onUnauthenticated');
    expect(message).toBe(UNAUTHENTICATED_ERRORS[code as TUnauthenticatedCode].text);
    if (isTemporary(code)) {
      await eventually(() => expect(helper.getStatus()).toMatchObject({ status: 'waiting', code }));
    } else if (isRenewable(code)) {
      await calls.next(([name]) => name === 'onConnected');
      await calls.next(([name]) => name === 'onConnected');
    } else {
      await helper.waitFor('refused');
      expect(helper.getStatus()).toEqual({ status: 'refused', code, message });
    }
  });
});

interface Refused {
  readonly room: string;
  readonly code: string;
  readonly message: string;
}

async function refusedBy(options: object, rooms: unknown, prepare?: (client: TestHelper) => unknown) {
  const { url } = await startServer({ authenticateFn: () => true, ...options });
  const client = clientOf(url);
  await client.helper.waitFor('authenticated');
  await prepare?.(client);
  return joinRaw(client, rooms);
}

/** Without the checks of the helper. */
async function joinRaw({ helper }: TestHelper, rooms: unknown): Promise<Refused> {
  const answer = await helper.getSocketClient().emitWithAck('join', { rooms });
  return (answer as { refused: Refused[] }).refused[0] as Refused;
}

const allow = { validateRoomFn: ({ rooms }: { rooms: string[] }) => rooms };

/** A server of another program that answers `join` with this code, as an instance of a cluster may. */
async function answering(code: TRoomErrorCode): Promise<Refused> {
  const { url } = await startWordsServer({
    answer: (_, rooms) => ({
      joined: [],
      refused: rooms.map((room) => ({ room, code, message: ROOM_ERRORS[code].text })),
    }),
  });
  return joinRaw(await createAuthenticated(url), ['room']);
}

async function helperSays(client: TestHelper): Promise<Refused> {
  const { refused } = await client.helper.joinRooms({ rooms: ['room'] });
  return refused[0] as Refused;
}

/** Causes each code, and returns the refusal. */
const ROOMS: Readonly<Record<TRoomErrorCode, () => Promise<Refused>>> = {
  not_allowed: () => refusedBy({}, ['room']),
  guard_failed: () => refusedBy({ validateRoomFn: () => Promise.reject(new Error('x')) }, ['room']),
  invalid_payload: () => refusedBy(allow, 'room'),
  invalid_name: () => refusedBy(allow, ['']),
  name_too_long: () => refusedBy(allow, ['r'.repeat(256)]),
  reserved_name: () => refusedBy(allow, ['roomgate:room']),
  socket_id: () => refusedBy(allow, ['rg--abcdefghij012345']),
  cluster_unanswered: () => answering('cluster_unanswered'),
  too_many_rooms: () => refusedBy({ ...allow, limits: { roomsPerRequest: 1 } }, ['a', 'b']),
  room_limit: () => refusedBy({ ...allow, limits: { roomsPerClient: 1 } }, ['b'], (client) => joinRaw(client, ['a'])),
  room_expired: async () => {
    const until = (room: string): object => ({ room, until: Date.now() + 50 });
    const { url } = await startServer({
      authenticateFn: () => true,
      validateRoomFn: ({ rooms }) => rooms.map(until) as never,
    });
    const client = clientOf(url);
    await client.helper.waitFor('authenticated');
    const lost = new EventLog<{ rooms: Refused[] }>();
    client.helper.getSocketClient().on('roomgate:left', (message) => lost.push(message));
    await joinRaw(client, ['room']);
    return (await lost.next()).rooms[0] as Refused;
  },
  revoked: async () => {
    const { url, helper } = await startWithUsers(allow);
    const client = clientOf(url, { options: { auth: { token: 'ann' } } });
    await client.helper.waitFor('authenticated');
    await helper.revoke({ user: 'ann', room: 'room', barFor: 60_000 });
    return joinRaw(client, ['room']);
  },
  left: async () => {
    let decide = (_: string[]): void => {};
    const validateRoomFn = (): Promise<string[]> =>
      new Promise((resolve) => {
        decide = resolve;
      });
    const { url } = await startServer({ authenticateFn: () => true, validateRoomFn });
    const client = clientOf(url);
    await client.helper.waitFor('authenticated');
    const refused = joinRaw(client, ['room']);
    await client.helper.getSocketClient().emitWithAck('leave', { rooms: ['room'] });
    decide(['room']);
    return refused;
  },
  unauthenticated: async () => {
    const { url } = await startWordsServer();
    const client = createHelper(url);
    await client.helper.waitFor('connected');
    return helperSays(client);
  },
  offline: async () => helperSays(createHelper('http://127.0.0.1:1', { options: { autoConnect: false } })),
  timeout: async () => {
    const { url } = await startWordsServer({ silent: true });
    return helperSays(await createAuthenticated(url, { roomsTimeout: 20 }));
  },
};

describe('the codes of rooms', () => {
  it.each(Object.entries(ROOMS))('%s has its text', async (code, cause) => {
    const refused = await cause();
    expect(refused).toMatchObject({ code });
    expect(refused.message).toContain(ROOM_ERRORS[code as TRoomErrorCode].text);
  });

  it.each(Object.entries(ROOM_ERRORS))('%s: after a reconnect the helper asks again, or not', async (code, more) => {
    const { url, io, heard } = await startWordsServer({
      answer: (_, rooms) => ({
        joined: rooms.filter((room) => room !== 'room'),
        refused: rooms.filter((room) => room === 'room').map((room) => ({ room, code, message: more.text })),
      }),
    });
    const { helper } = createHelper(url, { autoAuthenticate: true });
    await helper.waitFor('authenticated');
    await helper.joinRooms({ rooms: ['room'] });
    await helper.joinRooms({ rooms: ['other'] });
    for (const socket of io.sockets.sockets.values()) socket.conn.close();
    for (const rooms of [['room'], ['other'], more.retryable ? ['room', 'other'] : ['other']]) {
      expect(await heard.next(([event]) => event === 'join')).toEqual(['join', { rooms }]);
    }
  });
});

describe('the codes of answers', () => {
  it.each(Object.entries(ANSWER_ERRORS))('%s rejects request(), once', async (code, { text, mayHaveRun }) => {
    const { url, io, heard } = await startWordsServer();
    io.on('connection', (socket) =>
      socket.on('say', (acknowledge: (answer: object) => void) =>
        acknowledge({ 'roomgate:error': { code, message: text } }),
      ),
    );
    const { helper } = await createAuthenticated(url);
    const error: unknown = await helper.request({ topic: 'say' }).catch((reason: unknown) => reason);
    expect(isRequestError(error, { errors: [] })).toBe(true);
    expect(error).toMatchObject({ code, message: text, mayHaveRun });
    expect(helper.getStatus().status).toBe('authenticated');
    expect(heard.all.filter(([event]) => event === 'say')).toHaveLength(1);
  });
});
