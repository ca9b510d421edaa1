import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Exit, spawnTethered } from './children.js';
import { type Stoppable, track } from './cleanup.js';
import { codeBlocksOf } from './document.js';
import { eventually, within } from './facts.js';
import { temporaryFolder } from './folder.js';

export type Balancer = 'nginx' | 'haproxy';

/**
 * If this process is killed, the kernel ends its child processes. The balancer gets SIGTERM, because nginx leaves its
 * workers behind after SIGKILL.
 */
const GENTLY = existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'TERM'] : [];

const CONFIGS: Readonly<Record<Balancer, string>> = { nginx: 'nginx.conf', haproxy: 'haproxy.cfg' };

export interface BalancerOptions {
  readonly program: Balancer;
  /** The complete configuration. */
  readonly config: string;
  /** The port that the configuration listens on. */
  readonly port: number;
}

/** A real nginx or HAProxy, in the foreground, with its own folder. */
export interface RunningBalancer extends Stoppable {
  readonly port: number;
  /** The output so far. */
  readonly output: string;
  readonly exited: Promise<Exit>;
  /** Runs nginx's `-s reload`: starts new workers with the same configuration while the old ones end. */
  reload(): void;
}

/** The configuration in a document, under this balancer's usual file name. */
export async function configIn(document: string, program: Balancer): Promise<string> {
  const block = (await codeBlocksOf(document)).find(({ name }) => name === CONFIGS[program]);
  if (block === undefined) throw new Error(`${document} does not show ${CONFIGS[program]}`);
  return block.code;
}

/** Replaces everything in one pass, so that no replacement changes another's result. Throws if one matches nothing. */
export function replaced(text: string, replacements: Readonly<Record<string, string | number>>): string {
  const wanted = Object.keys(replacements);
  const missing = wanted.filter((from) => !text.includes(from));
  if (missing.length > 0) throw new Error(`the text does not contain ${missing.join(', ')}`);
  if (wanted.length === 0) return text;
  const pattern = new RegExp(wanted.map((from) => from.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'g');
  return text.replace(pattern, (from) => `${replacements[from]}`);
}

/**
 * Starts a balancer; resolves once it accepts connections. Stops with the test, or with the file if called outside of
 * a test.
 */
export async function startBalancer({ program, config, port }: BalancerOptions): Promise<RunningBalancer> {
  const folder = await temporaryFolder(program);
  const file = join(folder, CONFIGS[program]);
  await writeFile(file, config);
  const args = program === 'nginx' ? ['-p', folder, '-c', CONFIGS.nginx, '-g', 'daemon off;'] : ['-f', file];
  // Debian installs both in folders that only root's PATH contains.
  const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin', '/usr/local/sbin'].join(delimiter) };
  const [command = program, ...rest] = [...GENTLY, program, ...args];
  // In its own process group, so that nginx's workers end with it.
  const { child, exited } = spawnTethered(command, rest, { cwd: folder, env, detached: true });
  const endGroup = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // Every process of the group has ended.
    }
  };
  const onExit = (): void => endGroup('SIGKILL');
  process.on('exit', onExit);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  let gone = false;
  void exited.then(() => {
    gone = true;
  });
  const running = track<RunningBalancer>({
    port,
    get output() {
      return output;
    },
    exited,
    reload: () => {
      child.kill('SIGHUP');
    },
    stop: async () => {
      child.kill('SIGTERM');
      await within(exited, `${program} ended`).catch(() => undefined);
      endGroup('SIGKILL');
      process.off('exit', onExit);
      await rm(folder, { recursive: true, force: true });
    },
  });
  await eventually(async () => gone || (await takesConnections(port)), {
    what: `a listening ${program}`,
    timeout: 15_000,
  });
  if (gone) throw new Error(`${program} did not start: ${output}`);
  return running;
}

async function takesConnections(port: number): Promise<boolean> {
  const probe = connect(port, '127.0.0.1');
  try {
    await once(probe, 'connect');
    return true;
  } finally {
    probe.destroy();
  }
}
