import { Redis } from 'ioredis';

/** A Redis that hangs keeps its connections open. So it is asked every second, and closed if it says nothing for two. */
const PING_EVERY_MS = 1_000;
const SILENT_AFTER_MS = 2_000;

/**
 * The chat's own connection to Redis, which emits `change` when Redis becomes available or unreachable. Roomgate has others. A
 * command rejects at once while Redis is unreachable.
 */
export function redisAt(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    socketTimeout: SILENT_AFTER_MS,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000),
  });
  let before = isAvailable(redis);
  const tell = (): void => {
    if (isAvailable(redis) !== before) redis.emit('change');
    before = isAvailable(redis);
  };
  const ping = setInterval(() => redis.ping().catch(() => undefined), PING_EVERY_MS).unref();
  // Roomgate logs errors of its own connections, which are the same.
  redis.on('error', () => undefined);
  redis.on('ready', tell).on('close', tell);
  return redis.once('end', () => clearInterval(ping));
}

export function isAvailable(redis: Redis): boolean {
  return redis.status === 'ready';
}
