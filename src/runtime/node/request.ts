import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** The request that engine.io keeps for as long as its connection lives. `_query` is engine.io's. */
export type TKeptRequest = IncomingMessage & { readonly _query?: unknown; readonly res?: unknown };

/** What engine.io leaves on a request: of the handshake, of a poll, of an upgrade. */
const FROM_ENGINE = ['_query', 'res', 'cleanup', 'websocket'];

/**
 * What stays of the request once its client is authenticated: what handshakes of further namespaces are built of, and what
 * handlers read. It is an `IncomingMessage` by its prototype, so that what a program added there goes on working; there is
 * nothing left to read from it.
 */
export class ReleasedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url: string | undefined;
  readonly method: string | undefined;
  readonly httpVersion: string;
  readonly socket: Socket;
  readonly _query: unknown;

  constructor({ headers, url, method, httpVersion, socket, _query }: TKeptRequest) {
    this.headers = headers;
    this.url = url;
    this.method = method;
    this.httpVersion = httpVersion;
    this.socket = socket;
    this._query = _query;
  }

  get httpVersionMajor(): number {
    return Number(this.httpVersion.split('.')[0]);
  }

  get httpVersionMinor(): number {
    return Number(this.httpVersion.split('.')[1]);
  }

  /** Made of `headers`: the names are in lower case. */
  get rawHeaders(): string[] {
    return Object.entries(this.headers).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]));
  }

  get complete(): boolean {
    return true;
  }
}
Object.setPrototypeOf(ReleasedRequest.prototype, IncomingMessage.prototype);

let ordinary: ReadonlySet<PropertyKey> | undefined;

/**
 * Undefined where the program has put something of its own on the request, such as a session, or listens to it: it is then
 * to stay as it is.
 */
export function released(request: TKeptRequest): ReleasedRequest | undefined {
  if (Object.getPrototypeOf(request) !== IncomingMessage.prototype || request.res) return undefined;
  // `parser` is Node.js' own, and not there before a request has come in.
  ordinary ??= new Set([...Reflect.ownKeys(new IncomingMessage(new Socket())), 'parser', ...FROM_ENGINE]);
  for (const key of Reflect.ownKeys(request)) if (!ordinary.has(key)) return undefined;
  return request.eventNames().length === 0 ? new ReleasedRequest(request) : undefined;
}
