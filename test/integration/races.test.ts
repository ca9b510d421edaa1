// npm test: node
// npm run test:matrix: newest-node
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { play } from '../support/races/replay.js';

const { ROOMGATE_RACES_SEED, ROOMGATE_RACES_RUNS } = process.env;
/** One seed is played alone, unless a number of runs is given too. */
const RUNS = Number(ROOMGATE_RACES_RUNS ?? (ROOMGATE_RACES_SEED === undefined ? 150 : 1));
const FIRST_SEED = Number(ROOMGATE_RACES_SEED ?? 1);
const LONG_MS = 30 * 60_000;

beforeAll(() => {
  vi.useFakeTimers({
    now: 1_800_000_000_000,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
});
afterAll(() => {
  vi.useRealTimers();
});

describe('no client is in a room, or hears a message, that the last verdict denies', () => {
  it(`in ${RUNS} random orders of events from seed ${FIRST_SEED}`, { timeout: LONG_MS }, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) await play(seed);
  });
});
