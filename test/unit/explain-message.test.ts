// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { RejectedMessageError } from '../../src/common/instance-messages.js';
import { factsIn } from '../../src/limits/explain-message.js';
import type { Facts } from '../../src/limits/explanation.js';

const room = { room: 'a', rule: 'granted', since: 1, until: 2 } as const;
const connection = { id: 'x', instance: 'one', since: 1, until: 2, rooms: [room] };
const limit = { rule: 'messages_per_second', instance: 'one', client: 'x', since: 1, until: 2 } as const;
const bar = { revocation: 'r', of: 'user', room: 'a', issuedBefore: 3, since: 1, until: 2 } as const;
const FACTS: Facts = { connections: [connection], limits: [limit], bars: [bar], truncated: true };

const many = (count: number, entry: object): object[] => Array.from({ length: count }, () => entry);

describe('the answer of another instance to explain()', () => {
  it('is read as it was sent', () => {
    const sent = JSON.parse(JSON.stringify(FACTS)) as Facts;
    expect(factsIn({ ...sent })).toEqual(FACTS);
    const bare = {
      connections: [{ id: 'x', instance: 'one', since: 1, rooms: [] }],
      limits: [],
      bars: [],
      truncated: false,
    };
    expect(factsIn(bare)).toEqual(bare);
  });

  it('loses what this version does not know', () => {
    const claims = { role: 'admin' };
    expect(
      factsIn({ ...FACTS, claims, connections: [{ ...connection, claims, rooms: [{ ...room, claims }] }] }),
    ).toEqual(FACTS);
  });

  it.each([
    ['no list', { connections: {} }],
    ['no object', { bars: ['x'] }],
    ['a missing id', { connections: [{ ...connection, id: undefined }] }],
    ['an empty room', { connections: [{ ...connection, rooms: [{ ...room, room: '' }] }] }],
    ['an unknown rule', { limits: [{ ...limit, rule: 'other' }] }],
    ['a time that is no number', { bars: [{ ...bar, until: '5' }] }],
    ['a moment that is null', { connections: [{ ...connection, since: null }] }],
    ['too many connections', { connections: many(101, connection) }],
    ['too many rooms', { connections: [{ ...connection, rooms: many(1_001, room) }] }],
    ['an empty client', { limits: [{ ...limit, client: '' }] }],
    ['too many limits', { limits: many(111, limit) }],
    ['too many bars', { bars: many(101, bar) }],
  ])('is rejected with %s', (_, wrong) => {
    expect(() => factsIn({ ...FACTS, ...wrong })).toThrow(RejectedMessageError);
  });
});
