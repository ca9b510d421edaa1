import { execFileSync } from 'node:child_process';
import { it } from 'vitest';
import { bunPath } from './bun.js';

/** The runtime of the test's server, the backplane of its instances, and whether long tests run: see places.ts. */
export const SETTING = {
  runtime: process.env.ROOMGATE_TEST_RUNTIME === 'bun' ? 'bun' : 'node',
  redis: process.env.ROOMGATE_TEST_BACKPLANE === 'redis',
  /** In `npm run test:matrix`, random tests try more values than in `npm test`. */
  long: process.env.ROOMGATE_TEST_LONG === 'yes',
} as const;

/** The executable for the tests' programs, with its options. */
export function runnerOf(runtime: 'node' | 'bun' = SETTING.runtime): { node: string; execArgv: string[] } {
  return runtime === 'bun' ? { node: bunPath(), execArgv: [] } : { node: process.execPath, execArgv: ['--expose-gc'] };
}

/**
 * A test that fails on Bun or its engine, with the upstream issue. It fails once it passes there: then update
 * docs/bun.md. `fixedIn`: the oldest Bun that passes, as `[major, minor]`.
 */
export function itExceptOnBun(_issue: string, fixedIn?: readonly [number, number]): typeof it | typeof it.fails {
  return SETTING.runtime === 'bun' && (fixedIn === undefined || isOlder(fixedIn)) ? it.fails : it;
}

let version: readonly number[] | undefined;

/** Whether programs run on a Bun that is older than `[major, minor]`. */
export function isOnBunBefore(limit: readonly [number, number]): boolean {
  return SETTING.runtime === 'bun' && isOlder(limit);
}

function isOlder([major, minor]: readonly [number, number]): boolean {
  version ??= execFileSync(bunPath(), ['--version'], { encoding: 'utf8' }).split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = version;
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
