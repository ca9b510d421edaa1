// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { Turnstile } from '../../src/server/turnstile.js';

/** Lets everything happen that needs no more than promises. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('a turnstile lets so many in at a time, and the rest in the order in which they came', async () => {
  const turnstile = new Turnstile(2);
  const inside: number[] = [];
  for (let n = 0; n < 5; n++) void turnstile.enter().then(() => inside.push(n));
  await settled();
  expect(inside).toEqual([0, 1]);
  turnstile.leave();
  await settled();
  expect(inside).toEqual([0, 1, 2]);
  turnstile.leave();
  turnstile.leave();
  await settled();
  expect(inside).toEqual([0, 1, 2, 3, 4]);
});

it('a turnstile gives a place that is free to nobody but the one whose turn it is', async () => {
  const turnstile = new Turnstile(1);
  const inside: string[] = [];
  await turnstile.enter();
  void turnstile.enter().then(() => inside.push('who waited'));
  turnstile.leave();
  void turnstile.enter().then(() => inside.push('who came later'));
  await settled();
  expect(inside).toEqual(['who waited']);
  turnstile.leave();
  await settled();
  expect(inside).toEqual(['who waited', 'who came later']);
  turnstile.leave();
  await turnstile.enter();
});
