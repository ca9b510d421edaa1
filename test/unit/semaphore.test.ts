// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { Semaphore } from '../../src/common/semaphore.js';

/** Resolves after all pending promise callbacks have run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('a semaphore admits the given number at a time, and the others in order of arrival', async () => {
  const semaphore = new Semaphore(2);
  const inside: number[] = [];
  for (let n = 0; n < 5; n++) void semaphore.acquire().then(() => inside.push(n));
  await settled();
  expect(inside).toEqual([0, 1]);
  semaphore.release();
  await settled();
  expect(inside).toEqual([0, 1, 2]);
  semaphore.release();
  semaphore.release();
  await settled();
  expect(inside).toEqual([0, 1, 2, 3, 4]);
});

it('a semaphore gives a free place to the waiting caller, not to a later one', async () => {
  const semaphore = new Semaphore(1);
  const inside: string[] = [];
  await semaphore.acquire();
  void semaphore.acquire().then(() => inside.push('waited'));
  semaphore.release();
  void semaphore.acquire().then(() => inside.push('arrived later'));
  await settled();
  expect(inside).toEqual(['waited']);
  semaphore.release();
  await settled();
  expect(inside).toEqual(['waited', 'arrived later']);
  semaphore.release();
  await semaphore.acquire();
});
