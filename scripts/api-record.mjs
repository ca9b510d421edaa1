import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { root } from './run.mjs';

/** In the reference's folder: the hashes of its inputs and of its pages. */
export const RECORD = 'made-from.json';

const ENTRIES = ['index.d.ts', 'client/index.d.ts'];
/** The generator and its options. The lock file has the versions of its tools. */
const GENERATOR = [
  ...['scripts/api-reference.mjs', 'scripts/api-record.mjs', 'scripts/api-reference/package-lock.json'],
  'tsconfig.json',
];

/**
 * Hashes of all inputs of the reference in `folder`, so that a test knows in milliseconds whether it is out of date:
 * the latest built declarations of both entries, with their comments; the generator; and the pages.
 */
export async function recordOf(folder) {
  const pages = (await readdir(folder)).filter((name) => name.endsWith('.md'));
  return {
    declarations: await hashOf(join(root, 'dist'), await declarations(), plainDeclaration),
    generator: await hashOf(root, GENERATOR),
    pages: await hashOf(folder, pages),
  };
}

/** The declarations of the entries, and all files that these import. */
async function declarations() {
  const found = new Set(ENTRIES);
  // Iterating over a set includes entries added meanwhile.
  for (const name of found) {
    const text = await readFile(join(root, 'dist', name), 'utf8');
    for (const [, target] of text.matchAll(/(?:\bfrom|\bimport\(?)\s*['"](\.[^'"]*)\.js['"]/g)) {
      found.add(`${posix.join(posix.dirname(name), target)}.d.ts`);
    }
  }
  return [...found];
}

/** Removes the differences between compilers: white space outside of comments, and the indentation of comments. */
export function plainDeclaration(text) {
  const parts = text.split(/(\/\*\*.*?\*\/)/s);
  const isComment = (index) => index % 2 === 1;
  return parts
    .map((part, index) => (isComment(index) ? part.replace(/\n\s+/g, '\n') : part.replace(/\s+/g, ' ')))
    .join('');
}

async function hashOf(folder, names, plain = (text) => text) {
  const hash = createHash('sha256');
  for (const name of [...names].sort()) {
    const text = plain((await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n'));
    hash.update(`${name}\n${text.length}\n${text}`);
  }
  return hash.digest('hex');
}
