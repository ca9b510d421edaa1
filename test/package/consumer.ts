import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Stoppable, track } from '../support/cleanup.js';
import { temporaryFolder } from '../support/folder.js';
import { packed } from '../support/packed.js';

const run = promisify(execFile);

/** A project of somebody else, in a folder of its own, in which the packed package is installed as from a registry. */
export interface ConsumerProject extends Stoppable {
  readonly folder: string;
  /** Writes a file and returns its path. */
  write(path: string, text: string): Promise<string>;
  /** Installed packages: path under the folder, and version. */
  installed(): Promise<ReadonlyMap<string, string>>;
  /** Acts while some of the installed packages are not there. */
  without<T>(packages: readonly string[], act: () => Promise<T>): Promise<T>;
}

/** Installs the package. Takes seconds: once for a file. */
export async function createConsumer(): Promise<ConsumerProject> {
  const { tarball } = await packed();
  const consumer = track(new Consumer(await temporaryFolder('consumer')));
  await consumer.write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', tarball];
  await run('npm', install, { cwd: consumer.folder });
  return consumer;
}

class Consumer implements ConsumerProject {
  constructor(readonly folder: string) {}

  async write(path: string, text: string): Promise<string> {
    const target = join(this.folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
    return target;
  }

  async installed(): Promise<ReadonlyMap<string, string>> {
    const lock = JSON.parse(await readFile(join(this.folder, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version?: string }>;
    };
    return new Map(Object.entries(lock.packages).map(([path, { version }]) => [path, version ?? '']));
  }

  async without<T>(packages: readonly string[], act: () => Promise<T>): Promise<T> {
    const away = join(this.folder, 'away');
    const moved = packages.map((name) => [join(this.folder, 'node_modules', name), join(away, name)] as const);
    for (const [from, to] of moved) {
      await mkdir(dirname(to), { recursive: true });
      await rename(from, to);
    }
    try {
      return await act();
    } finally {
      for (const [from, to] of moved) await rename(to, from);
    }
  }

  async stop(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
