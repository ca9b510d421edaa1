import type { ServerResponse } from 'node:http';
import type { WebSocketServer } from 'ws';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import { giveUpUpgrade, guardedSocketOf, keepAlive, setCloseTimeout, setLargestBody } from '../socketio/engine-io.js';
import { queryOf } from '../socketio/engine-request.js';
import { protocolOf, transportNameOf, transportOf } from '../socketio/engine-transport.js';
import type { EngineRequest, EngineTransport } from '../socketio/engine-types.js';
import type { GuardedWebSocket, Pace } from '../socketio/guarded-web-socket.js';
import { type GuardOptions, guardedWsEngine } from '../socketio/ws.js';
import { BodyFilter } from './body-filter.js';
import { FrameFilter } from './frame-filter.js';
import { STRANGER_BODY_BYTES, STRANGER_FRAGMENTS, STRANGER_MESSAGE_BYTES } from './limits.js';
import type { IngressReport } from './reports.js';

const UNBOUNDED =
  'the installed ws does not let compressed messages be bounded before authentication, so none are compressed';

type Dropped = (start: string | undefined) => void;

interface Stranger {
  readonly dropped: Dropped;
  /** For a client of protocol 3, whose payloads have another format: the limit to restore after authentication. */
  readonly largestBody: number | undefined;
}

/** The limits of peers that are not authenticated, on Node.js. */
export class NodeStrangers {
  readonly #wireOf: (sid: string) => Wire | undefined;
  readonly #postsEnd: (wire: Wire) => number | undefined;
  readonly #strangers = new WeakMap<Wire, Stranger>();
  /** The transport that a connection is upgrading to, once its probe came. */
  readonly #probed = new WeakMap<Wire, EngineTransport>();
  // One listener for all connections, called with the connection as `this`.
  readonly #upgrading: (this: Wire, transport: EngineTransport) => void;
  readonly #upgraded: (this: Wire, transport: EngineTransport) => void;

  /** `postsEnd`: called with each wire that has upgraded; returns how much its client has sent by polling. */
  constructor(wireOf: (sid: string) => Wire | undefined, postsEnd: (wire: Wire) => number | undefined) {
    this.#wireOf = wireOf;
    this.#postsEnd = postsEnd;
    const upgrading = (wire: Wire, transport: EngineTransport) => this.#probe(wire, transport);
    const upgraded = (wire: Wire, transport: EngineTransport) => this.#upgrade(wire, transport);
    this.#upgrading = function (transport) {
      upgrading(this, transport);
    };
    this.#upgraded = function (transport) {
      this.removeListener('upgrading', onUpgrading);
      this.removeListener('upgrade', onUpgraded);
      upgraded(this, transport);
    };
    const [onUpgrading, onUpgraded] = [this.#upgrading, this.#upgraded];
  }

  /** The class of engine.io's WebSocket server, if the program has none of its own. */
  wsEngine(
    opened: GuardOptions['opened'],
    pace: Omit<Pace, 'keepAlive' | 'tooLarge'> & { readonly tooLarge: (wire: Wire, answer: 1009) => void },
    report: Reporter<IngressReport>,
  ): typeof WebSocketServer {
    return guardedWsEngine({
      mostBytes: STRANGER_MESSAGE_BYTES,
      mostFragments: STRANGER_FRAGMENTS,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      filter: (webSocket, pass) => {
        const dropped: Dropped = (start) => webSocket.dropped(start);
        return new FrameFilter({ mostBytes: STRANGER_MESSAGE_BYTES, pass, dropped });
      },
      isAdmitted: (request: EngineRequest) => {
        const wire = this.#wireOf(queryOf(request).sid ?? '');
        return wire !== undefined && !this.#strangers.has(wire);
      },
      opened,
      pace: { ...pace, keepAlive, tooLarge: (wire) => pace.tooLarge(wire, 1009) },
      unpaced: () => report({ type: 'pacing_fallback', missing: 'the receiver of a WebSocket of ws' }),
      unlimited: () => report({ type: 'size_limit_fallback', missing: 'the receiver of a WebSocket of ws' }),
      uncompressed: () =>
        report({ type: 'option_ignored', option: 'serverOptions.perMessageDeflate', reason: UNBOUNDED }),
    });
  }

  limit(wire: Wire, dropped: Dropped): void {
    const transport = transportOf(wire);
    const largestBody = protocolOf(wire) === 3 ? setLargestBody(transport, STRANGER_MESSAGE_BYTES) : undefined;
    this.#strangers.set(wire, { dropped, largestBody });
    setCloseTimeout(transport, CLOSE_TIMEOUT_MS);
    this.#own(wire, transport)?.onDropped(dropped);
    if (transportNameOf(wire) === 'polling') {
      wire.on('upgrading', this.#upgrading);
      wire.on('upgrade', this.#upgraded);
    }
  }

  lift(wire: Wire): void {
    const stranger = this.#strangers.get(wire);
    if (stranger === undefined) return;
    this.#strangers.delete(wire);
    const transport = transportOf(wire);
    if (stranger.largestBody !== undefined) setLargestBody(transport, stranger.largestBody);
    guardedSocketOf(wire, transport)?.lift();
    guardedSocketOf(wire, this.#probed.get(wire))?.lift();
  }

  /** Filters the body of a POST: for a stranger, packets that are too large are removed. `mostBytes`: of the whole body. */
  filter(wire: Wire, request: EngineRequest, response: ServerResponse, mostBytes: number): void {
    const stranger = this.#strangers.get(wire);
    if (stranger === undefined || protocolOf(wire) === 3) return;
    const filter = new BodyFilter({
      mostBytes: STRANGER_MESSAGE_BYTES,
      mostBytesInAll: STRANGER_BODY_BYTES,
      isLifted: () => !this.#strangers.has(wire),
      dropped: stranger.dropped,
    });
    const { push } = request;
    let bytesInAll = 0;
    // Node.js passes the body to its request by `push`, the method of every readable stream.
    request.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
      bytesInAll += chunk?.length ?? 0;
      // The engine only sees what passes.
      if (bytesInAll > mostBytes) {
        if (!response.writableEnded) response.writeHead(413, { Connection: 'close' }).end();
        return false;
      }
      if (chunk !== null) {
        if (filter.write(chunk)) return true;
        request.destroy();
        return false;
      }
      push.call(request, filter.end(), encoding);
      return push.call(request, null);
    };
  }

  /**
   * An upgrade needs one probe. Answers to more would be buffered for a peer that reads nothing. No budget counts them, because
   * this transport has no connection yet.
   */
  #probe(wire: Wire, transport: EngineTransport): void {
    if (this.#probed.get(wire) !== transport) this.#probed.set(wire, transport);
    // Not now: the engine is in the middle of this packet.
    else queueMicrotask(() => giveUpUpgrade(wire, transport));
  }

  #upgrade(wire: Wire, transport: EngineTransport): void {
    this.#probed.delete(wire);
    const stranger = this.#strangers.get(wire);
    const webSocket = this.#own(wire, transport);
    const fullAt = this.#postsEnd(wire);
    if (fullAt !== undefined) webSocket?.continueRate(fullAt);
    if (stranger === undefined) webSocket?.lift();
    else webSocket?.onDropped(stranger.dropped);
  }

  /** The WebSocket of a wire, which knows its wire from now on. */
  #own(wire: Wire, transport: EngineTransport | undefined): GuardedWebSocket | undefined {
    const webSocket = guardedSocketOf(wire, transport);
    if (webSocket !== undefined) webSocket.owner = wire;
    return webSocket;
  }
}
