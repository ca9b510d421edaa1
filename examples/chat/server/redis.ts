import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';

/** A Redis that hangs keeps its connections open. So it is asked every second, and closed if it says nothing for two. */
const PING_EVERY_MS = 1_000;
const SILENT_AFTER_MS = 2_000;
const LONGEST_RETRY_MS = 1_000;

/**
 * The chat's own connection to Redis, and whether Redis is available. Roomgate has others. A command rejects at once while Redis
 * is unreachable.
 */
export class RedisLink extends EventEmitter<{ change: [available: boolean] }> {
  readonly client: Redis;

  constructor(url: string) {
    super();
    this.client = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      socketTimeout: SILENT_AFTER_MS,
      retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_RETRY_MS),
    });
    let before = this.available;
    const tell = (): void => {
      if (this.available !== before) this.emit('change', this.available);
      before = this.available;
    };
    // Roomgate logs errors of its own connections, which are the same.
    this.client
      .on('error', () => undefined)
      .on('ready', tell)
      .on('close', tell);
  }

  get available(): boolean {
    return this.client.status === 'ready';
  }

  /** Resolves when it is connected, or when the first attempt failed. It continues to try after that. */
  async open(): Promise<void> {
    await this.client.connect().catch(() => undefined);
    const ping = setInterval(() => this.client.ping().catch(() => undefined), PING_EVERY_MS).unref();
    this.client.once('end', () => clearInterval(ping));
  }

  close(): void {
    this.removeAllListeners();
    this.client.disconnect();
  }
}
