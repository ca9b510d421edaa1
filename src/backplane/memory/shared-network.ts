import type { MemoryNetwork } from './memory-network.js';

/**
 * The option with the network that instances of one process share. It is for tests, so it is a symbol that the package does not
 * export, and no published type names it.
 */
export const SHARED_NETWORK: unique symbol = Symbol('roomgate.sharedNetwork');

export interface SharedNetworkOption {
  readonly [SHARED_NETWORK]?: MemoryNetwork | undefined;
}

/** `options`: those of a helper. */
export function sharedNetworkOf(options: object): MemoryNetwork | undefined {
  return (options as SharedNetworkOption)[SHARED_NETWORK];
}
