import { vi } from 'vitest';
import { Play } from './play.js';

/** The wall clock when a play begins. */
const BEGIN = 1_800_000_000_000;

interface Failure {
  readonly text: string;
  readonly steps: string;
  /** How many steps there were. */
  readonly count: number;
}

/** Plays one seed. Throws with the seed and the fewest steps that still fail. */
export async function play(seed: number): Promise<void> {
  const failure = await failureOf(seed, new Set());
  if (failure === undefined) return;
  const { text, steps } = await shrunk(seed, failure);
  throw new Error(`ROOMGATE_RACES_SEED=${seed}: ${failure.text}\nThe fewest steps that fail: ${text}\n${steps}`);
}

async function failureOf(seed: number, leftOut: ReadonlySet<number>): Promise<Failure | undefined> {
  vi.setSystemTime(BEGIN);
  const one = new Play(seed, leftOut);
  try {
    await one.run();
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { text, steps: one.steps, count: one.count };
  }
}

/** Leaves out ever smaller parts of the steps, as long as it still fails. */
async function shrunk(seed: number, failure: Failure): Promise<Failure> {
  let least = { failure, leftOut: new Set<number>() as ReadonlySet<number> };
  for (let size = Math.ceil(failure.count / 2); size > 1; size = Math.ceil(size / 2)) {
    least = await withoutParts(seed, size, least);
  }
  // A step may be of no use once another one is left out.
  for (let before = -1; before < least.leftOut.size; ) {
    before = least.leftOut.size;
    least = await withoutParts(seed, 1, least);
  }
  return least.failure;
}

interface Shrunk {
  readonly failure: Failure;
  readonly leftOut: ReadonlySet<number>;
}

async function withoutParts(seed: number, size: number, given: Shrunk): Promise<Shrunk> {
  let least = given;
  for (let from = given.failure.count; from >= 1; from -= size) {
    const part = Array.from({ length: size }, (_, at) => from - at);
    const leftOut = new Set([...least.leftOut, ...part]);
    if (leftOut.size === least.leftOut.size) continue;
    const failure = await failureOf(seed, leftOut);
    if (failure !== undefined) least = { failure, leftOut };
  }
  return least;
}
