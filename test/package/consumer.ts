import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type IStoppable, track } from '../support/cleanup.js';
import { temporaryFolder } from '../support/folder.js';
import { projectFolder } from './imports.js';

const run = promisify(execFile);

/** A project of somebody else, in a folder of its own, in which the packed package is installed as from a registry. */
export interface IConsumer extends IStoppable {
  readonly folder: string;
  /** The packed package. */
  readonly tarball: string;
  /** Paths in the tarball. */
  readonly files: readonly string[];
  /** Writes a file and returns its path. */
  write(path: string, text: string): Promise<string>;
  /** Installed packages: path under the folder, and version. */
  installed(): Promise<ReadonlyMap<string, string>>;
  /** The same project without some of the installed packages. */
  without(packages: readonly string[]): Promise<IConsumer>;
}

/** Builds, packs and installs. Takes seconds: once for a file. */
export async function createConsumer(): Promise<IConsumer> {
  const folder = await temporaryFolder('consumer');
  const consumer = track(new Consumer(folder, '', []));
  await run(process.execPath, ['scripts/build.mjs'], { cwd: projectFolder });
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: projectFolder });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  consumer.tarball = join(folder, packed?.filename ?? '');
  consumer.files = packed?.files.map(({ path }) => path) ?? [];
  await consumer.write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', consumer.tarball];
  await run('npm', install, { cwd: folder });
  return consumer;
}

class Consumer implements IConsumer {
  constructor(
    readonly folder: string,
    public tarball: string,
    public files: readonly string[],
  ) {}

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

  async without(packages: readonly string[]): Promise<IConsumer> {
    const folder = await temporaryFolder('consumer');
    const copy = track(new Consumer(folder, this.tarball, this.files));
    await cp(this.folder, folder, { recursive: true });
    for (const name of packages) await rm(join(folder, 'node_modules', name), { recursive: true });
    return copy;
  }

  async stop(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
