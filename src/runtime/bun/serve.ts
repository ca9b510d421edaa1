import { LONGEST_IDLE_S, silenceOf } from '../../ingress/bun-options.js';
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

/** What Bun takes for the `idleTimeout` of a WebSocket, in seconds. */
const WEBSOCKET_IDLE_S = { least: 8, most: 960 } as const;
/** Bun's own default for the largest message of a WebSocket, in bytes. */
const BUN_MAX_PAYLOAD = 16 * 1024 * 1024;
/** And for how long one may be idle, in seconds. */
const BUN_IDLE_S = 120;

/** The engine, and whether a request is below the path that it serves. */
export interface Served {
  readonly engine: BunEngine;
  readonly serves: (request: Request, server: BunServer) => boolean;
}

/** What `Bun.serve` needs for an engine that serves alone. `plain`: the handlers of the engine. */
export function handlersOf(plain: IBunHandlers, { engine, serves }: Served): IBunHandlers {
  return {
    ...plain,
    fetch: (request, server) =>
      serves(request, server) ? engine.answer(request, server) : new Response(null, { status: 404 }),
    websocket: guarded(engine, plain.websocket),
    idleTimeout: Math.min(plain.idleTimeout ?? LONGEST_IDLE_S, LONGEST_IDLE_S),
  };
}

/**
 * The program's own options of `Bun.serve`, with an engine in them: it answers below its path and takes its own WebSockets, and
 * the program has the rest. Limits of the program stay its own. `ours`: the handlers of the engine's WebSockets.
 */
export function beside(ours: IBunWebSocketHandlers, own: IBunServeOptions, { engine, serves }: Served): IBunHandlers {
  const { fetch, websocket, routes } = own;
  const answer = (request: Request, server: BunServer) => engine.answer(request, server);
  return {
    ...own,
    fetch(request, server) {
      if (serves(request, server)) return answer(request, server);
      return fetch?.call(this, request, server) ?? new Response(null, { status: 404 });
    },
    // Bun looks into the routes first, where one for everything would take ours.
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
    // What is lost by then is lost: a wire sends nothing behind it anyway.
    closeOnBackpressureLimit: true,
    // As long as a peer may keep silent. It is also what ends the wire of a peer that reads nothing: once Bun was told to close
    // a WebSocket, nothing else does.
    idleTimeout: Math.min(Math.max(silenceOf(engine.opts), least), most),
  };
}

/** What Bun calls a handler with: the second argument of `message` is what came in. */
type HandlerArguments = [message: MessageBody, ...unknown[]];
type Handler = (webSocket: BunWebSocket, ...args: HandlerArguments) => unknown;

/** Each handler of the program is called for the program's own WebSockets only, and its limits hold for those. */
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
