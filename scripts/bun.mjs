import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

/** If its install script did not run, `bun` has a small placeholder instead of the program. */
const LARGER_THAN_A_NOTE = 1_000_000;

/** Path of the Bun that `npm install` installed; `undefined` without one. */
export function installedBun() {
  return [join(MODULES, 'bun', 'bin', 'bun.exe'), ...platformPackages()].find(isProgram);
}

/** The packages from which `bun` copies its program during installation. */
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
