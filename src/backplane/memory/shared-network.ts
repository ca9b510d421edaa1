import type { MemoryNetwork } from './memory-network.js';

/**
 * The option under which instances of one process are given the network that they share. A symbol that the package does not
 * export, since this is for tests: no program has it, and no type that is published names it.
 */
export const SHARED_NETWORK: unique symbol = Symbol('roomgate.sharedNetwork');

export interface SharedNetworkOption {
  readonly [SHARED_NETWORK]?: MemoryNetwork | undefined;
}

/** `options`: those of a helper. */
export function sharedNetworkOf(options: object): MemoryNetwork | undefined {
  return (options as SharedNetworkOption)[SHARED_NETWORK];
}
