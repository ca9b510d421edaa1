// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { emitSafely, resolveSend } from '../../src/common/target.js';

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

  it.each([
    ['an Error with own fields', Object.assign(new Error('x'), { code: 'ENOENT' })],
    ['an Error with toJSON()', Object.assign(new Error('x'), { toJSON: () => 'x' })],
    ['a Map with toJSON()', Object.assign(new Map(), { toJSON: () => [] })],
  ])('accepts %s, of which something arrives', (_, data) => {
    expect(resolveSend({ payload: { topic: 'n', data } }).args).toEqual([data]);
  });

  it('accepts an Error and a Map for a parser of the program', () => {
    for (const data of [new Error('x'), new Map()])
      expect(resolveSend({ payload: { topic: 'n', data } }, true).args).toEqual([data]);
  });

  it('sends no argument without data', () => {
    expect(resolveSend({ payload: { topic: 'n' } }).args).toEqual([]);
    expect(resolveSend({ payload: { topic: 'n', data: undefined } }).args).toEqual([]);
  });

  it.each([
    ['nothing', undefined, '^send\\(\\): expected one object, received undefined\\. Write send\\({ destination: '],
    ['null', null, 'one object, received null'],
    ['a positional destination', 'room', 'one object, received a string\\. Write send\\('],
    ['a list', [{ payload }], 'one object, received an array'],
    ['a promise of the options', Promise.resolve({ payload }), 'payload: expected { topic, data }, received undefined'],
    ['no payload', {}, 'payload: expected { topic, data }, received undefined'],
    ['a text as payload', { payload: 'hello' }, 'payload: .*received a string'],
    [
      'a misspelled destination',
      { destinaton: 'a', payload },
      '"destinaton" does not exist. Did you mean "destination"',
    ],
    ['a room for a destination', { room: 'a', payload }, '"room" does not exist. Did you mean "destination"'],
    [
      'a promise as destination',
      { destination: Promise.resolve('a'), payload },
      'received a promise. Await the promise',
    ],
    [
      'a promise as data',
      { payload: { topic: 'n', data: Promise.resolve(1) } },
      'received a promise. Await the promise',
    ],
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
    ['a class as data', { payload: { topic: 'n', data: class News {} } }, 'received the class News'],
    ['a bigint', { payload: { topic: 'n', data: 1n } }, 'payload.data: .*received a bigint'],
    [
      'a Map',
      { payload: { topic: 'n', data: new Map() } },
      'received an object of the class Map. Send Object.fromEntries',
    ],
    ['a Set', { payload: { topic: 'n', data: new Set() } }, 'received an object of the class Set. Send \\[...set\\]'],
    [
      'an Error without own fields',
      { payload: { topic: 'n', data: new TypeError('no such user') } },
      'received an object of the class TypeError. JSON makes {} of an Error. Send { message: error.message }',
    ],
    ['a cb that is not a function', { payload, cb: 5 }, '^send\\(\\): cb: expected a function, received 5\\.$'],
    ['a symbol', { payload: { topic: 'n', data: Symbol('x') } }, 'payload.data: .*received a symbol'],
  ])('rejects %s', (_, opts, message) => {
    expect(() => resolveSend(opts)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(message) }),
    );
  });
});

describe('emitSafely()', () => {
  const circular: Record<string, unknown> = { a: { list: [1, {}] } };
  Object.assign((circular.a as { list: [number, object] }).list[1], { back: circular });
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { in: deep(levels - 1) });
  const same = { n: 1 };

  it.each([
    ['a circle', circular, 'payload.data.a.list[1].back is circular: it is the same object as payload.data'],
    ['a bigint', { user: { id: 1n } }, 'payload.data.user.id is a bigint. Send it as a string, with String(value)'],
    ['a bigint behind an odd key', { 'a b': [1n] }, 'payload.data["a b"][0] is a bigint'],
    ['too many levels', deep(1_500), 'it nests deeper than 1000 levels'],
    ['an object twice beside a bigint', [same, same, { x: 2n }], 'payload.data[2].x is a bigint'],
    ['a bigint in the result of toJSON()', { row: { toJSON: () => ({ id: 1n }) } }, 'payload.data.row.id is a bigint'],
    ['a bigint behind large bytes', { image: Buffer.alloc(20_000), id: 1n }, 'payload.data.id is a bigint'],
    ['a bigint behind more values than are searched', { list: Array(20_000).fill(0), id: 1n }, 'BigInt'],
    ['a toJSON() that throws', { toJSON: () => JSON.parse('{') }, 'JSON'],
    [
      'a getter that throws',
      {
        get x() {
          throw new Error('no value');
        },
      },
      'no value',
    ],
  ])('names the reason and the place if the data has %s', (_, data, words) => {
    const encode = () => (words.startsWith('it nests') ? overflow() : JSON.stringify(data));
    expect(() => emitSafely({ rooms: undefined, topic: 'news', args: [data] }, encode)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(`send(): payload.data of "news" can't be encoded: `),
        cause: expect.any(Error),
      }),
    );
    expect(() => emitSafely({ rooms: undefined, topic: 'news', args: [data] }, encode)).toThrow(words);
  });

  function overflow(): number {
    return 1 + overflow();
  }
});
