import type { MemoryBus } from './memory-bus.js';

/**
 * The option under which instances of one process are given the bus that they share. A symbol that the package does not
 * export, since this is for tests: no program has it, and no type that is published names it.
 */
export const SHARED_BUS: unique symbol = Symbol('roomgate.sharedBus');

export interface SharedBusOption {
  readonly [SHARED_BUS]?: MemoryBus | undefined;
}

/** `options`: those of a helper. */
export function sharedBusOf(options: object): MemoryBus | undefined {
  return (options as SharedBusOption)[SHARED_BUS];
}
