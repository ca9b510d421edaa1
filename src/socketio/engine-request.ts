import type { IncomingHttpHeaders } from 'node:http';
import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EngineQuery, EngineRequest, WithQuery } from './engine-types.js';

/** The query that the engine reads; empty if none was noted. */
export function queryOf(request: Readonly<WithQuery>): EngineQuery {
  return request._query ?? {};
}

/** Notes the query of a request, for the engine too. */
export function noteQuery(request: WithQuery, query: EngineQuery): void {
  request._query = query;
}

/** Gives a wire of Bun the request and the address, which its engine does not keep. */
export function restoreRequest(wire: Wire, request: { readonly socket: { readonly remoteAddress: string } }): void {
  const connection: EngineConnection = wire;
  connection.request = request;
  connection.remoteAddress = request.socket.remoteAddress;
}

/** Whether the engine has made a WebSocket of an upgrade. */
export function hasWebSocket(request: EngineRequest): boolean {
  return request.websocket !== undefined;
}

/** The headers of the request that opened a connection. */
export function openingHeaders(wire: Wire): IncomingHttpHeaders | undefined {
  const { request }: EngineConnection = wire;
  return (request as { readonly headers?: IncomingHttpHeaders } | undefined)?.headers;
}
