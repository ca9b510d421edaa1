import { checkOptionsObject, isRecord, wrongOption } from '../../common/checks.js';
import { checkNames } from '../../common/known-options.js';
import { isWritten, lowestLevel } from '../../common/log-level.js';
import { checkRedisClient } from '../../common/redis-client.js';
import { CONSOLE } from '../../common/sink.js';
import { withinOr } from '../../common/within.js';
import { RoomgateError } from '../../protocol/errors.js';
import type { Cluster, ClusterOptions, Redis } from './package-types.js';
import { loadIoredis } from './redis-packages.js';

/** Callbacks of a Redis helper. Errors and rejections of a callback are ignored. */
export interface IRedisHelperCallbacks {
  /** Called at the end of the constructor. */
  onInitialized?: ((opts: { name: string; helper: DefaultRedisHelper }) => void) | undefined;
  /** Called each time the connection is established. */
  onConnected?: ((opts: { name: string; helper: DefaultRedisHelper }) => void) | undefined;
  /** Called each time Redis is ready for commands. */
  onReady?: ((opts: { name: string; helper: DefaultRedisHelper }) => void) | undefined;
  /** Called at each error of the connection. */
  // biome-ignore lint/suspicious/noExplicitAny: the documented type, so that handlers written to it still compile
  onError?: ((opts: { name: string; helper: DefaultRedisHelper; error: any }) => void) | undefined;
}

/** The options of `RedisHelper`. */
export interface IRedisHelperOptions extends IRedisHelperCallbacks {
  /** Names the helper, in its callbacks. */
  name: string;
  host: string;
  port: string | number;
  /** The user of Redis' access control list. Default: Redis' own default user. */
  user?: string | undefined;
  password?: string | undefined;
  /** Default 0. */
  database?: number | undefined;
  /** Whether to connect immediately. Default true; otherwise at `connect()`, or at the first command. */
  autoConnect?: boolean | undefined;
  /** The number of failed attempts in a row after which it stops trying. Default 0: it never stops. */
  maxRetry?: number | undefined;
}

/** The options of `RedisClusterHelper`. */
export interface IRedisClusterHelperOptions extends IRedisHelperCallbacks {
  /** Names the helper, in its callbacks. */
  name: string;
  /** Some nodes of the cluster. The helper learns the others from them. */
  nodes: { host: string; port: string | number; password?: string | undefined }[];
  /** ioredis' own options for a cluster. */
  clusterOptions?: ClusterOptions | undefined;
}

/** The part of a Redis client that a helper uses. */
export interface IHelpedRedisClient {
  readonly status: string;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of an event emitter take what the event brings
  on(event: string, listener: (...args: any[]) => void): unknown;
  ping(): Promise<unknown>;
  connect(): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(): void;
  duplicate(...args: never[]): unknown;
}

// The compiler fails if an option is added to a type and not here.
const CALLBACKS = { onInitialized: true, onConnected: true, onReady: true, onError: true } as const;
const NAMES: Readonly<Record<keyof IRedisHelperOptions, true>> = {
  ...{
    name: true,
    host: true,
    port: true,
    user: true,
    password: true,
    database: true,
    autoConnect: true,
    maxRetry: true,
  },
  ...CALLBACKS,
};
const CLUSTER_NAMES: Readonly<Record<keyof IRedisClusterHelperOptions, true>> = {
  ...{ name: true, nodes: true, clusterOptions: true },
  ...CALLBACKS,
};

/** Timeout of QUIT in `disconnect()`, in ms. */
const QUIT_TIMEOUT_MS = 2_000;

/** A Redis client with callbacks for its connection. */
export class DefaultRedisHelper<C extends IHelpedRedisClient = Redis | Cluster> {
  readonly name: string;
  readonly client: C;

  /** @throws RoomgateError `invalid_option` if the client is not one of ioredis. */
  constructor({
    identifier,
    client,
    ...callbacks
  }: { scope?: string | undefined; identifier: string; client: C } & IRedisHelperCallbacks) {
    checkRedisClient('DefaultRedisHelper', 'client', client);
    this.name = identifier;
    this.client = client;
    // The callbacks are documented to receive a `DefaultRedisHelper` with its default type of client.
    const about = { name: identifier, helper: this as unknown as DefaultRedisHelper };
    client.on('connect', () => harmless(() => callbacks.onConnected?.(about)));
    client.on('ready', () => harmless(() => callbacks.onReady?.(about)));
    client.on('error', (error: unknown) => harmless(() => callbacks.onError?.({ ...about, error })));
    harmless(() => callbacks.onInitialized?.(about));
  }

  getClient(): C {
    return this.client;
  }

  /** Rejects as the client does. */
  async ping(): Promise<'PONG'> {
    return (await this.client.ping()) as 'PONG';
  }

  /** Resolves with whether Redis is ready; with false immediately if it is connecting or connected already. Rejects as the client does. */
  async connect(): Promise<boolean> {
    if (['ready', 'connect', 'connecting', 'reconnecting'].includes(this.client.status)) return false;
    await this.client.connect();
    return this.client.status === 'ready';
  }

  /** Resolves with whether Redis answered QUIT; false if it was unreachable, or did not answer within 2 s. Never rejects. */
  async disconnect(): Promise<boolean> {
    if (['end', 'close'].includes(this.client.status)) return false;
    // A client without a connection would queue QUIT for a Redis that may never return.
    const said = this.client.status === 'ready' ? await this.#quit() : false;
    if (!said) this.client.disconnect();
    return said;
  }

