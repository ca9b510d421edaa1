// npm run test:matrix: node
import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { defer } from '../support/cleanup.js';
import { PROJECT } from '../support/document.js';
import { temporaryFolder } from '../support/folder.js';

const run = promisify(execFile);
/** The first run installs the tools that generate the reference. */
const FIRST_TIME_MS = 180_000;

async function filesOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(folder)).sort();
  const files = names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(files));
}

it(
  'the API reference matches the sources: otherwise run `npm run api`',
  async () => {
    const folder = await temporaryFolder('api');
    defer(() => rm(folder, { recursive: true, force: true }));
    await run(process.execPath, [join(PROJECT, 'scripts/api-reference.mjs'), folder]);
    expect(await filesOf(join(PROJECT, 'docs/api'))).toEqual(await filesOf(folder));
  },
  FIRST_TIME_MS,
);
