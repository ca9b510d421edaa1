// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import type { WebSocketPeer } from '../support/raw.js';
import { holds } from './properties.js';
import { startVictim, type Victim } from './victim.js';

type Client = WebSocketPeer & { readonly sid: string };
interface Answer {
  readonly joined?: string[];
  readonly left?: string[];
  readonly refused: { room: string; code: string; message: string }[];
}

let victim: Victim;
let questions = 0;

beforeAll(async () => {
  victim = await startVictim({ options: { serverOptions: { maxHttpBufferSize: 8e6 } } });
});

async function ask(client: Client, topic: string, ...args: unknown[]): Promise<Answer> {
  questions += 1;
  const start = `43${questions}[`;
  client.emit(topic, args, questions);
  const frame = String(
    await client.frames.next((it) => String(it).startsWith(start), { what: `an answer to ${topic}` }),
  );
  return JSON.parse(frame.slice(start.length - 1))[0];
}

function roomsOf(client: Client): Promise<string[]> {
  return victim.call('rooms', { id: client.sid });
}

const WRONG: readonly [string, unknown[]][] = [
  ['nothing', []],
  ['null', [null]],
  ['a number', [7]],
  ['a string', ['abc']],
  ['true', [true]],
  ['a list of names', [['abc']]],
  ['an empty object', [{}]],
  ['rooms as a string', [{ rooms: 'abc' }]],
  ['rooms as null', [{ rooms: null }]],
  ['rooms as a number', [{ rooms: 3 }]],
  ['rooms as an object like a list', [{ rooms: { 0: 'abc', length: 1 } }]],
  ['null among the rooms', [{ rooms: ['abc', null] }]],
  ['numbers among the rooms', [{ rooms: [1, 2] }]],
  ['nested lists', [{ rooms: [['abc'], [['def']]] }]],
  ['an object among the rooms', [{ rooms: [{ toString: 'abc' }] }]],
  ['a placeholder without binary data', [{ rooms: [{ _placeholder: true, num: 0 }] }]],
  ['the rooms in the prototype', [JSON.parse('{"__proto__":{"rooms":["abc"]}}')]],
  ['the rooms as the second argument', [null, { rooms: ['abc'] }]],
];

describe.each(['join', 'leave'])('a `%s` request of a wrong shape', (topic) => {
  it.each(WRONG)('with %s gets an error reply and changes nothing', async (_, args) => {
    const client = await victim.authenticated();
    const before = await roomsOf(client);
    const answer = await ask(client, topic, ...args);
    expect(answer[topic === 'join' ? 'joined' : 'left']).toEqual([]);
    expect(answer.refused.map(({ code }) => code)).toEqual(['invalid_payload']);
    // The same without a callback: no answer is sent, and nothing is thrown.
    client.emit(topic, args);
    await ask(client, 'leave', { rooms: [] });
    expect(await roomsOf(client)).toEqual(before);
    await victim.unharmed();
  });

  it('is handled whatever JSON it contains, and changes at most the rooms that it lists', async () => {
    const client = await victim.authenticated();
    const before = new Set(await roomsOf(client));
    const fitting = fc.record({ rooms: fc.array(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'toString'))) });
    const payload = fc.oneof(fc.jsonValue({ maxDepth: 5 }), fitting, fc.record({ rooms: fc.jsonValue() }));
    const property = fc.asyncProperty(fc.array(payload, { maxLength: 3 }), async (args) => {
      const answer = await ask(client, topic, ...args);
      expect(Array.isArray(answer.refused)).toBe(true);
      const wanted = (args[0] as { rooms?: unknown } | null | undefined)?.rooms;
      const listed = new Set<unknown>(Array.isArray(wanted) ? wanted : []);
      const rooms = await roomsOf(client);
      for (const room of rooms) expect(before.has(room) || listed.has(room)).toBe(true);
      if (topic === 'join') await ask(client, 'leave', { rooms: rooms.filter((room) => !before.has(room)) });
      else for (const room of before) expect(rooms.includes(room) || listed.has(room)).toBe(true);
    });
    await holds(property, 150);
    await victim.unharmed();
  });
});

describe('names that are properties of Object.prototype', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'then', 'toJSON'])(
    '`%s` is a room like any other',
    async (room) => {
      const client = await victim.authenticated();
      expect(await ask(client, 'join', { rooms: [room] })).toEqual({ joined: [room], refused: [] });
      await victim.call('send', { destination: room, topic: 'to-room', data: room });
      expect(await client.event('to-room')).toEqual([room]);
      expect(await ask(client, 'leave', { rooms: [room] })).toEqual({ left: [room], refused: [] });
      await victim.unharmed();
    },
  );
});

