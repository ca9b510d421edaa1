import { stringifySetCookie } from 'cookie';
import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import type { BunEngine } from '../socketio/bun-engine.js';
import type { BunPosts } from '../socketio/bun-posts.js';
import type { BunServer } from '../socketio/bun-types.js';
import { queryOf } from '../socketio/engine-request.js';
import { failTransport, transportOf } from '../socketio/engine-transport.js';
import type { EngineTransport } from '../socketio/engine-types.js';
import { BunChecks, REQUEST_ERRORS, type Refusal, TOO_MANY_HEADERS } from './bun-checks.js';
import type { Cors } from './bun-cors.js';
import { LONGEST_IDLE_S, type RequestOptions, silenceOf } from './bun-options.js';
import { type NodeRequest, nodeRequestOf, readBody } from './bun-request.js';
import { STRANGER_BODY_BYTES, STRANGER_MESSAGE_BYTES } from './limits.js';
import type { QueryFault } from './query.js';
import type { IngressReport } from './reports.js';

/** The results of the checks of a request. */
interface Known {
  readonly asNode: NodeRequest;
  /** Why its query is refused. */
  readonly fault?: QueryFault;
  /** Added to any answer. */
  headers: Headers | undefined;
}

/** Connections that are not authenticated; see `Runtime.limit`. */
export type StrangerListeners = WeakMap<Wire, (start: string | undefined) => void>;

export interface BunRequestsOptions {
  readonly requests: RequestOptions;
  /** Connections that are not authenticated, with the callback for their dropped messages. */
  readonly strangers: StrangerListeners;
  readonly posts: BunPosts;
  /** A body was refused, because it was larger than any may be. */
  readonly tooLarge: (wire: Wire) => void;
  readonly report: Reporter<IngressReport>;
}

/** How long a connection is kept after an answer, in seconds, as in Node.js. */
const KEEP_ALIVE_S = 5;
/** The packet at the start of the answer to a handshake over polling. */
const OPEN_PACKET = /^0(\{[^}]*\})/;

/**
 * Sits between Bun and the engine. Checks and reads requests before the engine sees them, and keeps them in the form of
 * `node:http` for the handshake, because Bun forgets the address at the upgrade.
 */
export class BunRequests {
  readonly #engine: BunEngine;
  readonly #options: RequestOptions;
  readonly #report: Reporter<IngressReport>;
  readonly #strangers: StrangerListeners;
  readonly #known = new WeakMap<Request, Known>();
  /** Transports whose POST is being read or handled. */
  readonly #reading = new WeakSet<EngineTransport>();
  readonly #posts: BunPosts;
  readonly #tooLarge: (wire: Wire) => void;
  readonly #checks: BunChecks;
  #pending = 0;

  constructor(engine: BunEngine, { requests, strangers, posts, tooLarge, report }: BunRequestsOptions) {
    this.#engine = engine;
    this.#strangers = strangers;
    this.#options = requests;
    this.#posts = posts;
    this.#tooLarge = tooLarge;
    this.#checks = new BunChecks(engine, requests);
    this.#report = report;
    const { editResponseHeaders } = engine.opts;
    engine.opts.editResponseHeaders = (headers, request, server) => {
      const known = this.#known.get(request);
      for (const [name, value] of known?.headers ?? []) headers.set(name, value);
      // As Engine.IO does: no proxy may cache the messages of a client.
      if (!isUpgrade(request)) headers.set('Cache-Control', 'no-store');
      if (known !== undefined) this.#askForHeaders(headers, known.asNode);
      return editResponseHeaders?.call(engine.opts, headers, request, server);
    };
  }

  /** Requests that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** From now on refuses new clients, which then reach another instance. */
  stop(): void {
    this.#checks.stop();
  }

  /** The request of a connection, in the form of Node.js. */
  of(request: Request): NodeRequest | undefined {
    return this.#known.get(request)?.asNode;
  }

