import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** The request that engine.io keeps for as long as its connection lives. `_query` is engine.io's. */
export type KeptRequest = IncomingMessage & { readonly _query?: unknown; readonly res?: unknown };

/** What is on a request beside what it is made with: of Node.js, and of engine.io at a handshake, a poll and an upgrade. */
const LATER = ['parser', '_eventsCount', '_query', 'res', 'cleanup', 'websocket'];

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

  constructor({ headers, url, method, httpVersion, socket, _query }: KeptRequest) {
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
 * Undefined where the program has put something of its own on the request, such as a session: it is then to stay as it is.
 * Listeners don't count: whoever tells them has the request without us. What a program keeps beside it, in a `WeakMap` by the
 * request, it finds until `clientConnectedFn` has settled.
 */
export function released(request: KeptRequest): ReleasedRequest | undefined {
  if (Object.getPrototypeOf(request) !== IncomingMessage.prototype || request.res) return undefined;
  ordinary ??= new Set([...Reflect.ownKeys(new IncomingMessage(new Socket())), ...LATER]);
  for (const key of Reflect.ownKeys(request)) if (!ordinary.has(key)) return undefined;
  return new ReleasedRequest(request);
}
