// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { resolveSend } from '../../src/common/target.js';

const payload = { topic: 'n', data: 1 };

describe('resolveSend()', () => {
  it('resolves receivers, topic and arguments', () => {
    expect(resolveSend({ payload })).toEqual({ rooms: undefined, topic: 'n', args: [1] });
    expect(resolveSend({ destination: undefined, payload })).toMatchObject({ rooms: undefined });
    expect(resolveSend({ destination: 'a', payload })).toMatchObject({ rooms: ['a'] });
    expect(resolveSend({ destination: ['a', 'b', 'a'], payload })).toMatchObject({ rooms: ['a', 'b'] });
  });

  it.each([[0], [false], [''], [null], [Number.NaN], [Buffer.from('x')], [[undefined]], [{ a: 1 }]])(
    'accepts %j as data',
    (data) => {
      expect(resolveSend({ payload: { topic: 'n', data } }).args).toEqual([data]);
    },
  );

  it('sends no argument without data', () => {
    expect(resolveSend({ payload: { topic: 'n' } }).args).toEqual([]);
    expect(resolveSend({ payload: { topic: 'n', data: undefined } }).args).toEqual([]);
  });

  it.each([
    ['nothing', undefined, 'options: '],
    ['null', null, 'options: '],
    ['no payload', {}, 'payload: '],
    ['an empty destination', { destination: '', payload }, 'destination: .*received an empty string'],
    ['an empty list', { destination: [], payload }, 'destination: .*received an empty array'],
    ['a null destination', { destination: null, payload }, 'destination: .*received null'],
    ['a number as destination', { destination: 5, payload }, 'destination: .*received 5'],
    ['an empty name in a list', { destination: ['a', ''], payload }, 'destination\\[1\\]: .*received an empty string'],
    ['a list with a hole', { destination: new Array(1), payload }, 'destination\\[0\\]: .*received undefined'],
    ['a missing topic', { payload: { data: 1 } }, 'payload.topic: .*received undefined'],
    ['an empty topic', { payload: { topic: '', data: 1 } }, 'payload.topic: .*received an empty string'],
    ['a reserved topic', { payload: { topic: 'disconnect' } }, 'payload.topic: "disconnect" is reserved'],
    ['an internal topic', { payload: { topic: 'roomgate:x' } }, 'payload.topic: "roomgate:x" is reserved'],
    ['a function', { payload: { topic: 'n', data: () => 1 } }, 'payload.data: .*received a function'],
    ['a bigint', { payload: { topic: 'n', data: 1n } }, 'payload.data: .*received a bigint'],
    ['a symbol', { payload: { topic: 'n', data: Symbol('x') } }, 'payload.data: .*received a symbol'],
  ])('rejects %s', (_, opts, message) => {
    expect(() => resolveSend(opts)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(message) }),
    );
  });
});
