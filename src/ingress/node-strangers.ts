import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { Reporter } from '../ports/reports.js';
import { setCloseTimeout, setLargestBody } from '../socketio/engine-io.js';
import { GuardedWebSocket, guardedWsEngine } from '../socketio/ws.js';
import { BodyFilter } from './body-filter.js';
import { FrameFilter } from './frame-filter.js';
import { STRANGER_BODY_BYTES, STRANGER_FRAGMENTS, STRANGER_MESSAGE_BYTES } from './limits.js';
import type { EngineRequest } from './node.js';
import type { IngressReport } from './reports.js';

type Dropped = (start: string | undefined) => void;

interface EngineTransport {
  readonly name?: string;
  readonly socket?: unknown;
  emit?(event: 'packet', packet: { type: string }): unknown;
}

/** A connection of engine.io; its events are public. */
export interface StrangerConnection {
  readonly protocol?: number;
  readonly transport?: EngineTransport;
  on(event: 'upgrading' | 'upgrade', listener: (this: StrangerConnection, transport: EngineTransport) => void): unknown;
  removeListener(event: 'upgrading' | 'upgrade', listener: (transport: EngineTransport) => void): unknown;
}

interface Stranger {
  readonly dropped: Dropped;
  /** Of a client of version 3 of the protocol, whose payloads are of another form: the limit that holds after. */
  readonly largestBody: number | undefined;
}

/** The limits of peers that are not authenticated, on Node.js. */
export class NodeStrangers {
  readonly #clientOf: (sid: string) => StrangerConnection | undefined;
  readonly #strangers = new WeakMap<StrangerConnection, Stranger>();
  /** The transport that a connection is changing to, once its probe came. */
  readonly #probed = new WeakMap<StrangerConnection, EngineTransport>();
  // One listener for all connections, which are called with the connection as `this`.
  readonly #upgrading: (this: StrangerConnection, transport: EngineTransport) => void;
  readonly #upgraded: (this: StrangerConnection, transport: EngineTransport) => void;

  constructor(clientOf: (sid: string) => StrangerConnection | undefined) {
    this.#clientOf = clientOf;
    const upgrading = (connection: StrangerConnection, transport: EngineTransport) =>
      this.#probe(connection, transport);
    const upgraded = (connection: StrangerConnection, transport: EngineTransport) => this.#take(connection, transport);
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

  /** The class of engine.io's WebSocket server, where the program has none of its own. */
  wsEngine(opened: (socket: Duplex) => void, report: Reporter<IngressReport>): typeof WebSocketServer {
    return guardedWsEngine({
      mostBytes: STRANGER_MESSAGE_BYTES,
      mostFragments: STRANGER_FRAGMENTS,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      filter: (webSocket, pass) => {
        const dropped: Dropped = (start) => webSocket.dropped(start);
        return new FrameFilter({ mostBytes: STRANGER_MESSAGE_BYTES, pass, dropped });
      },
      isAdmitted: (request: EngineRequest) => {
        const session = this.#clientOf(request._query?.sid ?? '');
        return session !== undefined && !this.#strangers.has(session);
      },
      opened,
      unlimited: () => report({ type: 'size_limit_fallback', missing: 'the receiver of a WebSocket of ws' }),
    });
  }

  limit(connection: StrangerConnection, dropped: Dropped): void {
    const { transport, protocol } = connection;
    const largestBody = protocol === 3 ? setLargestBody(transport, STRANGER_MESSAGE_BYTES) : undefined;
    this.#strangers.set(connection, { dropped, largestBody });
    setCloseTimeout(transport, CLOSE_TIMEOUT_MS);
    const { socket } = transport ?? {};
    if (socket instanceof GuardedWebSocket) socket.onDropped(dropped);
    else if (transport?.name === 'polling') {
      connection.on('upgrading', this.#upgrading);
      connection.on('upgrade', this.#upgraded);
    }
  }

  lift(connection: StrangerConnection): void {
    const stranger = this.#strangers.get(connection);
    if (stranger === undefined) return;
    this.#strangers.delete(connection);
    const { transport } = connection;
    if (stranger.largestBody !== undefined) setLargestBody(transport, stranger.largestBody);
    lift(transport);
    lift(this.#probed.get(connection));
  }

  /**
   * A POST of a session: as long as that is a stranger's, what is too large is taken out of the body. False where the whole body
   * is larger than any may be.
   */
  posted(sid: string, request: EngineRequest, mostBytes: number): boolean {
    const connection = this.#clientOf(sid);
    const stranger = connection === undefined ? undefined : this.#strangers.get(connection);
    if (connection === undefined || stranger === undefined || connection.protocol === 3) return true;
    if (Number(request.headers['content-length'] ?? 0) > mostBytes) return false;
    const filter = new BodyFilter({
      mostBytes: STRANGER_MESSAGE_BYTES,
      mostBytesInAll: STRANGER_BODY_BYTES,
      isLifted: () => !this.#strangers.has(connection),
      dropped: stranger.dropped,
    });
    const { push } = request;
    let bytesInAll = 0;
    // Node.js hands the body to its request by the method that every readable stream has for that.
    request.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
      bytesInAll += chunk?.length ?? 0;
      // The engine only sees what passes.
      if (bytesInAll > mostBytes) {
        request.destroy();
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
    return true;
  }

  /**
   * A change of transport takes one probe. The answers to more would wait for a peer that reads nothing, where nobody counts them,
   * as this transport has no connection yet.
   */
  #probe(connection: StrangerConnection, transport: EngineTransport): void {
    if (this.#probed.get(connection) !== transport) this.#probed.set(connection, transport);
    // As with any packet that does not belong there the engine gives the change up. Not at once: it is in the middle of this one.
    else queueMicrotask(() => transport.emit?.('packet', { type: 'noop' }));
  }

  #take(connection: StrangerConnection, transport: EngineTransport): void {
    this.#probed.delete(connection);
    const stranger = this.#strangers.get(connection);
    if (stranger === undefined) lift(transport);
    else if (transport.socket instanceof GuardedWebSocket) transport.socket.onDropped(stranger.dropped);
  }
}

function lift(transport: EngineTransport | undefined): void {
  if (transport?.socket instanceof GuardedWebSocket) transport.socket.lift();
}
