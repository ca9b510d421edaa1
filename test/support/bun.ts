import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
/** Where its install script was not run, `bun` keeps a note in the place of the program. */
const LARGER_THAN_A_NOTE = 1_000_000;

/** The Bun that runs programs of the tests: `ROOMGATE_TEST_BUN`, or the one that npm brought. */
export function bunPath(): string {
  const { ROOMGATE_TEST_BUN } = process.env;
  if (ROOMGATE_TEST_BUN !== undefined) return ROOMGATE_TEST_BUN;
  const found = [join(MODULES, 'bun', 'bin', 'bun.exe'), ...platformPackages()].find(isProgram);
  if (found === undefined) throw new Error('there is no Bun in node_modules: run npm install');
  return found;
}

function platformPackages(): string[] {
  try {
    return readdirSync(join(MODULES, '@oven')).map((name) => join(MODULES, '@oven', name, 'bin', 'bun'));
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGER_THAN_A_NOTE;
}
