import { LONGEST_IDLE_S, silenceOf } from '../../ingress/bun-options.js';
import { notFound } from '../../ingress/not-found.js';
import type { BunEngine } from '../../socketio/bun-engine.js';
import { isWithin, TOO_LARGE } from '../../socketio/bun-socket.js';
import type {
  BunServer,
  BunWebSocket,
  IBunHandlers,
  IBunServeOptions,
  IBunWebSocketHandlers,
  MessageBody,
} from '../../socketio/bun-types.js';

/** The range of Bun's `idleTimeout` for WebSockets, in seconds. */
const WEBSOCKET_IDLE_S = { least: 8, most: 960 } as const;
/** Bun's own default for the largest message of a WebSocket, in bytes. */
const BUN_MAX_PAYLOAD = 16 * 1024 * 1024;
/** Bun's own default for the idle time of a WebSocket, in seconds. */
const BUN_IDLE_S = 120;

/** The engine, and whether a request is below the path that it serves. */
export interface Served {
  readonly engine: BunEngine;
  readonly serves: (request: Request, server: BunServer) => boolean;
}

/** The handlers for `Bun.serve` if the engine is alone on the server. `plain`: the handlers of the engine. */
export function handlersOf(plain: IBunHandlers, { engine, serves }: Served): IBunHandlers {
  return {
    ...plain,
    fetch: (request, server) => (serves(request, server) ? engine.answer(request, server) : notFound()),
    websocket: guarded(engine, plain.websocket),
    idleTimeout: Math.min(plain.idleTimeout ?? LONGEST_IDLE_S, LONGEST_IDLE_S),
  };
}

/**
 * The program's options of `Bun.serve` with an engine added. The engine answers below its path and handles its own WebSockets;
 * everything else goes to the program. Limits of the program stay its own. `ours`: the handlers of the engine's WebSockets.
 */
export function beside(ours: IBunWebSocketHandlers, own: IBunServeOptions, { engine, serves }: Served): IBunHandlers {
  const { fetch, websocket, routes } = own;
  const answer = (request: Request, server: BunServer) => engine.answer(request, server);
  return {
    ...own,
    fetch(request, server) {
      if (serves(request, server)) return answer(request, server);
      return fetch?.call(this, request, server) ?? notFound();
    },
    // Bun tries routes first, and a catch-all route of the program would take the engine's requests.
    ...(routes === undefined ? {} : { routes: { ...routes, ...routesTo(engine.opts.path, answer) } }),
    websocket: websocket === undefined ? ours : shared(engine, ours, websocket),
  };
}

function routesTo(path: string, answer: unknown): Record<string, unknown> {
  return { [path]: answer, [`${path.replace(/\/$/, '')}/*`]: answer };
}

function guarded(engine: BunEngine, plain: IBunWebSocketHandlers): IBunWebSocketHandlers {
  const { least, most } = WEBSOCKET_IDLE_S;
  return {
    ...plain,
    // The messages that this drops are lost in any case: a wire sends nothing after a dropped message.
    closeOnBackpressureLimit: true,
    // As long as a peer may be silent. It also ends the connection of a peer that reads nothing: after Bun's `close()` nothing
    // else does.
    idleTimeout: Math.min(Math.max(silenceOf(engine.opts), least), most),
  };
}

/** The arguments of Bun's handlers after the WebSocket. That of `message` is the message. */
type HandlerArguments = [message: MessageBody, ...unknown[]];
type Handler = (webSocket: BunWebSocket, ...args: HandlerArguments) => unknown;

/** Calls each handler of the program for the program's own WebSockets only. Its limits apply to those. */
function shared(engine: BunEngine, ours: IBunWebSocketHandlers, own: IBunWebSocketHandlers): IBunWebSocketHandlers {
  const { maxPayloadLength = BUN_MAX_PAYLOAD, closeOnBackpressureLimit = false } = own;
  const handlers: Record<string, Handler> = {};
  for (const name of new Set([...Object.keys(ours), ...Object.keys(own)])) {
    const [mine, theirs] = [handlerOf(ours, name), handlerOf(own, name)];
    if (mine === undefined && theirs === undefined) continue;
    handlers[name] = (webSocket, ...args) => {
      if (engine.owns(webSocket)) mine?.(webSocket, ...args);
      else if (name === 'message' && !isWithin(maxPayloadLength, args[0])) webSocket.close(TOO_LARGE);
      else theirs?.(webSocket, ...args);
    };
  }
  return {
    ...ours,
    ...own,
    closeOnBackpressureLimit,
    maxPayloadLength: Math.max(maxPayloadLength, ours.maxPayloadLength ?? 0),
    idleTimeout: own.idleTimeout ?? Math.max(BUN_IDLE_S, ours.idleTimeout ?? 0),
    ...handlers,
  };
}

function handlerOf(handlers: IBunWebSocketHandlers, name: string): Handler | undefined {
  const handler: unknown = Reflect.get(handlers, name);
  return typeof handler === 'function' ? handler.bind(handlers) : undefined;
}
