import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { ReceiverLimits } from './engine-types.js';
import { GuardedWebSocket, type Pace, type StrangerOptions } from './guarded-web-socket.js';
import { boundsInflated, canPace, limitsHold } from './ws-probe.js';

/*
 * The WebSocket server of the package `ws`, which engine.io takes as `wsEngine`. All that it uses is public. The private members of its
 * WebSockets are tried once. Without the limits of the receiver `maxPayload` is the only limit before authentication; without that of
 * the extension nothing is compressed; if the receiver gets its bytes in another way, they are not paced.
 */

export interface GuardOptions extends StrangerOptions {
  /** How long a peer may take for the closing handshake, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** Whether the request belongs to a connection that is authenticated already: its WebSocket has no limits from the start. */
  readonly isAdmitted: (request: IncomingMessage) => boolean;
  /** The socket of a request became a WebSocket. The engine has not seen it yet. */
  readonly opened: (socket: Duplex, webSocket: GuardedWebSocket, request: IncomingMessage) => void;
  /** The limits can't be set: `ws` is not as expected. */
  readonly unlimited: () => void;
  /** The limit of compressed messages can't be set, so none are compressed. */
  readonly uncompressed: () => void;
  readonly pace: Pace;
  /** Messages can't be paced: `ws` is not as expected. */
  readonly unpaced: () => void;
}

/** The class of engine.io's WebSocket server. */
export function guardedWsEngine(options: GuardOptions, Used = GuardedWebSocket): typeof WebSocketServer {
  const limits = limitsHold(options, Used);
  if (!limits) options.unlimited();
  const paces = canPace(Used);
  if (!paces) options.unpaced();
  return class extends WebSocketServer<typeof GuardedWebSocket> {
    readonly #full: ReceiverLimits;

    constructor(given: ConstructorParameters<typeof WebSocketServer>[0]) {
      const isUnbounded = limits && Boolean(given?.perMessageDeflate) && !boundsInflated(Used);
      if (isUnbounded) options.uncompressed();
      const compression = isUnbounded ? { perMessageDeflate: false } : {};
      super({ ...given, ...compression, WebSocket: Used, closeTimeout: options.closeTimeoutMs } as object);
      const { maxPayload = 0, maxFragments = 0 } = this.options as Partial<ReceiverLimits>;
      this.#full = { maxPayload, maxFragments };
    }

    override handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (webSocket: GuardedWebSocket, request: IncomingMessage) => void,
    ): void {
      super.handleUpgrade(request, socket, head, (webSocket) => {
        options.opened(socket, webSocket, request);
        // The receiver has no bytes yet: a socket begins to flow in the next tick.
        if (paces) webSocket.pace(options.pace);
        if (limits && !options.isAdmitted(request)) webSocket.limit(options, this.#full);
        done(webSocket, request);
      });
    }
  } as unknown as typeof WebSocketServer;
}
