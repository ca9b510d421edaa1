import type { EngineQuery, EngineRequest, WithQuery } from './engine-types.js';

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