describe('the room of another socket', () => {
  it('cannot be joined or left by its id, before or after that socket is authenticated', async () => {
    const outside = await victim.webSocket();
    const { sid: outsider } = await outside.connect();
    const client = await victim.authenticated();
    const others = [outsider, ...victim.witnesses.map(({ socket }) => `${socket.id}`)];
    for (const topic of ['join', 'leave']) {
      const { refused } = await ask(client, topic, { rooms: others });
      expect(refused.map(({ room, code }) => [room, code])).toEqual(others.map((room) => [room, 'socket_id']));
    }
    for (const destination of others.slice(1)) await victim.call('send', { destination, topic: 'private' });
    for (const { strange } of victim.witnesses) {
      await eventually(() => strange.includes('private'), { what: 'its owner hears it' });
      strange.splice(strange.indexOf('private'), 1);
    }
    await ask(client, 'leave', { rooms: [] });
    expect(client.frames.unread.filter((frame) => String(frame).includes('private'))).toEqual([]);
    await victim.unharmed();
  });

  it('the client’s own room cannot be left', async () => {
    const client = await victim.authenticated();
    const { refused } = await ask(client, 'leave', { rooms: [client.sid] });
    expect(refused.map(({ code }) => code)).toEqual(['socket_id']);
    await victim.call('send', { destination: client.sid, topic: 'mine' });
    await client.event('mine');
    await victim.unharmed();
  });

  it('a valid room name of the same form as an id can be joined, because ids are looked up', async () => {
    const client = await victim.authenticated();
    const room = 'room_of_twenty_chars';
    expect(await ask(client, 'join', { rooms: [room] })).toEqual({ joined: [room], refused: [] });
    await victim.unharmed();
  });

  it('rooms that start with `roomgate:` are internal, whatever validateRoomFn returns', async () => {
    const client = await victim.authenticated();
    for (const topic of ['join', 'leave']) {
      const { refused } = await ask(client, topic, { rooms: ['roomgate:', 'roomgate:presence'] });
      expect(refused.map(({ code }) => code)).toEqual(['reserved_name', 'reserved_name']);
    }
    await victim.unharmed();
  });
});

describe('the limits of rooms', () => {
  it('roomsPerRequest: 100 000 rooms in one packet are refused as a whole', async () => {
    const client = await victim.authenticated();
    const before = await roomsOf(client);
    for (const topic of ['join', 'leave']) {
      const { refused } = await ask(client, topic, {
        rooms: Array.from({ length: 100_000 }, (_, index) => `r${index}`),
      });
      expect(refused.map(({ room, code }) => [room, code])).toEqual([['', 'too_many_rooms']]);
    }
    expect(await roomsOf(client)).toEqual(before);
    await victim.unharmed();
  });

  it('roomsPerRequest: the same room 257 times counts as 257 rooms', async () => {
    const client = await victim.authenticated();
    const { refused } = await ask(client, 'join', { rooms: Array.from({ length: 257 }, () => 'same') });
    expect(refused.map(({ code }) => code)).toEqual(['too_many_rooms']);
    await victim.unharmed();
  });

  it('roomsPerClient: at most 1 000 rooms, however many requests run at once', async () => {
    const client = await victim.authenticated();
    for (let request = 0; request < 20; request++) {
      client.emit('join', [{ rooms: Array.from({ length: 200 }, (_, index) => `${request}/${index}`) }]);
    }
    const { refused } = await ask(client, 'join', { rooms: ['one more'] });
    expect(refused.map(({ code }) => code)).toEqual(['room_limit']);
    expect(await roomsOf(client)).toHaveLength(1_000 + 3);
    await victim.unharmed();
  });

  it('roomNameLength: a name of 255 characters is accepted, names of 256 and of 1 MB are refused', async () => {
    const client = await victim.authenticated();
    const fits = 'x'.repeat(255);
    const { joined, refused } = await ask(client, 'join', { rooms: [fits, `${fits}x`, 'x'.repeat(1_000_000)] });
    expect(joined).toEqual([fits]);
    expect(refused.map(({ code }) => code)).toEqual(['name_too_long', 'name_too_long']);
    await victim.unharmed();
  });
});
