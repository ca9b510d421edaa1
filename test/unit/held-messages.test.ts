// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { HeldMessages } from '../../src/socketio/held-messages.js';

const SOME = ['a', '', 'much longer', 'ü€😀', Buffer.from([1, 2]), 'x'.repeat(5_000), Buffer.alloc(0)];

function shiftAll(held: HeldMessages): (string | Buffer)[] {
  const all: (string | Buffer)[] = [];
  while (held.total > 0) {
    const { nextSize } = held;
    const message = held.shift();
    expect(message.length).toBe(nextSize);
    all.push(message);
  }
  return all;
}

describe('held messages', () => {
  it('come out in their order, whatever they are', () => {
    const held = new HeldMessages();
    const all = Array.from({ length: 2_000 }, (_, n) => SOME[(n * n) % SOME.length] ?? '');
    for (const message of all) held.push(message);
    expect(held.total).toBe(2_000);
    expect(held.bytes).toBe(all.reduce((sum, { length }) => sum + length, 0));
    expect(shiftAll(held)).toEqual(all);
    expect([held.total, held.bytes]).toEqual([0, 0]);
  });

  it.each([1, 3, 255, 256, 257, 600])('may be added while others are taken: %d at a time', (step) => {
    const held = new HeldMessages();
    const taken: unknown[] = [];
    for (let n = 0; n < 3_000; n++) {
      held.push(`message ${n}`);
      if (n % step === 0) for (let left = step - 1; left > 0 && held.total > 1; left--) taken.push(held.shift());
    }
    taken.push(...shiftAll(held));
    expect(taken).toEqual(Array.from({ length: 3_000 }, (_, n) => `message ${n}`));
  });
});
