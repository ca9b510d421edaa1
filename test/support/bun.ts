import { installedBun } from '../../scripts/bun.mjs';

/** The Bun that runs the tests' programs: `ROOMGATE_TEST_BUN`, or the one that npm installed. */
export function bunPath(): string {
  const found = process.env.ROOMGATE_TEST_BUN ?? installedBun();
  if (found === undefined) throw new Error('there is no Bun in node_modules: run npm install');
  return found;
}
