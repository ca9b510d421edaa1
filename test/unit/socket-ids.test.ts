// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { isPlainSocketId, isSocketId } from '../../src/protocol/socket-ids.js';
import { newSocketId } from '../../src/session/socket-id.js';

it('ids are unique, have the reserved form, and differ in every place after the prefix', () => {
  const ids = Array.from({ length: 10_000 }, newSocketId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !isSocketId(id) || !isPlainSocketId(id))).toEqual([]);
  for (let at = 4; at < 20; at++) expect(new Set(ids.map((id) => id[at])).size).toBe(64);
});

it.each([
  'rg--',
  'rg--AAAAAAAAAAAAAAA',
  'rg--AAAAAAAAAAAAAAAAA',
  'rg--AAAAAAAAAAAAAAA=',
  'xrg--AAAAAAAAAAAAAAA',
  'rg-AAAAAAAAAAAAAAAAA',
])('%s does not have the form of an id', (name) => {
  expect(isSocketId(name)).toBe(false);
});
