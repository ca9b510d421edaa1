import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import { hasWebSocket, noteQuery, queryOf } from '../socketio/engine-request.js';
import type { EngineRequest } from '../socketio/engine-types.js';
import type { NodeEngine } from '../socketio/node-engine.js';
import { MOST_HEADERS } from './limits.js';
import { NOT_FOUND_RAW } from './not-found.js';
import { ORIGIN_REFUSED } from './origins.js';
import { isUnclaimed } from './own-paths.js';
import { parseQuery, type QueryFault } from './query.js';

export interface NodeIngressOptions {
  readonly server: HttpServer;
  readonly engine: NodeEngine;
  /** The path of the engine, which compares it with the beginning of a request target. */
  readonly path: string;
  /** How long another server may take to claim an upgrade, in milliseconds; undefined: such upgrades are left alone. */
  readonly unclaimedMs: number | undefined;
  /**
   * Called with each POST of a connection, before the engine reads its body. Returns the status of a refusal, or undefined if the engine
   * may have it.
   */
  readonly posted: (sid: string, request: EngineRequest, response: ServerResponse) => 400 | 413 | undefined;
  /** Whether an upgrade of a connection may continue, by the origin of its page. A promise if the program is asked. */
  readonly admitsUpgrade: (request: EngineRequest, sid: string) => boolean | Promise<boolean>;
  /** Called with the response to each poll of a connection, before the engine keeps it. */
  readonly polled: (sid: string, response: ServerResponse) => void;
}

interface Refusal {
  readonly status: 400 | 403 | 431;
  readonly context: object;
  readonly error?: { readonly code: number; readonly message: string };
}

/** Engine.IO's own code and message for a request that can't be served. */
const BAD_REQUEST = { code: 3, message: 'Bad request' } as const;
const REASONS = { 400: 'Bad Request', 403: 'Forbidden', 431: 'Request Header Fields Too Large' } as const;
const OTHER_ORIGIN: Refusal = {
  status: 403,
  context: { message: ORIGIN_REFUSED },
  error: { code: 4, message: ORIGIN_REFUSED },
};

/** How long a socket may stay open that another server wrote to and does not read from: nothing would notice its end. */
const UNREAD_MS = 5_000;

interface Pending {
  readonly timer: NodeJS.Timeout | undefined;
}

/** Keeps an error on a socket that is not ours yet, or no longer is, from ending the process. */
function ignoreError(): void {}

/**
 * Owns every upgrade on an HTTP server, and every request below the path of the engine, until it is handed over or refused.
 *
 * Node.js removes its own error listener from a socket before it emits `upgrade`. Between that and the first listener of the
 * engine a reset of the connection is an uncaught exception, so the ingress listens from the first moment.
 */
export class NodeIngress {
  readonly #options: NodeIngressOptions;
  readonly #pending = new Map<Duplex, Pending>();

  constructor(options: NodeIngressOptions) {
    this.#options = options;
    const { server, engine } = options;
    engine.patch({
      answer: (request, response) => {
        if (this.#admits(request, response)) engine.handle(request, response);
      },
      upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
    });
    this.#refusePipelined(server);
    // Without WebSocket there is no listener, and Node.js then treats an upgrade as an ordinary request to the program.
    if (engine.opts.transports.includes('websocket')) {
      server.prependListener('upgrade', (request, socket) => this.#receive(request, socket));
    }
  }

  /** The engine has its WebSocket, which has error listeners of its own. */
  handedOver(socket: Duplex): void {
    this.#forget(socket);
    socket.removeListener('error', ignoreError);
  }

  /** Destroys every socket that is still undecided or unclaimed. */
  destroyAll(): void {
    for (const socket of [...this.#pending.keys()]) {
      this.#forget(socket);
      socket.destroy();
    }
  }

  #upgrade(request: EngineRequest, socket: Duplex, head: Buffer): void {
    const refusal = judge(request, true);
    if (refusal !== undefined) {
      this.#refuse(request, socket, refusal);
      return;
    }
    const { engine, admitsUpgrade } = this.#options;
    const { sid } = queryOf(request);
    const verdict = sid ? admitsUpgrade(request, sid) : true;
    const go = (isAdmitted: boolean): void => {
      if (isAdmitted) this.#handOver(request, socket, head);
      else this.#refuse(request, socket, OTHER_ORIGIN);
    };
    if (!isPromiseLike(verdict)) {
      go(verdict);
      return;
    }
    this.#await(socket, engine.opts.upgradeTimeout, () => this.#destroy(socket));
    void verdict.then((isAdmitted) => {
      if (this.#pending.has(socket)) go(isAdmitted);
    });
  }

  #refuse(request: EngineRequest, socket: Duplex, refusal: Refusal): void {
    this.#tell(request, refusal);
    this.#end(socket, rawAnswer(refusal));
  }

  #handOver(request: EngineRequest, socket: Duplex, head: Buffer): void {
    const { engine } = this.#options;
    engine.handleUpgrade(request, socket, head);
    if (socket.destroyed) this.#forget(socket);
    else if (hasWebSocket(request)) this.handedOver(socket);
    // An asynchronous `cors.origin` or `allowRequest` may never answer, and a refusal may never be read.
    else this.#await(socket, engine.opts.upgradeTimeout, () => this.#expire(request, socket));
  }

  /** Whether an HTTP request goes on to the engine. Otherwise it is answered here. */
  #admits(request: EngineRequest, response: ServerResponse): boolean {
    const { posted, polled } = this.#options;
    const refusal = judge(request, false);
    if (refusal !== undefined) {
      this.#tell(request, refusal);
      answer(response, refusal);
      return false;
    }
    const { sid } = queryOf(request);
    if (!sid) return true;
    if (request.method === 'GET') polled(sid, response);
    const status = request.method === 'POST' ? posted(sid, request, response) : undefined;
    if (status !== undefined) response.writeHead(status, { Connection: 'close' }).end();
    return status === undefined;
  }

