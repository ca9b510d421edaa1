import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { EngineQuery, EngineRequest, WithQuery } from './engine-types.js';

/** The public part of a server of engine.io that the ingress stands in front of. */
export interface PublicEngine {
  handleRequest(request: EngineRequest, response: ServerResponse): void;
  handleUpgrade(request: EngineRequest, socket: Duplex, head: Buffer): void;
  emit(event: 'connection_error', error: object): boolean;
  readonly opts: {
    readonly transports: readonly string[];
    readonly upgradeTimeout: number;
    readonly maxHttpBufferSize: number;
  };
}

/** The query that the engine reads; empty if none was noted. */
export function queryOf(request: Readonly<WithQuery>): EngineQuery {
  return request._query ?? {};
}

/** Notes the query of a request, for the engine too. */
export function noteQuery(request: WithQuery, query: EngineQuery): void {
  request._query = query;
}

/** Whether the engine has made a WebSocket of an upgrade. */
export function hasWebSocket(request: EngineRequest): boolean {
  return request.websocket !== undefined;
}
