import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

/** Where its install script was not run, `bun` keeps a note in the place of the program. */
const LARGER_THAN_A_NOTE = 1_000_000;

/** Path of the Bun that `npm install` brought; `undefined` where it brought none. */
export function installedBun() {
  return [join(MODULES, 'bun', 'bin', 'bun.exe'), ...platformPackages()].find(isProgram);
}

/** From these `bun` takes its program when it is installed. */
function platformPackages() {
  const packages = join(MODULES, '@oven');
  try {
    return readdirSync(packages).flatMap((name) => ['bun', 'bun.exe'].map((file) => join(packages, name, 'bin', file)));
  } catch {
    return [];
  }
}

function isProgram(path) {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGER_THAN_A_NOTE;
}
