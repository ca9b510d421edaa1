import { it } from 'vitest';
import { bunPath } from './bun.js';

/** Where the server of a test runs, and how its instances act as one: vitest.config.ts runs the suites in each. */
export const SETTING = {
  runtime: process.env.ROOMGATE_TEST_RUNTIME === 'bun' ? 'bun' : 'node',
  redis: process.env.ROOMGATE_TEST_BACKPLANE === 'redis',
} as const;

/** What runs a program of the tests, with its options. */
export function runnerOf(runtime: 'node' | 'bun' = SETTING.runtime): { node: string; execArgv: string[] } {
  return runtime === 'bun' ? { node: bunPath(), execArgv: [] } : { node: process.execPath, execArgv: ['--expose-gc'] };
}

/** A test that Bun or its engine can't pass, by the issue over there; when it passes, this fails, and docs/bun.md is to change. */
export function itExceptOnBun(_issue: string): typeof it | typeof it.fails {
  return SETTING.runtime === 'bun' ? it.fails : it;
}
