// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../src/gate/identity.js';
import { clientsOfRoom, sessionRoom, userRoom } from '../../src/protocol/internal-rooms.js';

const NOW = 1_800_000_000_000;

describe('an identity', () => {
  it('is kept with its times in milliseconds, and frozen', () => {
    const claims = { role: 'admin' };
    const answer = readAnswer(
      { user: 'ann', session: 's1', issuedAt: new Date(NOW - 5), expiresAt: NOW + 5, claims },
      NOW,
    );
    expect(answer).toEqual({
      identity: { user: 'ann', session: 's1', issuedAt: NOW - 5, expiresAt: NOW + 5, claims },
    });
    expect('identity' in answer && Object.isFrozen(answer.identity)).toBe(true);
  });

  it('was issued when the client asked, if the program does not say when', () => {
    expect(readAnswer({ user: 'ann' }, NOW)).toEqual({ identity: { user: 'ann', issuedAt: NOW } });
    const undefinedOnes = {
      user: 'ann',
      session: undefined,
      issuedAt: undefined,
      expiresAt: undefined,
      claims: undefined,
    };
    expect(readAnswer(undefinedOnes, NOW)).toEqual({ identity: { user: 'ann', issuedAt: NOW } });
  });

  it.each([
    [{ user: '' }, '"user": expected a non-empty string of at most 255 characters, received an empty string'],
    [{ user: 7 }, '"user": expected a non-empty string of at most 255 characters, received 7'],
    [{ user: 'x'.repeat(256) }, '"user": expected a non-empty string of at most 255 characters, received a string'],
    [{}, '"user": expected a non-empty string of at most 255 characters, received undefined'],
    [{ user: 'ann', session: null }, '"session": expected a non-empty string of at most 255 characters, received null'],
    [{ user: 'ann', expireAt: NOW }, '"expireAt" does not exist; did you mean "expiresAt"?'],
    [{ user: 'ann', role: 'admin' }, '"role" does not exist; put what only your program reads into "claims"'],
    [
      { user: 'ann', expiresAt: NOW / 1_000 },
      '"expiresAt": expected a Date or milliseconds since 1970, received 1800000000. It looks like seconds: multiply it by 1000',
    ],
    [{ user: 'ann', expiresAt: null }, '"expiresAt": expected a Date or milliseconds since 1970, received null'],
    [{ user: 'ann', expiresAt: Number.NaN }, '"expiresAt": expected a Date or milliseconds since 1970, received NaN'],
    [{ user: 'ann', expiresAt: Number.POSITIVE_INFINITY }, 'received Infinity'],
    [{ user: 'ann', expiresAt: '2030-01-01' }, 'received a string'],
    [
      { user: 'ann', issuedAt: new Date('never') },
      '"issuedAt": expected a Date or milliseconds since 1970, received an invalid Date',
    ],
    [{ user: 'ann', issuedAt: -5 }, 'received -5'],
    ['ann', 'received a string'],
    [['ann'], 'received an array'],
    [null, 'received null'],
  ])('%o is invalid', (answer, wrong) => {
    expect(readAnswer(answer, NOW)).toEqual({ wrong: expect.stringContaining(wrong) });
  });
});

describe('a refusal', () => {
  it('is final, unless the program says that the client may try again', () => {
    expect(readAnswer({ refused: 'banned' }, NOW)).toEqual({ refusal: { code: 'banned', retry: false } });
    expect(readAnswer({ refused: 'full', message: 'Come back later.', retry: true }, NOW)).toEqual({
      refusal: { code: 'full', message: 'Come back later.', retry: true },
    });
  });

  it.each([
    [{ refused: 'expired' }, '"refused": "expired" is a code of the library; choose another one'],
    [{ refused: 'roomgate:x' }, '"refused": "roomgate:x" is a code of the library; choose another one'],
    [{ refused: true }, '"refused": expected a non-empty string of at most 255 characters, received true'],
    [{ refused: undefined }, '"refused": expected a non-empty string of at most 255 characters, received undefined'],
    [{ refused: 'banned', user: 'ann' }, '"user" does not exist'],
    [{ refused: 'banned', messages: 'x' }, '"messages" does not exist; did you mean "message"?'],
    [{ refused: 'banned', message: 5 }, '"message": expected a string, received 5'],
    [{ refused: 'banned', retry: 'yes' }, '"retry": expected true or false, received a string'],
  ])('%o is invalid', (answer, wrong) => {
    expect(readAnswer(answer, NOW)).toEqual({ wrong: expect.stringContaining(wrong) });
  });
});

describe('the rooms of users and sessions', () => {
  const names = [
    'a',
    'A',
    '~"a"',
    ':a',
    '\ud800',
    '\udc00',
    '\ud801',
    '\ufffd',
    '"\\ud800"',
    '__proto__',
    'a\ud800b',
    'a\ufffdb',
  ];

  it('are different for all names, even after they were written as UTF-8', () => {
    const rooms = names.flatMap((name) => [userRoom(name), sessionRoom(name)]);
    const asBytes = new Set(rooms.map((room) => Buffer.from(room, 'utf8').toString('hex')));
    expect(asBytes.size).toBe(rooms.length);
  });

  it('are found by their names', () => {
    for (const name of names) {
      expect(clientsOfRoom(userRoom(name))).toEqual({ kind: 'user', name });
      expect(clientsOfRoom(sessionRoom(name))).toEqual({ kind: 'session', name });
    }
    const others = [
      'user:a',
      'roomgate:',
      'roomgate:user',
      'roomgate:usera',
      'roomgate:user~',
      'roomgate:user~"',
      'roomgate:user~1',
    ];
    for (const room of others) expect(clientsOfRoom(room)).toBeUndefined();
  });

  it('are internal', () => {
    for (const room of [userRoom('\ud800'), sessionRoom('a')]) expect(room).toMatch(/^roomgate:/);
  });
});
