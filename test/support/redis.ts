import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Exit, spawnTethered } from './children.js';
import { type Stoppable, track } from './cleanup.js';
import { eventually, unusedPort } from './facts.js';
import { temporaryFolder } from './folder.js';
import { askRedis } from './resp.js';

const HOST = '127.0.0.1';
const START_TRIES = 5;

export interface RedisServerOptions {
  /** The password that clients need from the start. */
  password?: string;
  /** A free port by default. */
  port?: number;
  /** One node in cluster mode that has all slots. {@link startRedisCluster} starts three. */
  cluster?: boolean;
  /** With `cluster`: the node has no slots, so that it can become a replica. */
  empty?: boolean;
  /** Runs it as a Sentinel that watches the master at this port under this name. */
  sentinel?: { name: string; port: number };
  /** More arguments of redis-server, such as `['--maxclients', '5']`. */
  args?: readonly string[];
}

/** A real redis-server for this test, without persistence: a restart deletes all data. */
export interface RedisServer extends Stoppable {
  readonly host: string;
  readonly port: number;
  /** `redis://…` with the initial password. */
  readonly url: string;
  readonly pid: number;
  /** The port of a cluster node for the other nodes. */
  readonly busPort: number;
  /** Sends a command, with the current password. Rejects if Redis answers an error, or not within 5 s. */
  cli(...args: string[]): Promise<string>;
  /** `CONFIG SET`. After `requirepass`, `cli` uses the new password. */
  configSet(name: string, value: string): Promise<void>;
  /** Ends it (`SIGKILL` by default); resolves once the process has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Suspends the process; its connections stay open. Resolves once it is suspended. */
  pause(): Promise<void>;
  resume(): void;
  /** Kills it if it runs, and starts an empty one on the same port. */
  restart(): Promise<void>;
}

