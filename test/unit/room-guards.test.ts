// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import type { ValidateRoomFn } from '../../src/ports/options.js';
import { type RoomAnswer, roomGuards } from '../../src/rooms/room-guards.js';
import { readVerdicts } from '../../src/rooms/room-verdicts.js';

const nobody = { socket: {} as never, identity: undefined, signal: new AbortController().signal };

async function decisionsOf(validateRoomFn: ValidateRoomFn, rooms: string[]) {
  return readVerdicts(await validateRoomFn({ ...nobody, rooms }));
}

const grantedBy = async (validateRoomFn: ValidateRoomFn, rooms: string[]): Promise<string[]> => [
  ...(await decisionsOf(validateRoomFn, rooms)).decisions.keys(),
];

describe('roomGuards()', () => {
  it('passes the parameters, the room and the identity to the guard of the pattern', async () => {
    const asked: unknown[] = [];
    const identity = { user: 'ann', issuedAt: 1 };
    const guards = roomGuards({
      'team/:team/pages/:page': ({ params, room, ...opts }) => {
        asked.push([{ ...params }, room, opts.identity, opts.signal === nobody.signal, opts.socket === nobody.socket]);
        return true;
      },
      news: () => true,
    });
    const room = 'team/red/pages/7';
    expect(await guards({ ...nobody, identity, rooms: [room, 'news'] })).toEqual([room, 'news']);
    expect(asked).toEqual([[{ team: 'red', page: '7' }, room, identity, true, true]]);
  });

  it.each([
    ['team'],
    ['team/'],
    ['team/red/blue'],
    ['/team/red'],
    ['team//red'],
    ['TEAM/red'],
    ['team%2Fred'],
    ['te.m/red'],
    [''],
    ['__proto__'],
  ])('refuses "%s", which matches no pattern', async (room) => {
    const guards = roomGuards({ 'team/:team': () => true });
    expect(await decisionsOf(guards, [room])).toEqual({ decisions: new Map(), errors: [] });
  });

  it('compares segments as they are, without decoding or patterns', async () => {
    const seen: string[] = [];
    const guards = roomGuards({
      'a.*/:x': ({ params }) => {
        seen.push(params.x);
        return true;
      },
      'user:42/:y': () => true,
    });
    const rooms = ['a.*/%2e%2e', 'a.*/ö', 'a.*/:x', 'user:42/z'];
    expect(await grantedBy(guards, [...rooms, 'abc/x', 'user:43/z'])).toEqual(rooms);
    expect(seen).toEqual(['%2e%2e', 'ö', ':x']);
  });

  it('has parameters without a prototype', async () => {
    const guards = roomGuards({
      'a/:__proto__/:id': ({ params }) => {
        expect(Object.getPrototypeOf(params)).toBeNull();
        expect(Object.keys(params)).toEqual(['__proto__', 'id']);
        return !('constructor' in params);
      },
    });
    expect(await grantedBy(guards, ['a/polluted/7'])).toEqual(['a/polluted/7']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each([
    ['true', true, Number.POSITIVE_INFINITY],
    ['until', { until: 8e12 }, 8e12],
    ['a refusal', { refused: 'closed', message: 'Closed.' }, { room: 'a', code: 'closed', message: 'Closed.' }],
  ])('returns %s as the verdict on the room', async (_, answer, decision) => {
    for (const guard of [() => answer, async () => answer]) {
      expect(await decisionsOf(roomGuards({ a: guard }), ['a'])).toEqual({
        decisions: new Map([['a', decision]]),
        errors: [],
      });
    }
  });

  it('does not wait if no guard does', () => {
    const guards = roomGuards({ a: () => true, b: () => false });
    expect(guards({ ...nobody, rooms: ['a', 'b'] })).toEqual(['a']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
  ])('refuses only the room whose guard %s, and passes its error on', async (_, guard) => {
    const { decisions, errors } = await decisionsOf(roomGuards({ a: guard, b: () => true }), ['a', 'b']);
    expect(decisions.get('a')).toMatchObject({ code: 'guard_failed' });
    expect(decisions.get('b')).toBe(Number.POSITIVE_INFINITY);
    expect(errors).toEqual([new Error('down')]);
  });

  it.each([undefined, null, 1, 'a', []])('refuses the room if its guard returns %s', async (answer) => {
    const guards = roomGuards({ a: () => answer as unknown as RoomAnswer });
    const { decisions, errors } = await decisionsOf(guards, ['a']);
    expect(decisions.get('a')).toMatchObject({ code: 'guard_failed' });
    expect(errors).toMatchObject([{ message: expect.stringMatching(/"a": expected true, false or a verdict/) }]);
  });

  it.each([
    ['user/:id', 'user/me'],
    ['user/:id', 'user/:name'],
    [':kind/x', 'user/:id'],
    ['a/:b/c/:d', ':a/b/:c/d'],
  ])('throws for the patterns %s and %s, and names both', (one, other) => {
    expect(() => roomGuards({ [one]: () => true, [other]: () => true })).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(
          `"${one}" and "${other}": expected patterns of which a room can match only one`,
        ),
      }),
    );
  });

  it('accepts patterns that differ in a segment or in their number of segments', () => {
    const [yes] = [() => true];
    expect(() => roomGuards({ 'user/:id': yes, 'team/:id': yes, 'user/:id/x': yes, user: yes })).not.toThrow();
  });

  it.each([
    ['an array', [], 'expected one object of patterns and guards, received an empty array'],
    ['no function', { a: true }, '"a": expected a function'],
    ['an empty pattern', { '': () => true }, 'received an empty string'],
    ['an unnamed parameter', { 'a/:': () => true }, '"a/:": expected a name after ":"'],
    ['two parameters of one name', { ':a/:a': () => true }, 'a different name for each parameter'],
    ['a reserved name', { 'roomgate:x': () => true }, 'reserved for the library'],
  ])('throws for %s', (_, guards, text) => {
    expect(() => roomGuards(guards as never)).toThrow(text);
  });
});
