import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type Query = Readonly<Partial<Record<string, string>>>;

/** A request as engine.io sees it. */
export type EngineRequest = IncomingMessage & {
  /** Private: engine.io parses the query only if this is not there yet. */
  _query?: Query;
  /** Private: the WebSocket that engine.io made of an upgrade. */
  readonly websocket?: unknown;
};

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
export function queryOf(request: { readonly _query?: Query }): Query {
  return request._query ?? {};
}

/** Notes the query of a request, for the engine too. */
export function noteQuery(request: EngineRequest, query: Query): void {
  request._query = query;
}

/** Whether the engine has made a WebSocket of an upgrade. */
export function hasWebSocket(request: EngineRequest): boolean {
  return request.websocket !== undefined;
}
