// npm test: node
// npm run test:matrix: newest-node, bun, oldest-bun
import { beforeAll, describe, expect, it } from 'vitest';
import { buildChat, ChatClient, type RunningChat, startChat } from '../support/chat.js';

let chat: RunningChat;

beforeAll(async () => {
  await buildChat();
  chat = await startChat();
});

const NOBODY = 'AAAAAAAAAAAAAAAAAAAA';
const GET = ['/info', '/health', '/clients', `/clients/${NOBODY}/rooms`];
const TEXT = ['/broadcast', '/rooms/lobby/send', `/clients/${NOBODY}/send`];
const ROOMS = [`/clients/${NOBODY}/join`, `/clients/${NOBODY}/leave`];

describe('the operator', () => {
  it.each([...GET, ...TEXT, ...ROOMS])('needs a token for %s', async (path) => {
    const body = GET.includes(path) ? undefined : {};
    for (const token of [null, '', 'a guess', 'the-operator2']) {
      const answer = await chat.operate(path, body, token);
      expect(answer).toEqual({ status: 401, body: { error: expect.stringContaining('Bearer') } });
    }
    expect((await chat.operate(path, body)).status).not.toBe(401);
  });

  it('sees the instance, its health and its clients', async () => {
    const ada = await ChatClient.enter(chat.url, 'Ada', 'lobby');
    const info = await chat.operate('/info');
    expect(info).toMatchObject({ status: 200, body: { instance: expect.any(String), clients: 1 } });
    const health = await chat.operate('/health');
    expect(health).toEqual({ status: 200, body: { degraded: false, message: '', redis: 'none' } });
    const { body } = await chat.operate('/clients');
    expect(body).toEqual({
      clients: [
        {
          ...{ id: ada.id, name: 'Ada', rooms: ['lobby'] },
          ...{ instance: expect.any(String), since: expect.any(String), address: expect.any(String) },
        },
      ],
    });
  });

  it('sends to everybody, to a room, and to one client', async () => {
    const ada = await ChatClient.enter(chat.url, 'Ada', 'lobby');
    const ben = await ChatClient.enter(chat.url, 'Ben', 'garden');
    for (const [path, text] of [
      ['/broadcast', 'to all'],
      ['/rooms/garden/send', 'to the garden'],
      [`/clients/${ada.id}/send`, 'to Ada'],
    ] as const) {
      const answer = await chat.operate(path, { text });
      expect(answer).toEqual({ status: 200, body: { sent: { text, at: expect.any(String) } } });
    }
    await ada.join();
    await ben.join();
    expect(ada.all('notice').map(({ text }) => text)).toEqual(['to all', 'to Ada']);
    expect(ben.all('notice').map(({ text }) => text)).toEqual(['to all', 'to the garden']);
  });

  it('moves a client, and notifies it', async () => {
    const ada = await ChatClient.enter(chat.url, 'Ada', 'lobby');
    const joined = await chat.operate(`/clients/${ada.id}/join`, { rooms: ['vault', 'garden'] });
    expect(joined).toEqual({ status: 200, body: { rooms: ['garden', 'lobby', 'vault'] } });
    expect(await ada.next('rooms')).toEqual(joined.body);
    expect((await chat.operate(`/clients/${ada.id}/rooms`)).body).toEqual(joined.body);
    await ada.sees(['Ada: garden, lobby, vault']);
    // Its page requests the rooms that it is in, so a reconnect keeps them.
    expect(await ada.join('room/vault')).toEqual({ joined: ['room/vault'], refused: [] });
    await chat.operate(`/clients/${ada.id}/leave`, { rooms: ['lobby', 'garden', 'workshop'] });
    expect(await ada.next('rooms')).toEqual({ rooms: ['vault'] });
  });

  it.each(TEXT)('receives the reason if the text is wrong for %s', async (path) => {
    for (const [body, given] of [
      ['no json', 'must be JSON'],
      [{}, 'text: Invalid input: expected string, received undefined'],
      [{ text: '  ' }, 'at least one visible character'],
      [{ text: 'x'.repeat(2_001) }, 'text: Too big: expected string to have <=2000 characters'],
      [{ text: ['x'] }, 'text: Invalid input: expected string, received array'],
      [[], 'expected object, received array'],
    ] as const) {
      const answer = await chat.operate(path, body);
      expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(given) } });
    }
  });

  it.each(ROOMS)('receives the reason if the rooms are wrong for %s', async (path) => {
    for (const [body, given] of [
      ['no json', 'must be JSON'],
      [{}, 'rooms: Invalid input: expected array, received undefined'],
      [{ rooms: 'lobby' }, 'rooms: Invalid input: expected array, received string'],
      [{ rooms: [] }, 'rooms: Too small: expected array to have >=1 items'],
      [{ rooms: [7] }, 'rooms.0: Invalid input: expected string, received number'],
    ] as const) {
      const answer = await chat.operate(path, body);
      expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(given) } });
    }
    const unknown = await chat.operate(path, { rooms: ['lobby', 'attic'] });
    expect(unknown).toEqual({ status: 404, body: { error: expect.stringContaining('lobby, garden') } });
  });

  it('receives 404 for unknown clients and rooms, and for a name of a room in place of an id', async () => {
    await ChatClient.enter(chat.url, 'Ada', 'lobby');
    for (const id of [NOBODY, 'room%2Flobby', 'user%2FAda', 'Ada']) {
      expect((await chat.operate(`/clients/${id}/rooms`)).status, id).toBe(404);
      expect((await chat.operate(`/clients/${id}/send`, { text: 'x' })).status, id).toBe(404);
      expect((await chat.operate(`/clients/${id}/join`, { rooms: ['vault'] })).status, id).toBe(404);
    }
    expect((await chat.operate('/rooms/attic/send', { text: 'x' })).status).toBe(404);
    expect((await chat.operate('/nothing')).status).toBe(404);
  });
});
