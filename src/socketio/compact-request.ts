import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { EngineQuery, EngineRequest } from './engine-types.js';

/** Keys that Node.js and engine.io add to a request after its construction, at a handshake, a poll and an upgrade. */
const LATER = ['parser', '_eventsCount', '_query', 'res', 'cleanup', 'websocket'];

/**
 * Replaces the request of an authenticated client, with the fields that handshakes of further namespaces and handlers read. Its
 * prototype is that of `IncomingMessage`, so that additions of a program to that prototype still work. Its body can't be read.
 */
export class CompactRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url: string | undefined;
  readonly method: string | undefined;
  readonly httpVersion: string;
  readonly socket: Socket;
  readonly _query: EngineQuery | undefined;

  constructor({ headers, url, method, httpVersion, socket, _query }: EngineRequest) {
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

  /** Made from `headers`, so the names are in lower case. */
  get rawHeaders(): string[] {
    return Object.entries(this.headers).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]));
  }

  get complete(): boolean {
    return true;
  }
}
Object.setPrototypeOf(CompactRequest.prototype, IncomingMessage.prototype);

let ordinary: ReadonlySet<PropertyKey> | undefined;

/**
 * The compact form of a request. Undefined if the program has added something to it, such as `request.session`: then the request
 * stays. Listeners do not count, because code that emits to them holds the request itself. A `WeakMap` of the program with the
 * request as its key works until the promise of `clientConnectedFn` has settled.
 */
export function compacted(request: EngineRequest): CompactRequest | undefined {
  if (Object.getPrototypeOf(request) !== IncomingMessage.prototype || request.res) return undefined;
  ordinary ??= new Set([...Reflect.ownKeys(new IncomingMessage(new Socket())), ...LATER]);
  for (const key of Reflect.ownKeys(request)) if (!ordinary.has(key)) return undefined;
  return new CompactRequest(request);
}
