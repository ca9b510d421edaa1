// npm test: node
// npm run test:matrix: newest-node, bun, oldest-bun
import { type IUnauthenticatedMessage, SocketIOClientHelper } from 'roomgate/client';
import type { Socket } from 'socket.io-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { SOCKET_PATH } from '../../examples/chat/words.js';
import { buildChat, ChatClient, type RunningChat, signIn, startChat } from '../support/chat.js';
import { defer } from '../support/cleanup.js';
import { type Emitting, type EventLog, eventually, logOf, nextEvent } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

const HOUR_MS = 3_600_000;
/** Half of it is left when the client renews, so that a busy machine does not miss the renewal. */
const TOKEN_SECONDS = '12';

/** Over Redis. The operator uses the left one; the right one is always on Node.js. */
let left: RunningChat;
let right: RunningChat;

beforeAll(async () => {
  await buildChat();
  const { url: redisUrl } = await startRedis();
  [left, right] = await Promise.all([startChat({ redisUrl }), startChat({ redisUrl, runtime: 'node' })]);
});

async function post(url: string, path: string, body: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}/api/${path}`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

const plain = ({ socket }: ChatClient): Socket => socket as unknown as Socket;

/** The reason why a client is not served any more. Ask before it happens. */
async function endOf(client: ChatClient): Promise<{ code: string; message: string }> {
  const [{ code, message }] = await nextEvent<[IUnauthenticatedMessage]>(plain(client), 'unauthenticated');
  await eventually(() => !client.socket.connected);
  return { code, message };
}

const leftRooms = (client: ChatClient): EventLog<{ rooms: unknown[] }> => logOf(plain(client), 'roomgate:left');

describe('a token for a connection', () => {
  const authenticated = (emitter: Emitting): EventLog<{ user?: string; renewed?: boolean }> =>
    logOf(emitter, 'authenticated');

  it('is renewed with the login before it expires, without a lost connection', { timeout: 60_000 }, async () => {
    const chat = await startChat({ env: { TOKEN_SECONDS } });
    const { login } = await signIn(chat.url, 'Ada');
    const helper = new SocketIOClientHelper({
      ...{ identifier: 'test', host: chat.url, options: { path: SOCKET_PATH }, logger: false },
      credentials: async () => (await post(chat.url, 'token', { login })).body as { token: string },
    });
    defer(() => helper.shutdown());
    const socket = helper.getSocketClient();
    const renewals = authenticated(socket);
    await helper.waitFor('authenticated');
    expect(helper.getStatus().user).toBe('Ada');
    const { id } = socket;
    await helper.joinRooms({ rooms: ['room/lobby'] });
    // A plain client with such a token does not renew it.
    const bob = await ChatClient.enter(chat.url, 'Bob', 'lobby');
    const bobEnds = nextEvent<[IUnauthenticatedMessage]>(plain(bob), 'unauthenticated', { timeout: 30_000 });
    for (let n = 1; n <= 2; n += 1) {
      await renewals.next(({ renewed }) => renewed === true, { timeout: 20_000, what: `renewal ${n}` });
    }
    expect(await bobEnds).toMatchObject([{ code: 'expired' }]);
    expect([socket.id, helper.getStatus()]).toMatchObject([id, { status: 'authenticated', user: 'Ada' }]);
    const said = { echo: 'e', room: 'lobby', text: 'Still here' };
    expect(await helper.request({ topic: 'say', data: said })).toMatchObject({ from: 'Ada', text: 'Still here' });
  });

  it('lasts ten minutes by default, and the login twelve hours', async () => {
    const { token, login } = await signIn(left.url, 'Ada');
    for (const [each, seconds] of [
      [token, 600],
      [login, 43_200],
    ] as const) {
      const { exp, iat, sub } = JSON.parse(Buffer.from(each.split('.')[1] ?? '', 'base64url').toString());
      expect([sub, exp - iat]).toEqual(['Ada', seconds]);
    }
  });

  it('is no login, and a login is no token for a connection', async () => {
    const { token, login } = await signIn(left.url, 'Eve');
    for (const path of ['token', 'sign-out']) {
      for (const wrong of [token, '', 7, null, undefined, `${login}x`]) {
        expect(await post(left.url, path, { login: wrong })).toMatchObject({
          status: 401,
          body: { error: expect.stringContaining('Sign in again') },
        });
      }
    }
    expect(await endOf(ChatClient.knock(left.url, login))).toMatchObject({ code: 'refused' });
  });
});

describe('signing out', () => {
  it('ends the connections of the login on all instances, and its tokens, but no other login', async () => {
    const { login, token } = await signIn(left.url, 'Ada');
    const [one, two] = [ChatClient.knock(left.url, token), ChatClient.knock(right.url, token)];
    const other = await ChatClient.enter(right.url, 'Ada', 'lobby');
    await Promise.all([one.next('welcome'), two.next('welcome')]);
    const ends = Promise.all([one, two].map(endOf));
    expect(await post(left.url, 'sign-out', { login })).toMatchObject({ status: 200 });
    const end = { code: 'revoked', message: 'You signed out in another window.' };
    expect(await ends).toEqual([end, end]);
    const { body } = await post(right.url, 'token', { login });
    for (const late of [token, (body as { token: string }).token]) {
      expect((await endOf(ChatClient.knock(right.url, late))).code).toBe('revoked');
    }
    expect(await other.join('room/garden')).toMatchObject({ joined: ['room/garden'] });
  });
});

describe('an operator who kicks somebody', () => {
  it('ends all connections of that person on all instances, who may come back', async () => {
    const windows = await Promise.all([left, right].map(({ url }) => ChatClient.enter(url, 'Kim', 'lobby')));
    const witness = await ChatClient.enter(right.url, 'Ben', 'lobby');
    const ends = Promise.all(windows.map(endOf));
    const answer = await left.operate('/people/Kim/kick', { reason: 'too loud' });
    expect(answer).toEqual({ status: 200, body: { ended: 2, instances: 2, unconfirmed: [] } });
    const end = { code: 'revoked', message: 'An operator removed you from the chat: too loud' };
    expect(await ends).toEqual([end, end]);
    await ChatClient.enter(right.url, 'Kim', 'lobby');
    expect(witness.socket.connected).toBe(true);
  });
});

describe('an operator who bans somebody', () => {
  it('keeps that person away for an hour on all instances, with the reason', async () => {
    const client = await ChatClient.enter(right.url, 'Mallory', 'lobby');
    const { token, login } = await signIn(left.url, 'Mallory');
    const ends = endOf(client);
    const before = Date.now();
    const { status, body } = await left.operate('/people/Mallory/ban', { reason: 'spam' });
    expect([status, body]).toMatchObject([200, { ended: 1, instances: 2, unconfirmed: [] }]);
    const until = Date.parse((body as { until: string }).until);
    expect(until - before).toBeGreaterThanOrEqual(HOUR_MS);
    expect(until - Date.now()).toBeLessThanOrEqual(HOUR_MS);
    const message = `You are banned until ${new Date(until).toISOString().slice(11, 16)} UTC: spam`;
    expect(await ends).toEqual({ code: 'revoked', message });
    for (const { url } of [left, right]) {
      expect(await post(url, 'sign-in', { name: 'Mallory' })).toEqual({ status: 403, body: { error: message } });
      const { body: fresh } = await post(url, 'token', { login });
      for (const each of [token, (fresh as { token: string }).token]) {
        expect(await endOf(ChatClient.knock(url, each))).toEqual({ code: 'banned', message });
      }
    }
    // Others stay.
    await ChatClient.enter(left.url, 'Nora', 'lobby');
  });

  it('keeps that person away from an instance that starts later', async () => {
    const { url: redisUrl } = await startRedis();
    const first = await startChat({ redisUrl });
    const { token } = await signIn(first.url, 'Mallory');
    await first.operate('/people/Mallory/ban', {});
    const later = await startChat({ redisUrl });
    const message = expect.stringMatching(/^You are banned until \d\d:\d\d UTC\.$/);
    expect(await endOf(ChatClient.knock(later.url, token))).toEqual({ code: 'banned', message });
    expect(await post(later.url, 'sign-in', { name: 'Mallory' })).toEqual({ status: 403, body: { error: message } });
  });
});

describe('an operator who closes a room', () => {
  it('puts its members out on all instances, tells them why, and keeps it closed until it is opened', async () => {
    const windows = await Promise.all(
      [left, right].map(({ url }, n) => ChatClient.enter(url, `Member ${n}`, 'garden', 'lobby')),
    );
    const [one] = windows;
    const told = windows.map(leftRooms);
    const answer = await left.operate('/rooms/garden/close', { reason: 'It is raining.' });
    expect(answer).toEqual({ status: 200, body: { left: 2, instances: 2, unconfirmed: [] } });
    const garden = { room: 'room/garden', code: 'closed', message: 'An operator closed this room: It is raining.' };
    for (const log of told) expect(await log.next()).toMatchObject({ rooms: [garden] });
    for (const client of windows) {
      expect(await client.join('room/garden', 'room/lobby')).toMatchObject({
        joined: ['room/lobby'],
        refused: [garden],
      });
      const said = { echo: client.name, room: 'garden', text: 'Hello?' };
      expect(await client.refusal('say', said)).toMatchObject({ code: 'not_in_room' });
    }
    const put = await right.operate(`/clients/${one?.id}/join`, { rooms: ['garden'] });
    expect(put).toMatchObject({ status: 409, body: { error: expect.stringContaining('is closed') } });
    expect(await right.operate('/rooms/garden/open', {})).toEqual({ status: 200, body: { opened: 'garden' } });
    for (const client of windows) expect(await client.join('room/garden')).toMatchObject({ joined: ['room/garden'] });
  });
});

describe('a wrong request of an operator', () => {
  const PATHS = ['/people/Ada/kick', '/people/Ada/ban', '/rooms/garden/close', '/rooms/garden/open'];

  it.each(PATHS)('needs the token for %s', async (path) => {
    for (const token of [null, '', 'a guess', 'the-operator2']) {
      expect((await left.operate(path, {}, token)).status).toBe(401);
    }
  });

  it.each(PATHS.slice(0, 3))('has its reason in the answer to %s, and ends nothing', async (path) => {
    const ada = await ChatClient.enter(right.url, 'Ada', 'garden');
    for (const [body, given] of [
      ['no json', 'must be JSON'],
      [{ reason: 7 }, 'reason: Invalid input: expected string, received number'],
      [{ reason: ' ' }, 'at least one visible character'],
      [{ reason: 'x'.repeat(201) }, 'reason: Too big: expected string to have <=200 characters'],
    ] as const) {
      const answer = await left.operate(path, body);
      expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(given) } });
    }
    expect((await left.operate(path, { reason: 'x'.repeat(20_000) })).status).toBe(413);
    expect(await ada.join('room/garden')).toMatchObject({ joined: ['room/garden'] });
  });

  it('names an invalid person or an unknown room', async () => {
    expect(await left.operate('/people/%3Cb%3E/kick', {})).toMatchObject({ status: 400 });
    expect(await left.operate('/people/%3Cb%3E/ban', {})).toMatchObject({ status: 400 });
    expect(await left.operate('/rooms/attic/close', {})).toMatchObject({ status: 404 });
    expect(await left.operate('/rooms/attic/open', {})).toMatchObject({ status: 404 });
  });
});
