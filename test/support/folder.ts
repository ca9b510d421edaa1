import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const standing = new Set<string>();

process.on('exit', () => {
  for (const folder of standing) rmSync(folder, { recursive: true, force: true });
});

/** A new, empty folder; removed at the latest when this process ends. */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `roomgate-${name}-`));
  standing.add(folder);
  return folder;
}