  async answer(request: Request, server: BunServer): Promise<Response> {
    const known: Known = { ...nodeRequestOf(request, server), headers: undefined };
    this.#known.set(request, known);
    this.#pending += 1;
    const response = await this.#answer(request, server, known).catch((error: unknown) => {
      this.#report({ type: 'handler_failed', where: 'the engine', error });
      return new Response(null, { status: 500 });
    });
    this.#pending -= 1;
    if (!isUpgrade(request)) server.timeout?.(request, this.#keepAliveS(request, response));
    return response;
  }

  /** The idle time after an answer. That of a poll may be large and read slowly, and Bun does not say when it was sent. */
  #keepAliveS({ method }: Request, { ok }: Response): number {
    return method === 'GET' && ok ? Math.min(silenceOf(this.#engine.opts), LONGEST_IDLE_S) : KEEP_ALIVE_S;
  }

  async #answer(request: Request, server: BunServer, known: Known): Promise<Response> {
    // The address contains the Host header. The engine would throw at an invalid one; RFC 9112, section 3.2, requires 400.
    if (!URL.canParse(request.url))
      return this.#refuse({ error: 'badRequest', context: { name: 'INVALID_HOST' } }, known);
    const { cors } = this.#options;
    const answered = cors === undefined ? undefined : await this.#applyCors(cors, known);
    if (answered instanceof Response) return answered;
    const refusal = answered ?? (await this.#checks.judge(known.asNode, known.fault, request, server));
    if (refusal !== undefined) return this.#refuse(refusal, known);
    const { sid } = queryOf(known.asNode);
    if (isUpgrade(request)) return asNodeAnswers(await this.#engine.handle(request, server));
    if (request.method === 'POST') return this.#take(request, server, known);
    // Otherwise Bun would close the connection as idle while a poll waits.
    server.timeout?.(request, 0);
    const response = await this.#engine.handle(request, server);
    return sid ? response : this.#completeHandshake(response);
  }

  /** Completes the first answer over polling: the transports to upgrade to, and the cookie. */
  async #completeHandshake(response: Response): Promise<Response> {
    const { transports, allowUpgrades, cookie } = this.#options;
    const mayUpgrade = allowUpgrades && transports.includes('websocket');
    if (response.status !== 200 || (mayUpgrade && cookie === undefined)) return response;
    const body = await response.text();
    const [, json] = OPEN_PACKET.exec(body) ?? [];
    if (json === undefined) return new Response(body, response);
    const open = JSON.parse(json) as { sid: string; upgrades: string[] };
    const { headers } = response;
    if (cookie !== undefined)
      headers.set('Set-Cookie', stringifySetCookie(`${cookie.name}`, open.sid, cookie as object));
    if (!mayUpgrade) open.upgrades = [];
    return new Response(
      body.replace(OPEN_PACKET, () => `0${JSON.stringify(open)}`),
      { status: 200, headers },
    );
  }

  /** Handles a POST of a client: one at a time, and no more bytes than a client may send. */
  async #take(request: Request, server: BunServer, known: Known): Promise<Response> {
    const wire = this.#engine.wireOf(queryOf(known.asNode).sid ?? '');
    // The current transport: if the wire upgrades meanwhile, an error of this transport must not end the wire.
    const transport = wire === undefined ? undefined : transportOf(wire);
    const headers = new Headers(known.headers);
    const fail = (why: string): Response => {
      failTransport(transport, why);
      headers.set('Connection', 'close');
      return new Response(null, { status: 400, headers });
    };
    if (wire === undefined || transport === undefined) return fail('');
    if (this.#reading.has(transport)) return fail('data request overlap from client');
    if (request.headers.get('content-type') === 'application/octet-stream') return fail('invalid content');
    this.#reading.add(transport);
    try {
      const body = await this.#read(request, wire);
      if (body === null) return fail('data request aborted');
      if (body === undefined) {
        if (!this.#strangers.has(wire)) this.#tooLarge(wire);
        return new Response(null, { status: 413, headers });
      }
      return await this.#pass(request, server, known, wire, body);
    } finally {
      this.#reading.delete(transport);
    }
  }

  #pass(request: Request, server: BunServer, known: Known, wire: Wire, body: string): Promise<Response> {
    const first = (part: string): Promise<Response> => {
      const whole = new Request(request, { body: part });
      this.#known.set(whole, known);
      return this.#engine.handle(whole, server);
    };
    // Otherwise Bun would close the connection as idle while packets wait.
    return this.#posts.pass(wire, body, first, () => server.timeout?.(request, 0));
  }

  /** Reads a body while its wire is open; null if it is incomplete. */
  async #read(request: Request, wire: Wire): Promise<string | undefined | null> {
    const over = new AbortController();
    const end = (): void => over.abort();
    wire.once('close', end);
    try {
      const { maxHttpBufferSize } = this.#engine.opts;
      const dropped = this.#strangers.get(wire);
      if (dropped === undefined) return await readBody(request, maxHttpBufferSize, over.signal);
      return await readBody(request, maxHttpBufferSize, over.signal, {
        mostBytes: STRANGER_MESSAGE_BYTES,
        mostBytesInAll: STRANGER_BODY_BYTES,
        isLifted: () => !this.#strangers.has(wire),
        dropped,
      });
    } catch {
      return null;
    } finally {
      wire.removeListener('close', end);
    }
  }

  /** Emits Engine.IO's events by which programs add headers to an answer. */
  #askForHeaders(headers: Headers, asNode: NodeRequest): void {
    const more: Record<string, string | readonly string[]> = {};
    if (!queryOf(asNode).sid) this.#engine.emit('initial_headers', more, asNode);
    this.#engine.emit('headers', more, asNode);
    for (const [name, values] of Object.entries(more)) {
      headers.delete(name);
      for (const value of [values].flat()) headers.append(name, value);
    }
  }

  /** Returns the answer to a preflight request, or a refusal. Otherwise adds its headers to the later answer. */
  async #applyCors(cors: Cors, known: Known): Promise<Refusal | Response | undefined> {
    try {
      const { headers, status } = await cors(known.asNode);
      known.headers = headers;
      return status === undefined ? undefined : new Response(null, { status, headers });
    } catch {
      return { error: 'badRequest', context: { name: 'MIDDLEWARE_FAILURE' } };
    }
  }

  #refuse({ error, context }: Refusal, { asNode, headers }: Known): Response {
    const [code, message] = REQUEST_ERRORS[error];
    this.#engine.emit('connection_error', { req: asNode, code, message, context });
    const text = error === 'forbidden' ? (context.message ?? message) : message;
    const answer = new Headers(headers);
    answer.set('Content-Type', 'application/json');
    if (asNode.headers.upgrade !== undefined) answer.set('Connection', 'close');
    return new Response(JSON.stringify({ code, message: text }), {
      status: statusOf(error, context),
      headers: answer,
    });
  }
}

function statusOf(error: Refusal['error'], { name }: Refusal['context']): number {
  if (error === 'forbidden') return 403;
  return name === TOO_MANY_HEADERS ? 431 : 400;
}

/** The engine's own test. */
function isUpgrade({ headers }: Request): boolean {
  return headers.has('upgrade');
}

/** The engine answers 500 to an invalid upgrade request; Node.js answers 400. */
function asNodeAnswers(response: Response): Response {
  return response.status === 500 ? new Response(null, { status: 400, headers: response.headers }) : response;
}
