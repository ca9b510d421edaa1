import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { BunServer } from '../socketio/bun-types.js';
import { noteQuery } from '../socketio/engine-request.js';
import type { WithQuery } from '../socketio/engine-types.js';
import { BodyFilter, type BodyFilterOptions } from './body-filter.js';
import { parseQuery, type QueryFault } from './query.js';

/**
 * A request of Bun in the form of `node:http`, with the fields that handshakes and guards read. So the handshake that Socket.IO
 * builds from it has the same fields on both runtimes.
 */
export interface NodeRequest extends WithQuery {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: '1.1';
  readonly socket: Peer;
  /** The older name of `socket`, which Socket.IO uses. */
  readonly connection: Peer;
}

interface Peer {
  readonly remoteAddress: string;
  readonly remotePort: number | undefined;
  readonly encrypted: boolean;
}

/** Call it before the upgrade: after that Bun does not know the address. `fault`: why its query is refused. */
export function nodeRequestOf(request: Request, server: BunServer): { asNode: NodeRequest; fault?: QueryFault } {
  const url = targetOf(request.url);
  const peer = server.requestIP?.(request);
  const socket: Peer = {
    remoteAddress: peer?.address ?? '',
    remotePort: peer?.port,
    // Not from the address of the request, because the client chooses its scheme.
    encrypted: server.url?.protocol === 'https:',
  };
  const { query, fault } = parseQuery(url);
  const asNode: NodeRequest = {
    method: request.method,
    url,
    headers: Object.fromEntries(request.headers) as IncomingHttpHeaders,
    httpVersion: '1.1',
    socket,
    connection: socket,
  };
  noteQuery(asNode, query);
  return fault === undefined ? { asNode } : { asNode, fault };
}

/** The request as the type that callbacks of programs take. It has only the fields above. */
export function asIncomingMessage(request: NodeRequest): IncomingMessage {
  return request as unknown as IncomingMessage;
}

/** Path and query of an address. Without `URL`, which throws at an invalid `Host` header. */
export function targetOf(address: string): string {
  const scheme = address.indexOf('://');
  const start = scheme < 0 ? 0 : address.indexOf('/', scheme + 3);
  const fragment = address.indexOf('#', start);
  return start < 0 ? '/' : address.slice(start, fragment < 0 ? undefined : fragment);
}

/**
 * The text of a request's body. Undefined if it has more than `mostBytes`; then the rest is not read. `filter` removes packets
 * that are too large for a peer that is not authenticated.
 * Rejects if the peer leaves before the end of the body, and if `over` is aborted because the connection has ended.
 */
export async function readBody(
  request: Request,
  mostBytes: number,
  over: AbortSignal,
  filter?: BodyFilterOptions,
): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > mostBytes) return undefined;
  const chunks: Uint8Array[] = [];
  const bodyFilter = filter === undefined ? undefined : new BodyFilter(filter);
  let bytes = 0;
  const reader = request.body?.getReader();
  // Otherwise a peer that sends a byte now and then would be read forever.
  over.addEventListener('abort', () => void reader?.cancel().catch(() => {}));
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    over.throwIfAborted();
    if (done) return (bodyFilter?.end() ?? Buffer.concat(chunks)).toString('utf8');
    bytes += value.byteLength;
    if (bodyFilter === undefined) chunks.push(value);
    if (bytes > mostBytes || bodyFilter?.write(value) === false) {
      await reader?.cancel();
      return undefined;
    }
  }
}
