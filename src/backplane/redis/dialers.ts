import { hasMethods } from '../../common/checks.js';
import { describe } from '../../common/describe.js';
import { checkRedisConnection } from '../../common/redis-client.js';
import { within } from '../../common/within.js';
import type { IRedisClientLike, IRedisConnectionLike } from '../../ports/options.js';
import { RoomgateError } from '../../protocol/errors.js';
import { call, explain } from './acl.js';
import { type Dialer, ensureClient, type Listener, type RedisConnection } from './client.js';
import { asksSentinels, SentinelDialer } from './sentinel.js';

/**
 * Options of the duplicates that differ from those of the program's client. A duplicate never reconnects, resends or queues by
 * itself, because `ReconnectingConnection`, `Publisher` and `Subscriber` do that. Database and prefix are reset: leases and channels
 * must have one scope, and channels have neither a database nor a prefix.
 */
const OVERRIDES = {
  lazyConnect: true,
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  maxRetriesPerRequest: null,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  enableAutoPipelining: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  connectTimeout: 5_000,
  // In ms. A closing connection is destroyed after this time, because Redis may never read its last bytes.
  disconnectTimeout: 50,
  replyMapping: 'legacy',
  stringNumbers: false,
  monitor: false,
  // CLIENT SETINFO needs a separate ACL rule, and its result is not used.
  disableClientInfo: true,
  readOnly: false,
  keyPrefix: '',
  db: 0,
} as const;

/** Timeout of asking a cluster for its nodes, in ms. */
const SCOUT_TIMEOUT_MS = 4_000;
/** The start nodes are asked first. After this time, in ms, the learned nodes are asked too. */
const HEAD_START_MS = 500;
/** Most learned nodes. The oldest ones are forgotten first. */
const MOST_LEARNT = 64;
/** ioredis asks one node after another, for 1 s each. So the learned nodes are asked in parallel groups. */
const GROUPS = 8;

/** A client of one Redis server: the given client, or the client of one node of a cluster. */
interface SingleClient extends RedisConnection {
  duplicate(overrides: object): RedisConnection;
  readonly options?: { readonly host?: unknown; readonly port?: unknown; readonly path?: unknown } | undefined;
}

interface RedisCluster {
  duplicate(nodes: readonly object[], overrides: object): RedisCluster;
  nodes(role: 'all' | 'master'): SingleClient[];
  on(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  disconnect(): void;
}

/**
 * Makes the dialer for the program's client.
 * @throws RoomgateError `invalid_option` if `getClient()` returns something other than a client.
 */
export function createDialer(connection: IRedisConnectionLike | IRedisClientLike): Dialer {
  const client: IRedisClientLike | null | undefined = 'getClient' in connection ? connection.getClient() : connection;
  if (typeof client?.duplicate !== 'function') {
    const text = `configure(): option "redisConnection": expected getClient() to return a client of ioredis, received ${describe(client)}.`;
    throw new RoomgateError('invalid_option', text);
  }
  checkRedisConnection('configure()', client);
  if (isCluster(client)) return new ClusterDialer(client);
  const single = client as unknown as SingleClient;
  return asksSentinels(single) ? new SentinelDialer(single, OVERRIDES) : new SingleDialer(single);
}

/** The name of a connection in Redis' list of clients, which takes no spaces. */
export function connectionName(identifier: string, role: string): string {
  return `roomgate:${identifier.replace(/[^\w.:-]/g, '_')}:${role}`;
}

/** Detected by a public method that only clusters have, because `isCluster` is not documented. */
function isCluster(client: object): client is RedisCluster {
  return hasMethods(client, ['nodes']);
}

class SingleDialer implements Dialer {
  readonly address: string;
  readonly countSubscribers = undefined;
  readonly #client: SingleClient;

  constructor(client: SingleClient) {
    this.#client = client;
    this.address = addressOf(client.options ?? {});
  }

  async dial(name: string): Promise<RedisConnection> {
    return ensureClient(this.#client.duplicate({ ...OVERRIDES, connectionName: name }));
  }
}

/**
 * A connection to a cluster is a connection to one of its masters, so that its messages have an order and its
 * predecessor can be fenced. Each attempt asks for the masters again, with a short-lived duplicate of the given client. It asks
 * the start nodes, and if they do not answer, all nodes that earlier answers named.
 */
class ClusterDialer implements Dialer {
  readonly address: string;
  readonly countSubscribers = (channel: string) => this.#countSubscribers(channel);
  readonly #client: RedisCluster;
  readonly #start = Math.floor(Math.random() * 1_024);
  #scouting: Promise<SingleClient[]> | undefined;
  /** Nodes by address, the most recently named last. */
  readonly #learnt = new Map<string, object>();

  constructor(client: RedisCluster) {
    this.#client = client;
    this.address = startupNodesOf(client);
  }

