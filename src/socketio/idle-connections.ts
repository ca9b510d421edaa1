import type { Wire } from '../ports/wire.js';
import { compacted } from './compact-request.js';
import type { EngineConnection, EngineRequest, ListeningConnection } from './engine-types.js';
import { listensAsExpected, shareListeners } from './shared-listeners.js';
import { type UpgradeHandler, UpgradeResponses } from './upgrade-responses.js';

/**
 * Frees memory that engine.io keeps for a connection, and that nothing uses once its client is authenticated. Each of the three
 * parts checks the members that it relies on, and does nothing if engine.io has changed.
 */
export class IdleConnections {
  readonly #responses: UpgradeResponses;
  readonly #upgraded: (this: Wire) => void;
  #canShare: boolean | undefined;

  constructor(engine: UpgradeHandler) {
    this.#responses = new UpgradeResponses(engine);
    // One listener for all connections: a closure for each would cost memory again.
    const upgraded = (connection: Wire) => this.#compactWebSocket(connection);
    this.#upgraded = function () {
      upgraded(this);
    };
  }

  /** Call when the client is authenticated and the program has added its listeners. */
  compact(connection: EngineConnection): void {
    if (connection.readyState !== 'open') return;
    const { request } = connection;
    if (request) connection.request = compacted(request as EngineRequest) ?? request;
    if (connection.transport?.name === 'websocket') this.#compactWebSocket(connection);
    // A client may leave and rejoin any number of times on one connection.
    else if (!connection.listeners('upgrade').includes(this.#upgraded)) connection.on('upgrade', this.#upgraded);
  }

  #compactWebSocket(connection: EngineConnection): void {
    const stream = connection.transport?.socket?._socket;
    if (stream !== undefined) this.#responses.drop(stream);
    if (this.#sharesListeners(connection)) shareListeners(connection);
  }

  /** All connections of an engine are alike, so only the first one is tried. */
  #sharesListeners(connection: EngineConnection): connection is ListeningConnection {
    this.#canShare ??= listensAsExpected(connection);
    return this.#canShare;
  }
}
