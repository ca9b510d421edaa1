import { createMemoryBackplane } from '../../src/backplane/memory/memory-backplane.js';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { Backplane } from '../../src/ports/backplane.js';
import type { Reporter } from '../../src/ports/reports.js';
import { redisClient } from './backplane.js';
import type { RedisServer } from './redis.js';
import { type RunningProxy, startProxy } from './tcp-proxy.js';

/** A network in which instances form a cluster. */
export interface Place {
  createBackplane(identifier: string, report: Reporter<BackplaneReport>): Promise<Backplane>;
  /** Disconnects that instance: no message passes in either direction. */
  cut(identifier: string): Promise<void>;
  heal(identifier: string): Promise<void>;
  /** The network loses everything that it stores. */
  loseData(): Promise<void>;
}

/** An in-memory network of this process. */
export function memoryPlace(): Place {
  const network = new MemoryNetwork();
  return {
    createBackplane: async (identifier, report) => createMemoryBackplane({ network, identifier, report }),
    cut: async (identifier) => network.cut(identifier),
    heal: async (identifier) => network.heal(identifier),
    loseData: async () => network.entries.clear(),
  };
}

let keys = 0;

/** A Redis that several places can share: each place has its own key, and each instance its own proxy. */
export function redisPlace(redis: RedisServer): Place {
  const key = `place-${++keys}`;
  const wires = new Map<string, RunningProxy>();
  const wireOf = (identifier: string): RunningProxy => {
    const wire = wires.get(identifier);
    if (wire === undefined) throw new Error(`No instance is named "${identifier}".`);
    return wire;
  };
  return {
    async createBackplane(identifier, report) {
      const wire = await startProxy({ target: redis.port });
      wires.set(identifier, wire);
      return createRedisBackplane({ redisConnection: redisClient(wire.port), identifier, key, report });
    },
    async cut(identifier) {
      await wireOf(identifier).refuse();
      wireOf(identifier).cut();
    },
    heal: (identifier) => wireOf(identifier).accept(),
    loseData: async () => void (await redis.cli('FLUSHALL')),
  };
}
