import type { Manager } from 'socket.io-client';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import { hasUnsent, isOpen } from './socket-io.js';

/** How long a server may take to handle a packet that leaves a namespace. */
export const LEAVING_MS = 50;

/**
 * The last time that this client left its namespace while the connection stayed. If it requests the namespace again too early, a
 * Socket.IO server could get the request before it has handled the leaving, and would close the connection, which other namespaces
 * may use.
 */
export class Leaving {
  readonly #manager: Manager;
  #leftAt = Number.NEGATIVE_INFINITY;

  constructor(manager: Manager) {
    this.#manager = manager;
  }

  begin(): void {
    this.#leftAt = performance.now();
  }

  /** Whether the server may not have handled it yet. */
  get isUnderWay(): boolean {
    if (!isOpen(this.#manager)) return false;
    const leftMs = performance.now() - this.#leftAt;
    return leftMs < LEAVING_MS || (leftMs < CLOSE_TIMEOUT_MS && hasUnsent(this.#manager));
  }
}
