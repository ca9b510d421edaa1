import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/** Where its install script was not run, `bun` keeps a note in the place of the program. */
const LARGER_THAN_A_NOTE = 1_000_000;

/** The Bun that `npm install` brought; undefined where it brought none. */
export function installedBun() {
  const modules = join(root, 'node_modules');
  const own = platformPackages(join(modules, '@oven'));
  return [join(modules, 'bun', 'bin', 'bun.exe'), ...own].find(isProgram);
}

/** Where the program itself comes from; `bun` copies it. */
function platformPackages(folder) {
  try {
    return readdirSync(folder).flatMap((name) => ['bun', 'bun.exe'].map((file) => join(folder, name, 'bin', file)));
  } catch {
    return [];
  }
}

function isProgram(path) {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGER_THAN_A_NOTE;
}
