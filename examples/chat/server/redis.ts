import { Redis } from 'ioredis';

const COMMAND_TIMEOUT_MS = 2_000;
const PING_EVERY_MS = 1_000;
const LONGEST_RETRY_MS = 1_000;

/**
 * The chat's own connection to Redis, for the history and to know whether Redis is available. Roomgate has others. A command
 * rejects at once while Redis is unreachable.
 */
export class RedisLink {
  readonly #client: Redis;
  readonly #listeners = new Set<(available: boolean) => void>();
  #watch: NodeJS.Timeout | undefined;
  #available = false;

  constructor(url: string) {
    this.#client = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      commandTimeout: COMMAND_TIMEOUT_MS,
      retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_RETRY_MS),
    });
    // Roomgate logs errors of its own connections, which are the same.
    this.#client.on('error', () => undefined);
    this.#client.on('ready', () => this.#set(true));
    this.#client.on('close', () => this.#set(false));
  }

  get available(): boolean {
    return this.#available;
  }

  onChange(listener: (available: boolean) => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves when it is connected, or when the first attempt failed. It continues to try after that. */
  async open(): Promise<void> {
    await this.#client.connect().catch(() => undefined);
    // A Redis that hangs keeps its connections open, so only a ping notices it.
    this.#watch = setInterval(() => void this.#ping(), PING_EVERY_MS).unref();
  }

  /** @throws the command's error, or at once while Redis is unreachable. */
  async run<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    if (!this.#available) throw new Error('Redis is unreachable.');
    try {
      return await command(this.#client);
    } catch (error) {
      // An error reply comes from a Redis that is available.
      if (!(error instanceof Error && error.name === 'ReplyError')) this.#set(false);
      throw error;
    }
  }

  close(): void {
    clearInterval(this.#watch);
    this.#listeners.clear();
    this.#client.disconnect();
  }

  async #ping(): Promise<void> {
    await this.#client.ping().then(
      () => this.#set(true),
      () => this.#set(false),
    );
  }

  #set(available: boolean): void {
    if (available === this.#available) return;
    this.#available = available;
    for (const listener of this.#listeners) listener(available);
  }
}