  async dial(name: string, attempt: number): Promise<RedisConnection> {
    this.#scouting ??= this.#scout(async (cluster) => cluster.nodes('master')).finally(() => {
      this.#scouting = undefined;
    });
    const masters = (await this.#scouting).sort((a, b) => (addressOf(a.options) < addressOf(b.options) ? -1 : 1));
    const node = masters[(this.#start + attempt) % masters.length];
    if (node === undefined) throw new Error('The cluster has no master.');
    return node.duplicate({ ...OVERRIDES, connectionName: name });
  }

  /** Each node knows its own subscribers only. An unreachable node counts as zero. */
  #countSubscribers(channel: string): Promise<number> {
    const late = 'A node did not answer in time.';
    const ask = async (node: SingleClient) => {
      const reply = await within(call(node, 'pubsub', 'numsub', channel), SCOUT_TIMEOUT_MS / 2, late);
      return Array.isArray(reply) ? Number(reply[1]) : 0;
    };
    return this.#scout(async (cluster) => {
      const counts = await Promise.allSettled(cluster.nodes('all').map(ask));
      return counts.reduce((sum, count) => sum + (count.status === 'fulfilled' ? count.value : 0), 0);
    });
  }

  /** Runs `use` with the view of the first node that answers. */
  async #scout<T>(use: (cluster: RedisCluster) => Promise<T>): Promise<T> {
    const cluster = await this.#reachAny();
    try {
      this.#learn(cluster);
      return await use(cluster);
    } finally {
      cluster.disconnect();
    }
  }

  async #reachAny(): Promise<RedisCluster> {
    this.#learn(this.#client);
    const start = this.#reach([]);
    const groups = this.#groups();
    if (groups.length === 0) return start;
    try {
      return await within(start, HEAD_START_MS, 'The start nodes have not answered yet.');
    } catch {
      return firstOf([start, ...groups.map((nodes) => this.#reach(nodes))]);
    }
  }

  /** Asks these nodes, or the given start nodes if the list is empty. */
  async #reach(nodes: readonly object[]): Promise<RedisCluster> {
    const cluster = this.#client.duplicate(nodes, {
      lazyConnect: true,
      clusterRetryStrategy: null,
      enableReadyCheck: false,
      slotsRefreshInterval: undefined,
    });
    try {
      await reach(cluster);
      return cluster;
    } catch (error) {
      cluster.disconnect();
      throw error;
    }
  }

  #groups(): object[][] {
    const nodes = [...this.#learnt.values()];
    const groups = Array.from({ length: GROUPS }, (_, group) => nodes.filter((__, index) => index % GROUPS === group));
    return groups.filter(({ length }) => length > 0);
  }

  #learn(cluster: RedisCluster): void {
    for (const { options } of cluster.nodes('all')) {
      const { host, port } = options ?? {};
      if (typeof host !== 'string' || typeof port !== 'number') continue;
      const address = addressOf({ host, port });
      this.#learnt.delete(address);
      this.#learnt.set(address, { host, port });
    }
    const oldest = [...this.#learnt.keys()].slice(0, -MOST_LEARNT);
    for (const address of oldest) this.#learnt.delete(address);
  }
}

/** Resolves with the first cluster that is reached and disconnects the others. Rejects with the error of the first attempt. */
async function firstOf(ways: readonly Promise<RedisCluster>[]): Promise<RedisCluster> {
  const first = Promise.any(ways);
  for (const way of ways) {
    way.then(
      async (cluster) => {
        if (cluster !== (await first)) cluster.disconnect();
      },
      () => {},
    );
  }
  try {
    return await first;
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}

async function reach(cluster: RedisCluster): Promise<void> {
  let cause: unknown;
  cluster.on('error', () => {});
  cluster.on('node error', (error: unknown) => {
    cause = explain(error, 'CLUSTER', 'SLOTS');
  });
  try {
    await within(cluster.connect(), SCOUT_TIMEOUT_MS, 'The cluster did not list its nodes in time.');
  } catch (error) {
    // The error of one node is more specific than "all nodes failed".
    throw cause instanceof Error ? new Error(`No node of the cluster is usable: ${cause.message}`, { cause }) : error;
  }
}

function addressOf(options: SingleClient['options']): string {
  if (options === undefined) return 'an unknown address';
  const { host, port, path } = options;
  if (typeof path === 'string' && path !== '') return path;
  return host === undefined && port === undefined ? 'an unknown address' : `${host ?? 'localhost'}:${port ?? 6379}`;
}

/** Private to ioredis, and used only in messages: if it moves, they name no node. */
function startupNodesOf(client: RedisCluster): string {
  const nodes: unknown = 'startupNodes' in client ? client.startupNodes : undefined;
  if (!Array.isArray(nodes) || nodes.length === 0) return 'a cluster';
  return nodes.map((node: unknown) => startupNodeOf(node)).join(', ');
}

function startupNodeOf(node: unknown): string {
  if (typeof node === 'string') return node.replace(/^.*@/, '');
  return addressOf(typeof node === 'number' ? { port: node } : (node as SingleClient['options']));
}
