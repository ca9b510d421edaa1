import type { BunEngine } from '../socketio/bun-engine.js';
import type { BunServer } from '../socketio/bun-types.js';
import { openingHeaders, queryOf } from '../socketio/engine-request.js';
import { transportNameOf } from '../socketio/engine-transport.js';
import type { RequestOptions } from './bun-options.js';
import { asIncomingMessage, type NodeRequest } from './bun-request.js';
import { MOST_HEADERS } from './limits.js';
import { ORIGIN_REFUSED } from './origins.js';
import type { QueryFault } from './query.js';

/** The errors of Engine.IO: the number and the text of the answer. */
export const REQUEST_ERRORS = {
  unknownTransport: [0, 'Transport unknown'],
  unknownConnection: [1, 'Session ID unknown'],
  handshakeMethod: [2, 'Bad handshake method'],
  badRequest: [3, 'Bad request'],
  forbidden: [4, 'Forbidden'],
  unsupportedVersion: [5, 'Unsupported protocol version'],
} as const;

/** The name of the refusal with status 431 (RFC 6585, section 5). */
export const TOO_MANY_HEADERS = 'TOO_MANY_HEADERS';

/** Why a request goes no further. */
export interface Refusal {
  readonly error: keyof typeof REQUEST_ERRORS;
  readonly context: Readonly<Record<string, unknown>>;
}

const OTHER_ORIGIN: Refusal = { error: 'forbidden', context: { message: ORIGIN_REFUSED } };
const SHUTTING_DOWN: Refusal = { error: 'forbidden', context: { message: 'Shutting down' } };
/** A valid header value (RFC 9110, section 5.5). Engine.IO refuses an `Origin` that is none. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Checks requests as Engine.IO does on Node.js, by the same options, because the engine for Bun checks less. */
export class BunChecks {
  readonly #engine: BunEngine;
  readonly #options: RequestOptions;
  #stopped = false;

  constructor(engine: BunEngine, options: RequestOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** From now on refuses new clients. */
  stop(): void {
    this.#stopped = true;
  }

  /** Undefined if the request may continue. A promise only if the program is asked, because each connection pays for it. */
  judge(
    asNode: NodeRequest,
    fault: QueryFault | undefined,
    request: Request,
    server: BunServer,
  ): Promise<Refusal | undefined> | Refusal | undefined {
    const { allowRequest, allowOnBun } = this.#options;
    const isNew = !queryOf(asNode).sid;
    const refusal =
      refusalOf(asNode, fault) ?? this.#verify(asNode) ?? (isNew && this.#stopped ? SHUTTING_DOWN : undefined);
    if (refusal !== undefined) return refusal;
    const isAdmitted = this.#admits(asNode);
    if (isAdmitted === false) return OTHER_ORIGIN;
    if (isAdmitted === true && (allowRequest === undefined || !isNew) && allowOnBun === undefined) return undefined;
    return this.#ask(isAdmitted, isNew ? asNode : undefined, request, server);
  }

  async #ask(
    isAdmitted: boolean | Promise<boolean>,
    asNode: NodeRequest | undefined,
    request: Request,
    server: BunServer,
  ): Promise<Refusal | undefined> {
    if (!(await isAdmitted)) return OTHER_ORIGIN;
    const refusal = asNode === undefined ? undefined : await this.#allow(asNode);
    return refusal ?? this.#allowOnBun(request, server);
  }

  /** Judges handshakes and upgrades by the origin of their page. */
  #admits(request: NodeRequest): boolean | Promise<boolean> {
    const { sid } = queryOf(request);
    const { origins } = this.#options;
    if (!sid) return origins.admits(request);
    if (request.headers.upgrade === undefined) return true;
    const wire = this.#engine.wireOf(sid);
    return wire === undefined || origins.admits(request, openingHeaders(wire));
  }

  #verify(request: NodeRequest): Refusal | undefined {
    const { method, headers } = request;
    const { transport, sid, EIO } = queryOf(request);
    if (transport === undefined || !this.#options.transports.includes(transport)) {
      return { error: 'unknownTransport', context: { transport } };
    }
    const { origin } = headers;
    if (!HEADER_VALUE.test(origin ?? '')) return { error: 'badRequest', context: { name: 'INVALID_ORIGIN', origin } };
    const isUpgrade = headers.upgrade?.toLowerCase() === 'websocket';
    if (sid) return this.#verifyConnection(sid, transport, isUpgrade);
    if (method !== 'GET') return { error: 'handshakeMethod', context: { method } };
    if (isUpgrade !== (transport === 'websocket')) {
      return { error: 'badRequest', context: { name: 'TRANSPORT_HANDSHAKE_ERROR' } };
    }
    return EIO === '4' ? undefined : { error: 'unsupportedVersion', context: { protocol: 3 } };
  }

  #verifyConnection(sid: string, transport: string, isUpgrade: boolean): Refusal | undefined {
    const wire = this.#engine.wireOf(sid);
    if (wire === undefined) return { error: 'unknownConnection', context: { sid } };
    const previousTransport = transportNameOf(wire);
    const isChange = isUpgrade && transport === 'websocket' && previousTransport === 'polling';
    if (isChange ? this.#options.allowUpgrades : !isUpgrade && transport === previousTransport) return undefined;
    return { error: 'badRequest', context: { name: 'TRANSPORT_MISMATCH', transport, previousTransport } };
  }

  async #allow(request: NodeRequest): Promise<Refusal | undefined> {
    const { allowRequest } = this.#options;
    if (allowRequest === undefined) return undefined;
    return new Promise((resolve) => {
      allowRequest(asIncomingMessage(request), (message, isAllowed) =>
        resolve(isAllowed ? undefined : { error: 'forbidden', context: { message } }),
      );
    });
  }

  /** The engine's own option `allowRequest`. Called here, because the engine looks the connection up before it has the answer. */
  async #allowOnBun(request: Request, server: BunServer): Promise<Refusal | undefined> {
    try {
      await this.#options.allowOnBun?.(request, server);
      return undefined;
    } catch (message) {
      return { error: 'forbidden', context: { message } };
    }
  }
}

/** The refusals that apply to every request. */
function refusalOf({ headers }: NodeRequest, fault: QueryFault | undefined): Refusal | undefined {
  if (fault !== undefined) return { error: 'badRequest', context: { ...fault } };
  const isTooMany = Object.keys(headers).length > MOST_HEADERS;
  return isTooMany ? { error: 'badRequest', context: { name: TOO_MANY_HEADERS } } : undefined;
}