  #quit(): Promise<boolean> {
    const said = this.client.quit().then(
      (answer) => answer === 'OK',
      () => false,
    );
    return withinOr(said, QUIT_TIMEOUT_MS, false);
  }
}

/** A client of one Redis, by host and port. Reconnects forever, unless `maxRetry` limits the attempts. */
export class RedisHelper extends DefaultRedisHelper<Redis> {
  /** @throws RoomgateError `invalid_option`; `unsupported` if ioredis is not installed. */
  constructor(opts: IRedisHelperOptions) {
    checkNamesOf('RedisHelper', opts, '{ name, host, port }', NAMES);
    const { name, host, port, user, password, database = 0, autoConnect = true, maxRetry = 0, ...callbacks } = opts;
    const { Redis } = loadIoredis('RedisHelper');
    const client = new Redis({
      host: hostOf('RedisHelper', 'host', host),
      port: portOf('RedisHelper', 'port', port),
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      db: databaseOf(database),
      lazyConnect: !autoConnect,
      maxRetriesPerRequest: null,
      // CLIENT SETINFO needs a separate ACL rule.
      disableClientInfo: true,
      retryStrategy: (attempt) => (maxRetry > 0 && attempt > maxRetry ? null : Math.min(attempt * 200, 2_000)),
    });
    super({ ...callbacks, scope: RedisHelper.name, identifier: name, client });
  }
}

/** A client of a Redis cluster, by some of its nodes. */
export class RedisClusterHelper extends DefaultRedisHelper<Cluster> {
  /** @throws RoomgateError `invalid_option`; `unsupported` if ioredis is not installed. */
  constructor(opts: IRedisClusterHelperOptions) {
    checkNamesOf('RedisClusterHelper', opts, '{ name, nodes: [{ host, port }] }', CLUSTER_NAMES);
    const { name, nodes, clusterOptions = {}, ...callbacks } = opts;
    if (!Array.isArray(nodes) || nodes.length === 0) {
      throw wrongOption('RedisClusterHelper', 'nodes', 'an array of at least one { host, port }', nodes);
    }
    const startup = nodes.map((node, at) => nodeOf(`nodes[${at}]`, node));
    const { Cluster } = loadIoredis('RedisClusterHelper');
    const { redisOptions, ...options } = clusterOptions;
    const password = nodes[0]?.password;
    // Only the start nodes have a password in the options. Nodes that are learned from them need it too.
    const ofEach = { disableClientInfo: true, ...(password === undefined ? {} : { password }), ...redisOptions };
    // ioredis' type of the parameter tells a missing replyMapping from an undefined one; its type of the options does not.
    const all = { ...options, redisOptions: ofEach } as NonNullable<ConstructorParameters<typeof Cluster>[1]>;
    const client = new Cluster(startup, all);
    super({ ...callbacks, scope: RedisClusterHelper.name, identifier: name, client });
  }
}

type Node = IRedisClusterHelperOptions['nodes'][number];

function nodeOf(option: string, node: Node): { host: string; port: number; password?: string } {
  const of = 'RedisClusterHelper';
  if (!isRecord(node)) throw wrongOption(of, option, '{ host, port }', node);
  const { host, port, password } = node;
  return {
    host: hostOf(of, `${option}.host`, host),
    port: portOf(of, `${option}.port`, port),
    ...(password === undefined ? {} : { password }),
  };
}

/** Names in ioredis of options that have another name here. */
const OTHER_NAMES = { username: 'user', db: 'database' } as const;

/** Unknown options get one warning on the console: a helper of Redis has no logger. @throws RoomgateError */
function checkNamesOf(of: string, opts: object, example: string, names: Readonly<Record<string, true>>): void {
  checkOptionsObject(of, opts, example);
  for (const [name, meant] of Object.entries(OTHER_NAMES)) {
    if (!(meant in names) || opts[name] === undefined) continue;
    throw new RoomgateError('invalid_option', `${of}: option "${name}" does not exist. Did you mean "${meant}"?`);
  }
  for (const name of checkNames(of, opts, [...Object.keys(names), 'scope'])) {
    if (!isWritten('warn', lowestLevel(undefined, CONSOLE))) continue;
    const fix = 'For other settings of ioredis pass its client to DefaultRedisHelper, or as redisConnection.';
    CONSOLE.warn(`[roomgate] ${of}: option "${name}" has no effect: there is no option of this name. ${fix}`);
  }
}

function portOf(of: string, option: string, port: unknown): number {
  const number = numberOf(port);
  if (number !== undefined && number > 0 && number < 65_536) return number;
  throw wrongOption(of, option, 'a number from 1 to 65535', port);
}

function databaseOf(database: unknown): number {
  const number = numberOf(database);
  if (number !== undefined && number >= 0) return number;
  throw wrongOption('RedisHelper', 'database', 'a whole number of 0 or more', database);
}

/** A whole number, or its text from an environment variable. */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

/** A URL, which may contain a password, and a name with a port would only fail when they are looked up. */
function hostOf(of: string, option: string, host: unknown): string {
  const isName = typeof host === 'string' && host !== '' && !/[/@\s]/.test(host);
  if (isName && !/^[^:]*:\d*$/.test(host)) return host;
  throw wrongOption(of, option, 'a name or an address, without a scheme and a port', host);
}

/** Calls a callback of the program. Its errors must not reach the event of the client that caused it. */
async function harmless(callback: () => unknown): Promise<void> {
  try {
    await callback();
  } catch {
    // Errors of callbacks are ignored, as `IRedisHelperCallbacks` says.
  }
}
