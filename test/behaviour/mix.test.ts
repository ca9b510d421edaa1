// npm test: node, bun
// npm run test:matrix: node, bun, node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import * as fc from 'fast-check';
import { beforeAll, describe, it } from 'vitest';
import { SETTING } from '../support/setting.js';
import { type Plan, plans } from './mix/plan.js';
import { perform, type Theatre } from './mix/play.js';
import { open, type Stage } from './mix/theatre.js';

/**
 * A random mix of every kind of message, to clients of every transport, compared with a model of Socket.IO's
 * guarantees. A failure prints its seed and path; CONTRIBUTING.md explains how to play it again.
 */
const { ROOMGATE_TEST_SEED: SEED, ROOMGATE_TEST_PATH: PATH, ROOMGATE_TEST_RUNS: RUNS } = process.env;

/** The part of the plans that `npm test` plays. */
const SHORT = 1 / 3;
/** On a busy machine fewer plans are played, unless their number is set. */
const ENOUGH_MS = 15_000;
/** A failing plan can use up its timeout at each step. */
const SHRINK_MS = 20_000;

const STAGES: readonly (readonly [string, number, Stage])[] = [
  ['Roomgate', 150, { what: 'Roomgate', tls: false, instances: 1 }],
  ['Roomgate over TLS', 50, { what: 'Roomgate', tls: true, instances: 1 }],
  ['plain Socket.IO, which proves the model', 60, { what: 'plain Socket.IO', tls: false, instances: 1 }],
];
/** Only with Redis can two instances form a cluster. */
const PAIRS: typeof STAGES = [
  ['two instances of Roomgate', 60, { what: 'Roomgate', tls: false, instances: 2 }],
  ['two instances of plain Socket.IO', 30, { what: 'plain Socket.IO', tls: false, instances: 2 }],
];

describe.each(SETTING.redis ? [...STAGES, ...PAIRS] : STAGES)('%s', (name, runs, stage) => {
  let theatre: Theatre;

  beforeAll(async () => {
    theatre = await open(stage);
  });

  it('each client receives every message that is meant for it, in order and once', { timeout: 600_000 }, async () => {
    const end = RUNS === undefined && SEED === undefined ? performance.now() + ENOUGH_MS : Number.POSITIVE_INFINITY;
    let failedAt: number | undefined;
    const property = fc.asyncProperty(plans(stage.instances), async (plan: Plan) => {
      // From here on every smaller plan passes, so that shrinking ends with the plan it has.
      if (failedAt !== undefined && performance.now() - failedAt > SHRINK_MS) return;
      if (failedAt === undefined && performance.now() > end) return;
      await perform(theatre, plan).catch((error: unknown) => {
        failedAt ??= performance.now();
        throw error;
      });
    });
    const details = await fc.check(property, {
      numRuns: RUNS === undefined ? Math.ceil(SETTING.long ? runs : SHORT * runs) : Number(RUNS),
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
      ...(PATH === undefined ? {} : { path: PATH, endOnFailure: true }),
    });
    if (!details.failed) return;
    const again = `ROOMGATE_TEST_SEED=${details.seed} ROOMGATE_TEST_PATH=${details.counterexamplePath}`;
    const reason = details.errorInstance instanceof Error ? details.errorInstance.message : details.errorInstance;
    const plan = JSON.stringify(details.counterexample?.[0]);
    throw new Error(`after ${details.numRuns} plans, ${again} plays this again for "${name}":\n${plan}\n${reason}`);
  });
});
