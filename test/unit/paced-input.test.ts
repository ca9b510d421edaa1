// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js';
import { PacedInput, type PacedSource } from '../../src/socketio/paced-input.js';
import { Pacing } from '../../src/socketio/pacing.js';
import { eventually } from '../support/facts.js';

/** Notes what an input does to its connection. */
function sourceOf(notes: string[]): PacedSource {
  return {
    isOpen: true,
    unread: 0,
    beingWritten: 0,
    pass: (bytes) => notes.push(`pass ${bytes.length}`) > 0,
    passEnd: () => notes.push('end'),
    pause: () => notes.push('pause'),
    resume: () => notes.push('resume'),
    keepAlive: () => notes.push('keep alive'),
    tooFast: () => notes.push('too fast'),
  };
}

it('keeps a connection alive that is read again only much later', () => {
  const notes: string[] = [];
  const pacing = new Pacing(DEFAULT_LIMITS);
  const input = new PacedInput(pacing, sourceOf(notes), 0);
  input.delay(60_000);
  input.write(Buffer.from([0x81, 0x80, 1, 2, 3, 4]));
  // The next time to keep it alive comes long before the ping timeout.
  expect(input.slice()).toBeLessThanOrEqual(1_000);
  expect(notes).toEqual(['pause', 'keep alive']);
  pacing.turns.clear();
});

it('passes nothing while its peer has much to read, and keeps it alive as long as it reads', () => {
  const notes: string[] = [];
  const pacing = new Pacing(DEFAULT_LIMITS);
  const source = { ...sourceOf(notes), unread: 300_000 };
  const input = new PacedInput(pacing, source, 0);
  input.write(Buffer.concat(Array.from({ length: 20 }, () => Buffer.from([0x81, 0x80, 1, 2, 3, 4]))));
  const steps = [
    { unread: 300_000 },
    { unread: 300_000 },
    { unread: 290_000 },
    { unread: 290_000 },
    { unread: 295_000 },
    // One large message, of which the system takes a part at a time.
    { unread: 995_000, beingWritten: 700_000 },
    { beingWritten: 700_000 },
    { beingWritten: 600_000 },
    { beingWritten: 600_000 },
  ];
  const looks = steps.map((step) => {
    Object.assign(source, step);
    expect(input.slice()).toBeGreaterThan(0);
    return notes.splice(0);
  });
  expect(looks).toEqual([['pause'], [], ['keep alive'], [], [], [], [], ['keep alive'], []]);
  source.unread = 0;
  expect(input.slice()).toBe(0);
  expect(input.slice()).toBe(-1);
  expect(notes).toEqual(['pass 96', 'pass 24', 'resume']);
});

it('passes the rest of a connection that ends, however much its peer has not read', () => {
  const notes: string[] = [];
  const pacing = new Pacing(DEFAULT_LIMITS);
  const source = { ...sourceOf(notes), unread: 300_000, isOpen: false };
  const input = new PacedInput(pacing, source, 0);
  input.write(Buffer.concat(Array.from({ length: 20 }, () => Buffer.from([0x81, 0x80, 1, 2, 3, 4]))));
  input.end();
  while (input.slice() >= 0);
  expect(notes).toEqual(['pause', 'pass 96', 'pass 24', 'end']);
  pacing.turns.clear();
});

it('passes nothing after it was dropped', () => {
  const notes: string[] = [];
  const pacing = new Pacing(DEFAULT_LIMITS);
  const input = new PacedInput(pacing, sourceOf(notes), 0);
  input.write(Buffer.concat(Array.from({ length: 100 }, () => Buffer.from([0x81, 0x80, 1, 2, 3, 4]))));
  input.drop();
  expect(input.slice()).toBe(-1);
  input.end();
  expect(notes.filter((note) => note.startsWith('pass'))).toEqual([]);
  expect(notes.at(-1)).toBe('end');
});

it('passes each byte once and in its order, also of chunks that come meanwhile, and then reads on', async () => {
  const notes: string[] = [];
  const passed: Buffer[] = [];
  const pacing = new Pacing(DEFAULT_LIMITS);
  const pass = (bytes: Buffer): boolean => passed.push(Buffer.from(bytes)) > 0;
  const input = new PacedInput(pacing, { ...sourceOf(notes), pass }, 0);
  const bytes = Buffer.concat(Array.from({ length: 100 }, (_, n) => Buffer.from([0x81, 0x81, 1, 2, 3, 4, n])));
  // The chunks end within frames, and the second one comes after a slice.
  input.write(bytes.subarray(0, 303));
  input.slice();
  input.write(bytes.subarray(303, 307));
  input.write(bytes.subarray(307));
  await eventually(() => !pacing.turns.has(input));
  expect(Buffer.concat(passed)).toEqual(bytes);
  expect(passed.length).toBeGreaterThan(6);
  expect(notes).toEqual(['pause', 'resume']);
  expect(input.isIdle).toBe(true);
});
