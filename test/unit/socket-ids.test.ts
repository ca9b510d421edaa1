// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { isPlainSocketId, isSocketId } from '../../src/protocol/socket-ids.js';
import { newSocketId } from '../../src/session/socket-id.js';

it('each id is another one, has the form of ids, and differs in every place behind the prefix', () => {
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
])('%s has not the form of an id', (name) => {
  expect(isSocketId(name)).toBe(false);
});
