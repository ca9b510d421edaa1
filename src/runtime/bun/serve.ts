import { LONGEST_IDLE_S, silenceOf } from '../../ingress/bun-options.js';
import type {
  BunEngine,
  BunServer,
  BunWebSocket,
  IBunHandlers,
  IBunServeOptions,
  IBunWebSocketHandlers,
  MessageBody,
} from '../../socketio/bun-engine.js';
import { isWithin, TOO_LARGE } from '../../socketio/bun-wire.js';

/** What Bun takes for the `idleTimeout` of a WebSocket, in seconds. */
const WEBSOCKET_IDLE_S = { least: 8, most: 960 } as const;
/** Bun's own default for the largest message of a WebSocket, in bytes. */
const BUN_MAX_PAYLOAD = 16 * 1024 * 1024;
/** And for how long one may be idle, in seconds. */
const BUN_IDLE_S = 120;

/** Whether a request is below the path that the engine serves. */
export type Serves = (request: Request, server: BunServer) => boolean;

/** What Bun says of a WebSocket beside what the engine listens to: some of its buffer went out, a ping came, a pong came. */
export type Signs = Readonly<Record<'drain' | 'ping' | 'pong', (webSocket: BunWebSocket) => void>>;

/** The engine's own handlers, and those for what it doesn't listen to. */
export function listening(plain: IBunHandlers, signs: Signs): IBunHandlers {
  return { ...plain, websocket: { ...plain.websocket, ...signs } };
}

/** What `Bun.serve` needs for an engine that serves alone. */
export function handlersOf(engine: BunEngine, plain: IBunHandlers, serves: Serves): IBunHandlers {
  return {
    ...plain,
    fetch: (request, server) =>
      serves(request, server) ? engine.handleRequest(request, server) : new Response(null, { status: 404 }),
    websocket: guarded(engine, plain.websocket),
    idleTimeout: Math.min(plain.idleTimeout ?? LONGEST_IDLE_S, LONGEST_IDLE_S),
  };
}

/**
 * The program's own options of `Bun.serve`, with an engine in them: it answers below its path and takes its own WebSockets, and
 * the program has the rest. Limits of the program stay its own.
 */
export function beside(engine: BunEngine, own: IBunServeOptions, serves: Serves): IBunHandlers {
  const { fetch, websocket, routes } = own;
  const { websocket: plain } = engine.handler();
  const answer = (request: Request, server: BunServer) => engine.handleRequest(request, server);
  return {
    ...own,
    fetch(request, server) {
      if (serves(request, server)) return answer(request, server);
      return fetch?.call(this, request, server) ?? new Response(null, { status: 404 });
    },
    // Bun looks into the routes first, where one for everything would take ours.
    ...(routes === undefined ? {} : { routes: { ...routes, ...routesTo(engine.opts.path, answer) } }),
    websocket: websocket === undefined ? plain : shared(engine, plain, websocket),
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

/** Each handler of the program is called for the program's own WebSockets only, and its limits hold for those. */
function shared(engine: BunEngine, ours: IBunWebSocketHandlers, own: IBunWebSocketHandlers): IBunWebSocketHandlers {
  const { maxPayloadLength = BUN_MAX_PAYLOAD, closeOnBackpressureLimit = false } = own;
  const composed: Record<string, unknown> = { ...ours, ...own, closeOnBackpressureLimit };
  composed.maxPayloadLength = Math.max(maxPayloadLength, ours.maxPayloadLength ?? 0);
  composed.idleTimeout = own.idleTimeout ?? Math.max(BUN_IDLE_S, ours.idleTimeout ?? 0);
  for (const name of new Set([...Object.keys(ours), ...Object.keys(own)])) {
    const [mine, theirs] = [handlerOf(ours, name), handlerOf(own, name)];
    if (mine === undefined && theirs === undefined) continue;
    composed[name] = (webSocket: BunWebSocket, ...args: unknown[]) => {
      if (isOf(engine, webSocket)) mine?.(webSocket, ...args);
      else if (name === 'message' && !isWithin(maxPayloadLength, args[0] as MessageBody)) webSocket.close(TOO_LARGE);
      else theirs?.(webSocket, ...args);
    };
  }
  return composed as unknown as IBunWebSocketHandlers;
}

function handlerOf(
  handlers: IBunWebSocketHandlers,
  name: string,
): ((webSocket: BunWebSocket, ...args: unknown[]) => unknown) | undefined {
  const handler: unknown = handlers[name as keyof IBunWebSocketHandlers];
  return typeof handler === 'function' ? handler.bind(handlers) : undefined;
}

/** Whether a WebSocket was opened by this engine, whose transports know its options. */
function isOf(engine: BunEngine, { data }: BunWebSocket): boolean {
  return typeof data === 'object' && data !== null && data.transport?.opts === engine.opts;
}
