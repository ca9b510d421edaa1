import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { BunServer } from '../socketio/bun-types.js';
import { BodyFilter, type BodyFilterOptions } from './body-filter.js';
import { type ParsedQuery, parseQuery, type QueryFault } from './query.js';

/**
 * A request of Bun in the form that `node:http` gives to programs, as far as handshakes and guards look at it. The handshake
 * that Socket.IO builds of it has the same fields on both runtimes.
 */
export interface NodeRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: '1.1';
  readonly socket: Peer;
  /** The older name of `socket`, which Socket.IO uses. */
  readonly connection: Peer;
  readonly _query: ParsedQuery;
}

interface Peer {
  readonly remoteAddress: string;
  readonly remotePort: number | undefined;
  readonly encrypted: boolean;
}

/** Before it is upgraded: after that Bun knows no address any more. `fault`: what its query is refused for. */
export function nodeRequestOf(request: Request, server: BunServer): { asNode: NodeRequest; fault?: QueryFault } {
  const url = targetOf(request.url);
  const peer = server.requestIP?.(request);
  const socket: Peer = {
    remoteAddress: peer?.address ?? '',
    remotePort: peer?.port,
    // Not of the request's own address, which its sender may have written out with any scheme.
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
    _query: query,
  };
  return fault === undefined ? { asNode } : { asNode, fault };
}

/** What a program takes as an `IncomingMessage`; the fields above are what there is of one. */
export function asIncomingMessage(request: NodeRequest): IncomingMessage {
  return request as unknown as IncomingMessage;
}

/** Path and query of an address. Without `URL`, which throws over a `Host` header that is none. */
export function targetOf(address: string): string {
  const scheme = address.indexOf('://');
  const start = scheme < 0 ? 0 : address.indexOf('/', scheme + 3);
  const fragment = address.indexOf('#', start);
  return start < 0 ? '/' : address.slice(start, fragment < 0 ? undefined : fragment);
}

/**
 * The text of a request's body; undefined where it has more bytes than that, of which then no more are read. `filter`: takes out
 * of it what is too large for a peer that is not authenticated.
 * Rejects where the peer leaves before its end, and where `over` says that nobody waits for it any more.
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
  // A peer that sends a byte now and then would be read for ever.
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
