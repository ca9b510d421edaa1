// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { haveSameClaims, textOfClaims } from '../../src/common/claims.js';

const circle: { self?: unknown } = {};
circle.self = circle;

it.each<[boolean, unknown, unknown]>([
  [true, undefined, undefined],
  [true, { a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }],
  [true, { a: 1, iat: 1, jti: 'a', exp: 2, nbf: 1 }, { a: 1, iat: 5, exp: 9 }],
  [true, 'admin', 'admin'],
  [false, { a: 1 }, { a: 1, b: undefined }],
  [false, { a: 1 }, { b: 1 }],
  [false, { a: { iat: 1 } }, { a: { iat: 2 } }],
  [false, { roles: ['a', 'b'] }, { roles: ['b', 'a'] }],
  [false, { roles: ['a'] }, { roles: ['a', 'b'] }],
  [false, undefined, {}],
  [false, { toString: 1 }, { a: 1 }],
  [false, { at: new Date(0) }, { at: new Date(0) }],
  [false, circle, circle],
])('%s: %o and %o are the same claims', (same, one, other) => {
  expect(haveSameClaims(one, other)).toBe(same);
  expect(haveSameClaims(other, one)).toBe(same);
});

it.each<[unknown, unknown]>([
  [undefined, undefined],
  [
    { a: 1, iat: 1, jti: 'a', exp: 2, nbf: 1 },
    { a: 1, iat: 5 },
  ],
  [
    { b: [1, null, { c: 'd' }], e: true },
    { b: [1, null, { c: 'd' }], e: true },
  ],
])('the claims %o and %o have the same text', (one, other) => {
  expect(textOfClaims(one)).toBe(textOfClaims(other));
  expect(textOfClaims(one)).toBeDefined();
});

it.each<[unknown, unknown]>([
  [undefined, {}],
  [undefined, ''],
  [{ a: { exp: 1 } }, { a: { exp: 2 } }],
  [{ roles: ['a', 'b'] }, { roles: ['b', 'a'] }],
  [{ a: '1' }, { a: 1 }],
])('the claims %o and %o have different texts', (one, other) => {
  expect(textOfClaims(one)).not.toBe(textOfClaims(other));
});

it.each([
  [{ rights: new Set(['a']) }],
  [{ until: new Date(0) }],
  [{ a: [undefined] }],
  [{ a: [() => {}] }],
  [{ a: Number.NaN }],
  [{ a: 1n }],
  [new (class Claims {})()],
  [circle],
])('the claims %o have no text', (claims) => {
  expect(textOfClaims(claims)).toBeUndefined();
});
