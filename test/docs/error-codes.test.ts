// npm test: node
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isRequestError } from '../../src/client/index.js';
import { ClientError } from '../../src/handlers/client-error.js';
import {
  ANSWER_ERRORS,
  type AnswerErrorCode,
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

/** Causes the code on a server, and returns the client. */
const UNAUTHENTICATED: Readonly<Record<TUnauthenticatedCode, () => Promise<TestHelper>>> = {
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
  rate_limited: async () => {
    const limits = { messagesPerSecond: 100, messageBurst: 100, delayedFor: 50 };
    const { url } = await startWithUsers({ limits });
    const client = clientOf(url, { options: { auth: { token: 'ann' } } });
    await client.helper.waitFor('authenticated');
    for (let count = 0; count < 1_000; count++) client.helper.emit({ topic: 'say' });
    return client;
  },
  too_many_connections: async () => {
    const { url } = await startWithUsers({ limits: { connectionsPerUser: 1 } });
    // Its own connection, because helpers with the same options share one.
    const first = clientOf(url, { options: { auth: { token: 'ann' }, forceNew: true } });
    await first.helper.waitFor('authenticated');
    return clientOf(url, { options: { auth: { token: 'ann' }, forceNew: true } });
  },
};

describe('the codes of unauthenticated', () => {
  it.each(Object.entries(UNAUTHENTICATED))('%s has its text, and the reaction of its list', async (code, cause) => {
    const { helper, calls } = await cause();
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

/** Calls `request()` of a client whose server handles `say` like this. Returns what it rejects with. */
async function failureOf(say: object, options: object = {}, requests: readonly unknown[] = [undefined]) {
  const server = await startWithUsers(options);
  server.helper.handle({ topic: 'say', handler: () => 'said', ...say });
  const client = clientOf(server.url, { options: { auth: { token: 'ann' } } });
  await client.helper.waitFor('authenticated');
  const outcomes = requests.map((data) =>
    client.helper.request({ topic: 'say', data }).catch((reason: unknown) => reason),
  );
  return { error: await outcomes.at(-1), client };
}

const never = (): Promise<never> => new Promise(() => {});

/** Causes each code on a server. */
const ANSWERS: Readonly<Record<AnswerErrorCode, () => ReturnType<typeof failureOf>>> = {
  internal: () => failureOf({ handler: () => Promise.reject(new Error('secret')) }),
  invalid: () => failureOf({ input: z.object({ text: z.string() }) }, {}, [{ text: 5 }]),
  not_in_room: () => failureOf({ memberOf: () => 'kitchen' }),
  rate_limited: () => failureOf({ limit: { messages: 1, per: 60_000 } }, {}, [1, 2]),
  busy: () => failureOf({ handler: never }, { limits: { requestsInFlight: 1 } }, [1, 2]),
  too_large: () => failureOf({}, { limits: { payloadBytes: 1_000 } }, ['x'.repeat(2_000)]),
  timed_out: () => failureOf({ handler: never }, { handlerTimeout: 50 }),
};
const MORE: Readonly<Record<string, object>> = {
  invalid: { issues: [{ path: 'text', code: 'invalid_type' }] },
  rate_limited: { retryAfter: expect.any(Number) },
};

describe('the codes of answers', () => {
  it.each(Object.entries(ANSWERS))('%s rejects request(), and ends nothing', async (code, cause) => {
    const { error, client } = await cause();
    const { text, mayHaveRun } = ANSWER_ERRORS[code as AnswerErrorCode];
    expect(isRequestError(error, { errors: [] })).toBe(true);
    expect(error).toMatchObject({ code, message: text, mayHaveRun, ...MORE[code] });
    expect(client.helper.getStatus().status).toBe('authenticated');
  });

  it.each(Object.keys(ANSWER_ERRORS))('%s makes the helper send nothing again', async (code) => {
    const { url, io, heard } = await startWordsServer();
    io.on('connection', (socket) =>
      socket.on('say', (acknowledge: (answer: object) => void) =>
        acknowledge({ 'roomgate:error': { code, message: 'x', retryAfter: 1 } }),
      ),
    );
    const { helper } = await createAuthenticated(url);
    await expect(helper.request({ topic: 'say' })).rejects.toMatchObject({ code });
    helper.emit({ topic: 'last' });
    await heard.next(([event]) => event === 'last');
    expect(heard.all.filter(([event]) => event === 'say')).toHaveLength(1);
  });

  it('of the program reaches it as it is', async () => {
    const error = new ClientError('room_full', 'This room is full.', { most: 50 });
    const thrown = (): never => {
      throw error;
    };
    const failure = await failureOf({ handler: thrown });
    const { code, message, details } = error;
    expect(failure.error).toMatchObject({ code, message, details, mayHaveRun: true });
  });

  it.each(['busy', 'expired', 'revoked', 'not_allowed'])(
    'of the program is internal if it is %s of the library',
    async (code) => {
      const thrown = (): never => {
        throw new ClientError(code, 'x');
      };
      expect((await failureOf({ handler: thrown })).error).toMatchObject({ code: 'internal' });
    },
  );
});
