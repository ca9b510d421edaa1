import type { EventEmitter } from 'node:events';
import { compacted } from './compact-request.js';
import type { EngineRequest } from './engine-types.js';
import { type ListeningConnection, listensAsExpected, shareListeners } from './shared-listeners.js';
import { UpgradeResponses, type UpgradingEngine } from './upgrade-responses.js';

/** The part of an engine.io connection in which memory can be freed. */
export interface IdleConnection extends ListeningConnection {
  request: unknown;
  readonly readyState: string;
  readonly transport: ListeningConnection['transport'] & {
    readonly name: string;
    /** Private: the WebSocket and its stream. */
    readonly socket?: { readonly _socket?: EventEmitter };
  };
  on(event: 'upgrade', listener: (this: IdleConnection) => void): unknown;
  listeners(event: 'upgrade'): readonly unknown[];
}

/**
 * Frees memory that engine.io keeps for a connection, and that nothing uses once its client is authenticated. Each of the three
 * parts checks the members that it relies on, and does nothing if engine.io has changed.
 */
export class IdleConnections {
  readonly #responses: UpgradeResponses;
  readonly #upgraded: (this: IdleConnection) => void;
  #canShare: boolean | undefined;

  constructor(engine: UpgradingEngine) {
    this.#responses = new UpgradeResponses(engine);
    // One listener for all connections: a closure for each would cost memory again.
    const upgraded = (connection: IdleConnection) => this.#compactWebSocket(connection);
    this.#upgraded = function () {
      upgraded(this);
    };
  }

  /** Call when the client is authenticated and the program has added its listeners. */
  compact(connection: IdleConnection): void {
    if (connection.readyState !== 'open') return;
    const { request } = connection;
    if (request) connection.request = compacted(request as EngineRequest) ?? request;
    if (connection.transport?.name === 'websocket') this.#compactWebSocket(connection);
    // A client may leave and come back any number of times on one connection.
    else if (!connection.listeners('upgrade').includes(this.#upgraded)) connection.on('upgrade', this.#upgraded);
  }

  #compactWebSocket(connection: IdleConnection): void {
    const stream = connection.transport.socket?._socket;
    if (stream !== undefined) this.#responses.drop(stream);
    this.#canShare ??= listensAsExpected(connection);
    if (this.#canShare) shareListeners(connection);
  }
}
