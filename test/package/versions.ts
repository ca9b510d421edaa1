import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectFolder } from './imports.js';

/** The oldest versions that package.json allows. None has a published advisory against it. */
export const FLOORS: Readonly<Record<string, string>> = {
  'socket.io': '4.8.4',
  'socket.io-adapter': '2.5.7',
  'engine.io': '6.6.9',
  'socket.io-parser': '4.2.6',
  ws: '8.21.3',
};

export function atLeast(version: string, floor: string): boolean {
  const [ours, wanted] = [version, floor].map((text) => text.split('.').map(Number));
  for (const [index, part] of (wanted ?? []).entries()) {
    const difference = (ours?.[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** The oldest version of a range such as `~8.21.3 || ~8.23.0`, whose parts begin with `~` or `^`. */
export function oldestIn(range: string): string {
  const floors = range.split(' || ').map((part) => part.slice(1));
  return floors.find((floor) => floors.every((other) => atLeast(other, floor))) ?? '';
}

export function paper(name: string): Promise<string> {
  return readFile(join(projectFolder, name), 'utf8');
}

/** The versions that package.json allows, by the name of the package. */
export async function allRanges(): Promise<Readonly<Record<string, string>>> {
  const manifest = JSON.parse(await paper('package.json')) as Record<string, Record<string, string>>;
  return { ...manifest.peerDependencies, ...manifest.dependencies };
}