  /**
   * No client of Socket.IO, browser or proxy sends a request before the last one is answered. Node.js would run any number of
   * them at once and buffer their answers, with an open descriptor for each file that Socket.IO serves.
   */
  #refusePipelined(server: HttpServer): void {
    const { path } = this.#options;
    const listeners = server.listeners('request');
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      // A response has no socket while an earlier one is being sent.
      if (response.socket === null && request.url?.startsWith(path)) request.socket.destroy();
      else for (const listener of listeners) listener.call(server, request, response);
    });
  }

  #receive(request: IncomingMessage, socket: Duplex): void {
    socket.on('error', ignoreError);
    const { server, path, unclaimedMs } = this.#options;
    if (request.url?.startsWith(path) || unclaimedMs === undefined) return;
    if (isUnclaimed(server, request.url)) {
      // Another instance on this server may have answered.
      if (!socket.writableEnded) this.#end(socket, NOT_FOUND_RAW);
      return;
    }
    const written = bytesWrittenTo(socket);
    this.#await(socket, unclaimedMs, () => this.#expireUnclaimed(socket, written));
  }

  /** A server that claims an upgrade reads from its socket. One that only wrote an answer gets more time to close it. */
  #expireUnclaimed(socket: Duplex, writtenBefore: number): void {
    if (isRead(socket)) this.#forget(socket);
    else if (bytesWrittenTo(socket) <= writtenBefore) this.#destroy(socket);
    else {
      this.#await(socket, UNREAD_MS, () => {
        if (isRead(socket)) this.#forget(socket);
        else this.#destroy(socket);
      });
    }
  }

  #expire(request: EngineRequest, socket: Duplex): void {
    if (hasWebSocket(request)) this.handedOver(socket);
    else this.#destroy(socket);
  }

  #await(socket: Duplex, afterMs: number, then: () => void): void {
    const known = this.#pending.get(socket);
    if (known === undefined) socket.once('close', () => this.#forget(socket));
    else clearTimeout(known.timer);
    this.#pending.set(socket, { timer: setTimeout(then, afterMs).unref() });
  }

  #forget(socket: Duplex): void {
    clearTimeout(this.#pending.get(socket)?.timer);
    this.#pending.delete(socket);
  }

  #destroy(socket: Duplex): void {
    this.#forget(socket);
    socket.destroy();
  }

  #end(socket: Duplex, answer: string): void {
    this.#await(socket, CLOSE_TIMEOUT_MS, () => this.#destroy(socket));
    socket.end(answer, () => this.#destroy(socket));
  }

  #tell(request: EngineRequest, { context, error = BAD_REQUEST }: Refusal): void {
    this.#options.engine.emit('connection_error', { req: request, ...error, context });
  }
}

/** Parses the query once, for the engine too. Refuses requests that the engine would refuse too late or not at all. */
function judge(request: EngineRequest, isUpgrade: boolean): Refusal | undefined {
  const { query, fault } = parseQuery(request.url ?? '');
  noteQuery(request, query);
  if (fault !== undefined) return { status: 400, context: fault satisfies QueryFault };
  if (request.rawHeaders.length > 2 * MOST_HEADERS) return { status: 431, context: { name: 'TOO_MANY_HEADERS' } };
  const { transport, sid } = query;
  // The engine would open the WebSocket first, or never answer the request.
  const isMismatch = isUpgrade ? transport === 'polling' : transport === 'websocket' && sid;
  return isMismatch ? { status: 400, context: { name: 'TRANSPORT_MISMATCH', transport } } : undefined;
}

function answer(response: ServerResponse, { status }: Refusal): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(BAD_REQUEST));
}

function rawAnswer({ status, error = BAD_REQUEST }: Refusal): string {
  const body = JSON.stringify(error);
  return (
    `HTTP/1.1 ${status} ${REASONS[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

function isRead(socket: Duplex): boolean {
  return socket.readableFlowing === true || socket.listenerCount('data') + socket.listenerCount('readable') > 0;
}

/** Bytes written to a socket, including answers to earlier requests of the connection. */
function bytesWrittenTo(socket: Duplex): number {
  const written: unknown = Reflect.get(socket, 'bytesWritten');
  return typeof written === 'number' ? written : 0;
}
