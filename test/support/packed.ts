import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hashOf, madeOnce } from './made-once.js';

const run = promisify(execFile);
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
/** Files in the project's folder that npm packs, or that decide what it packs. */
const AROUND = /^(?:package\.json|\.npm\w+|LICENSE.*|.*\.md)$/;
const LIST = 'packed.json';

/** The package as npm would publish it. */
export interface Packed {
  readonly tarball: string;
  /** Paths in the tarball. */
  readonly files: readonly string[];
  /** Changes with the content of the tarball. */
  readonly hash: string;
}

let asked: Promise<Packed> | undefined;

/** The latest build of the package, packed once for all tests. */
export function packed(): Promise<Packed> {
  asked ??= pack();
  return asked;
}

async function pack(): Promise<Packed> {
  const around = (await filesIn('.')).filter((name) => AROUND.test(name));
  const hash = await hashOf(PROJECT, [...around, ...(await filesIn('dist', { recursive: true }))]);
  const folder = join(PROJECT, '.cache', `packed-${hash}`);
  await madeOnce(folder, async (fresh) => {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', fresh];
    const { stdout } = await run('npm', args, { cwd: PROJECT });
    await writeFile(join(fresh, LIST), stdout);
  });
  const [list] = JSON.parse(await readFile(join(folder, LIST), 'utf8')) as {
    filename: string;
    files: { path: string }[];
  }[];
  if (list === undefined) throw new Error('npm packed nothing');
  const { filename, files } = list;
  return { hash, tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

async function filesIn(folder: string, options: { recursive?: boolean } = {}): Promise<readonly string[]> {
  const entries = await readdir(join(PROJECT, folder), { ...options, withFileTypes: true });
  return entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name).slice(PROJECT.length));
}
