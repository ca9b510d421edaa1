// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { Semaphore } from '../../src/common/semaphore.js';

/** Resolves after all pending promise callbacks have run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('a turnstile admits the given number at a time, and the rest in order of arrival', async () => {
  const turnstile = new Semaphore(2);
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

it('a turnstile gives a free place to the caller that waits, not to one that arrives later', async () => {
  const turnstile = new Semaphore(1);
  const inside: string[] = [];
  await turnstile.enter();
  void turnstile.enter().then(() => inside.push('waited'));
  turnstile.leave();
  void turnstile.enter().then(() => inside.push('arrived later'));
  await settled();
  expect(inside).toEqual(['waited']);
  turnstile.leave();
  await settled();
  expect(inside).toEqual(['waited', 'arrived later']);
  turnstile.leave();
  await turnstile.enter();
});
