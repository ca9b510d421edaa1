// npm test: node
// npm run test:matrix: newest-node
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { Play } from '../support/races/play.js';

const { ROOMGATE_RACES_SEED, ROOMGATE_RACES_RUNS } = process.env;
const RUNS = Number(ROOMGATE_RACES_RUNS ?? 300);
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
  it(`in ${ROOMGATE_RACES_SEED === undefined ? RUNS : 1} random orders of events`, { timeout: LONG_MS }, async () => {
    const last = ROOMGATE_RACES_SEED === undefined ? FIRST_SEED + RUNS : FIRST_SEED + 1;
    for (let seed = FIRST_SEED; seed < last; seed++) await play(seed);
  });
});

/** A failure names its seed and its steps. */
async function play(seed: number): Promise<void> {
  const one = new Play(seed);
  try {
    await one.run();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`ROOMGATE_RACES_SEED=${seed}: ${text}\n${one.steps.join('\n')}`, { cause: error });
  }
}
