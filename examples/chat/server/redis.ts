import { Redis } from 'ioredis';

const COMMAND_TIMEOUT_MS = 2_000;
const PING_EVERY_MS = 1_000;
const LONGEST_RETRY_MS = 1_000;

/**
 * The chat's own connection to Redis, beside those of Roomgate: for the history, and to know whether Redis is there. Nothing
 * waits for a Redis that is away: a command is done now, or rejects.
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
    // Roomgate says it already when its connections fail.
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

  /** Resolves when it is connected, or the first attempt failed; then it goes on trying. */
  async open(): Promise<void> {
    await this.#client.connect().catch(() => undefined);
    // A Redis that hangs keeps its connections, so it is asked now and then.
    this.#watch = setInterval(() => void this.#ping(), PING_EVERY_MS).unref();
  }

  /** @throws whatever the command does, and at once while Redis is away. */
  async run<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    if (!this.#available) throw new Error('Redis is away.');
    try {
      return await command(this.#client);
    } catch (error) {
      // An error that Redis answers with says that it is there.
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
