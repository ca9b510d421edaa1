import type { Adapter } from 'socket.io-adapter';
import { createMemoryBackplane } from '../backplane/memory/memory-backplane.js';
import type { MemoryNetwork } from '../backplane/memory/memory-network.js';
import type { AdapterFactory, Backplane } from '../ports/backplane.js';
import type { Reporter } from '../ports/reports.js';
import type { Report } from './reports.js';
import type { ResolvedOptions } from './resolve-options.js';

/** The code for Redis is imported here, so that no other instance loads it. */
export async function createBackplane(
  { redisConnection, identifier }: ResolvedOptions,
  network: MemoryNetwork | undefined,
  report: Reporter<Report>,
): Promise<Backplane> {
  if (redisConnection === undefined) return createMemoryBackplane({ network, identifier, report });
  const { createRedisBackplane } = await import('../backplane/redis/redis-backplane.js');
  return createRedisBackplane({ redisConnection, identifier, report });
}

/** The adapter of the backplane, or the program's own. */
export function adapterFactory(
  { serverOptions: { adapter: own } }: ResolvedOptions,
  backplane: Backplane,
  report: Reporter<Report>,
): AdapterFactory | undefined {
  const factory = backplane.adapterFactory();
  if (!isAdapterClass(own)) return factory;
  if (factory === undefined) return (namespace) => new own(namespace);
  report({
    type: 'option_ignored',
    option: 'serverOptions.adapter',
    reason: 'redisConnection brings its own adapter',
  });
  return factory;
}

/** Socket.IO calls any given adapter with `new`, even a plain function. */
function isAdapterClass(own: unknown): own is new (...args: Parameters<AdapterFactory>) => Adapter {
  return own !== undefined;
}
