import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Stoppable, track } from '../support/cleanup.js';
import { temporaryFolder } from '../support/folder.js';
import { hashOf, madeOnce } from '../support/made-once.js';
import { packed } from '../support/packed.js';
import { projectFolder } from './imports.js';

const run = promisify(execFile);
const LOCK = 'package-lock.json';
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];

/** The packages that a project with Redis installs. */
export const REDIS_PACKAGES = ['ioredis', '@socket.io/redis-adapter', '@socket.io/redis-emitter'];

/** A project of a user in a separate folder. The packed package is installed as from a registry. */
export interface ConsumerProject extends Stoppable {
  readonly folder: string;
  /** Writes a file and returns its path. */
  write(path: string, text: string): Promise<string>;
  /** Installed packages: path under the folder, and version. */
  installed(): Promise<ReadonlyMap<string, string>>;
  /** Acts while some of the installed packages are not there. */
  without<T>(packages: readonly string[], act: () => Promise<T>): Promise<T>;
}

/** `redis`: with the packages for Redis, in the versions of this project. */
export async function createConsumer({ redis = false } = {}): Promise<ConsumerProject> {
  const home = await installedHome(redis ? await redisPackages() : []);
  const consumer = track(new Consumer(await temporaryFolder('consumer')));
  await cp(home, consumer.folder, { recursive: true, verbatimSymlinks: true });
  return consumer;
}

/** An installed project, made once for all tests and only read: the folder that `createConsumer` copies. */
async function installedHome(packages: readonly string[]): Promise<string> {
  const { tarball, hash } = await packed();
  const home = join(projectFolder, '.cache', `consumer-${await hashOf(projectFolder, [], [hash, ...packages])}`);
  await madeOnce(home, async (fresh) => {
    await writeFile(join(fresh, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    await run('npm', ['install', ...FLAGS, tarball, ...packages], { cwd: fresh });
  });
  return home;
}

async function redisPackages(): Promise<readonly string[]> {
  const { devDependencies } = JSON.parse(await readFile(join(projectFolder, 'package.json'), 'utf8')) as {
    devDependencies: Readonly<Record<string, string>>;
  };
  return REDIS_PACKAGES.map((name) => `${name}@${devDependencies[name]}`);
}

/** Programs of other projects that tests run, such as Jest: the packages of a folder of `test/fixtures`, installed once. */
export async function installedFixture(name: string): Promise<string> {
  const fixture = join(projectFolder, 'test', 'fixtures', name);
  const home = join(projectFolder, '.cache', `${name}-${await hashOf(fixture, ['package.json', LOCK])}`);
  await madeOnce(home, async (fresh) => {
    await cp(fixture, fresh, { recursive: true });
    await run('npm', ['ci', ...FLAGS], { cwd: fresh });
  });
  return join(home, 'node_modules');
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
    const lock = JSON.parse(await readFile(join(this.folder, LOCK), 'utf8')) as {
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
