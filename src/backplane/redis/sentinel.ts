import { type Dialer, ensureClient, type RedisConnection } from './client.js';

/** The parts of a client with Sentinels that are used here. */
export interface SentinelClient {
  duplicate(overrides: object): RedisConnection;
  readonly options: { readonly sentinels: readonly unknown[]; readonly name?: unknown };
}

/**
 * Timeout of a connect to a Sentinel, of its answer, and of the connect to the master, in ms. After it ioredis asks the next
 * Sentinel. All of this has to fit into one attempt.
 */
const PATIENCE_MS = 1_000;
/** The number of Sentinels that one attempt can ask, if none of them answers. */
const PER_ATTEMPT = 4;

/** The errors of ioredis and of a Sentinel that does not know the master. */
const UNKNOWN = /got an invalid reply|No such master/;
/** The text that ioredis puts before the reason. */
const UNREACHED = /^failed to connect to sentinel .+? because /;
/** The only text of ioredis if it could not connect to a Sentinel. It hides the cause. */
const CLOSED = 'Connection is closed.';

/** Makes connections to the master that Sentinels name. Explains failures with the answers of the Sentinels. */
export class SentinelDialer implements Dialer {
  readonly address: string;
  readonly countSubscribers = undefined;
  readonly #client: SentinelClient;
  readonly #overrides: object;
  /** The errors that each connection got from its Sentinels. */
  readonly #complaints = new WeakMap<RedisConnection, string[]>();

  constructor(client: SentinelClient, overrides: object) {
    this.#client = client;
    this.#overrides = overrides;
    this.address = `the master "${this.#name}" of the Sentinels ${this.#sentinels.map(addressOf).join(', ')}`;
  }

  /** Each attempt starts with another Sentinel, so that a Sentinel that never answers can't make every attempt time out. */
  async dial(name: string, attempt: number): Promise<RedisConnection> {
    const all = this.#sentinels;
    const from = (attempt * PER_ATTEMPT) % all.length;
    const sentinels = [...all.slice(from), ...all.slice(0, from)];
    const timeouts = { connectTimeout: PATIENCE_MS, sentinelCommandTimeout: PATIENCE_MS };
    const overrides = { ...this.#overrides, ...timeouts, connectionName: name, sentinels };
    const client = ensureClient(this.#client.duplicate(overrides));
    const complaints: string[] = [];
    this.#complaints.set(client, complaints);
    client.on('sentinelError', (error: Error) => complaints.push(error.message));
    return client;
  }

  explain(client: RedisConnection, error: unknown): unknown {
    const complaints = this.#complaints.get(client) ?? [];
    if (complaints.length < this.#sentinels.length) return error;
    const unknown = complaints.filter((text) => UNKNOWN.test(text));
    const unreached = complaints.filter((text) => !UNKNOWN.test(text));
    const reasons = [...new Set(unreached.map(reasonOf))].join('; ');
    if (unknown.length === 0) return new Error(`No Sentinel could be queried: ${reasons}`, { cause: error });
    const others = unreached.length === 0 ? '' : `; ${unreached.length} of them could not be queried: ${reasons}`;
    return new Error(`No Sentinel knows a master "${this.#name}"${others}`, { cause: error });
  }

  get #name(): string {
    return String(this.#client.options.name);
  }

  get #sentinels(): readonly unknown[] {
    return this.#client.options.sentinels;
  }
}

/** Whether the client asks Sentinels. */
export function asksSentinels(client: { readonly options?: object | undefined }): client is SentinelClient {
  const { sentinels } = (client.options ?? {}) as { sentinels?: unknown };
  return Array.isArray(sentinels) && sentinels.length > 0;
}

function addressOf(sentinel: unknown): string {
  const { host = '127.0.0.1', port = 26_379 } = (sentinel ?? {}) as { host?: unknown; port?: unknown };
  return `${host}:${port}`;
}

function reasonOf(complaint: string): string {
  const reason = complaint.replace(UNREACHED, '');
  return reason === CLOSED ? 'they refuse or close the connection' : reason;
}