/** Starts a Redis; resolves once it answers. Stops with the test, or with the file if called outside of a test. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const redis = new Redis(options);
  track(redis);
  await redis.start();
  if (options.cluster === true && options.empty !== true) {
    await redis.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await stands(redis, 1);
  }
  return redis;
}

/** Three masters that share the slots. Resolves once each of them knows the whole cluster. */
export async function startRedisCluster(
  options: Omit<RedisServerOptions, 'port' | 'cluster'> = {},
): Promise<readonly RedisServer[]> {
  const nodes = [0, 1, 2].map(() => track(new Redis({ ...options, cluster: true })));
  await Promise.all(nodes.map((node) => node.start()));
  const [first] = nodes;
  const ranges = [
    ['0', '5460'],
    ['5461', '10922'],
    ['10923', '16383'],
  ] as const;
  for (const [index, node] of nodes.entries()) {
    await node.cli('CLUSTER', 'ADDSLOTSRANGE', ...(ranges[index] ?? []));
    await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`);
    if (node !== first) await first?.cli('CLUSTER', 'MEET', HOST, `${node.port}`, `${node.busPort}`);
  }
  await Promise.all(nodes.map((node) => stands(node, nodes.length)));
  return nodes;
}

async function stands(node: RedisServer, size: number): Promise<void> {
  await eventually(
    async () => {
      const info = await node.cli('CLUSTER', 'INFO');
      if (!info.includes('cluster_state:ok') || !info.includes(`cluster_known_nodes:${size}\r`)) return false;
      // Published messages use the links between nodes, which can open later: one in each direction between two nodes.
      const links = await node.cli('CLUSTER', 'LINKS');
      return links.split(/\bdirection\b/).length - 1 === 2 * (size - 1);
    },
    { what: `a Redis cluster of ${size} nodes with all links`, timeout: 20_000 },
  );
}

/** A real Sentinel that watches a master under this name. Resolves once it answers. */
export async function startSentinel({ name, master }: { name: string; master: RedisServer }): Promise<RedisServer> {
  const sentinel = new Redis({ sentinel: { name, port: master.port } });
  track(sentinel);
  await sentinel.start();
  return sentinel;
}

class Redis implements RedisServer {
  readonly host = HOST;
  readonly #options: RedisServerOptions;
  #password: string | undefined;
  #port = 0;
  #busPort = 0;
  #directory: string | undefined;
  #running: { child: ChildProcess; exited: Promise<Exit>; output: string[] } | undefined;

  constructor(options: RedisServerOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#password = options.password;
  }

  get port(): number {
    return this.#port;
  }

  get busPort(): number {
    return this.#busPort;
  }

  get url(): string {
    const secret = this.#options.password === undefined ? '' : `:${encodeURIComponent(this.#options.password)}@`;
    return `redis://${secret}${HOST}:${this.#port}`;
  }

  get pid(): number {
    const pid = this.#running?.child.pid;
    if (pid === undefined) throw new Error('this redis-server is not running');
    return pid;
  }

  async start(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (this.#options.port === undefined) this.#port = await unusedPort();
      if (this.#options.cluster === true) this.#busPort = await unusedPort();
      try {
        return await this.#launch();
      } catch (error) {
        // Another process may have taken the port in between.
        if (this.#options.port !== undefined || tries === START_TRIES) throw error;
      }
    }
  }

  async #launch(): Promise<void> {
    this.#directory ??= await temporaryFolder('redis');
    const args = [
      '--port',
      `${this.#port}`,
      '--bind',
      HOST,
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      this.#directory,
    ];
    if (this.#options.password !== undefined) args.push('--requirepass', this.#options.password);
    if (this.#options.cluster === true) {
      args.push('--cluster-enabled', 'yes', '--cluster-port', `${this.#busPort}`, '--cluster-announce-ip', HOST);
      args.push('--cluster-node-timeout', '2000');
    }
    if (this.#options.sentinel !== undefined) args.splice(0, args.length, ...(await this.#sentinelArgs()));
    this.#password = this.#options.password;
    args.push(...(this.#options.args ?? []));
    const { child, exited } = spawnTethered('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: string[] = [];
    child.stdout?.on('data', (chunk) => output.push(String(chunk)));
    child.stderr?.on('data', (chunk) => output.push(String(chunk)));
    child.once('error', (error) => output.push(error.message));
    this.#running = { child, exited, output };
    let gone = false;
    void exited.then(() => {
      gone = true;
    });
    const answers = eventually(async () => gone || (await this.#ownAnswer()), {
      what: 'PING answered by redis-server',
      timeout: 15_000,
    });
    await answers;
    if (gone) throw new Error(`redis-server did not start: ${output.join('').slice(-600)}`);
  }

  async #sentinelArgs(): Promise<string[]> {
    const { name, port } = this.#options.sentinel ?? {};
    const file = join(this.#directory ?? '', 'sentinel.conf');
    const lines = [
      `port ${this.#port}`,
      `bind ${HOST}`,
      `dir ${this.#directory}`,
      `sentinel monitor ${name} ${HOST} ${port} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    return [file, '--sentinel'];
  }

  /** True if this process, and no other, answers on the port. */
  async #ownAnswer(): Promise<boolean> {
    const info = await this.cli('INFO', 'server');
    return info.includes(`process_id:${this.pid}\r`);
  }

  cli(...args: string[]): Promise<string> {
    return askRedis(this.#port, this.#password, args);
  }

  async configSet(name: string, value: string): Promise<void> {
    await this.cli('CONFIG', 'SET', name, value);
    if (name === 'requirepass') this.#password = value === '' ? undefined : value;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#running?.child.kill(signal);
    await this.#running?.exited;
    this.#running = undefined;
  }

  async pause(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP');
    if (process.platform !== 'linux') return;
    await eventually(() => / T /.test(readFileSync(`/proc/${this.pid}/stat`, 'utf8')), {
      what: 'redis-server stopped',
    });
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#launch();
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }
}
