import { hasMethods } from '../common/checks.js';

/** The method of a WebSocket server that an upgrade listener calls, even after bundling. ws and engine.io have it. */
const OPENS_WEB_SOCKETS = 'handleUpgrade';
/** An option that only the upgrade listener of engine.io uses. */
const OF_ENGINE_IO = 'destroyUpgrade';
/** The name of the listener that Socket.IO's `bind()` adds to an engine. */
const OF_SOCKET_IO = 'bound onconnection';
const STOP = new Error('the path is known');

/** The events of an HTTP server that are used here. */
export interface UpgradeEvents {
  listeners(event: string): readonly unknown[];
  on(event: 'newListener', listener: (event: unknown, added: unknown) => void): unknown;
  removeListener?(event: 'newListener', listener: (event: unknown, added: unknown) => void): unknown;
}

/** Whether a Socket.IO or Engine.IO server that also answers requests of `path` is attached to an HTTP server. */
export function hasServerAt(server: Pick<UpgradeEvents, 'listeners'>, path: string): boolean {
  return server.listeners('upgrade').some((listener) => servesPath(listener, path));
}

/** Calls `found` for each such server that is attached from now on. Returns a function that ends this. */
export function watchForServers(server: UpgradeEvents, path: string, found: () => void): () => void {
  const added = (event: unknown, listener: unknown): void => {
    if (event === 'upgrade' && servesPath(listener, path)) found();
  };
  server.on('newListener', added);
  return () => server.removeListener?.('newListener', added);
}

/**
 * Whether an upgrade listener opens WebSockets of another server than engine.io, such as ws. It takes or refuses every upgrade that it
 * receives. Engine.IO compares paths itself. A listener that hides the call is not recognized.
 */
export function takesEveryUpgrade(listener: object): boolean {
  return whatOpensWebSockets(listener) === 'another server';
}

function whatOpensWebSockets(listener: object): 'engine.io' | 'another server' | undefined {
  const source = Function.prototype.toString.call(listener);
  if (!source.includes(OPENS_WEB_SOCKETS)) return undefined;
  return source.includes(OF_ENGINE_IO) ? 'engine.io' : 'another server';
}

/** Whether a Socket.IO server is bound to an engine of `@socket.io/bun-engine`. */
export function isBound(engine: unknown): boolean {
  if (!hasMethods(engine, ['listeners'])) return false;
  const listeners = engine.listeners('connection');
  return Array.isArray(listeners) && listeners.some((one) => typeof one === 'function' && one.name === OF_SOCKET_IO);
}

/**
 * Whether a listener is engine.io's, and takes upgrades of `path`. It does not expose its path, and compares it with the beginning
 * of the request's. So it is asked about a request that ends the call at whatever comes after the comparison.
 */
function servesPath(listener: unknown, path: string): boolean {
  if (typeof listener !== 'function' || whatOpensWebSockets(listener) !== 'engine.io') return false;
  let [isAsked, isTaken] = [false, false];
  const url = { slice: (from: number, to: number) => (to <= path.length ? path.slice(from, to) : '') };
  const stop = (): never => {
    throw STOP;
  };
  const request = new Proxy(
    {},
    {
      get(_, member) {
        if (member === 'url' && !isAsked) {
          isAsked = true;
          return url;
        }
        isTaken = isAsked;
        return stop();
      },
    },
  );
  try {
    listener(request, new Proxy({}, { get: stop }), undefined);
  } catch {
    // `STOP`, or what engine.io makes of it.
  }
  return isTaken;
}
