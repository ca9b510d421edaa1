import type { BunServer, BunWebSocket } from './bun-types.js';

/*
 * Tells the WebSockets that an engine has opened from those of the program on the same server. Only public members are used: the
 * engine opens a WebSocket by `server.upgrade(request, { data })`, and Bun passes this `data` to each handler.
 */
export class OpenedWebSockets {
  /** The data of opened WebSockets, and the transports of those that were opened before `noting()` was in use. */
  readonly #known = new WeakSet<object>();
  readonly #noting = new WeakMap<BunServer, BunServer>();

  has({ data }: BunWebSocket): boolean {
    if (typeof data !== 'object' || data === null) return false;
    return this.#known.has(data) || (data.transport !== undefined && this.#known.has(data.transport));
  }

  add(key: object): void {
    this.#known.add(key);
  }

  /** The server that the engine gets instead of `server`. It records the upgrades that it makes. */
  noting(server: BunServer): BunServer {
    let noting = this.#noting.get(server);
    if (noting === undefined) {
      noting = new Proxy(server, { get: (target, key) => this.#memberOf(target, key) });
      this.#noting.set(server, noting);
    }
    return noting;
  }

  /** Bun's own methods do not work on a `Proxy`, so they are bound to the server. */
  #memberOf(server: BunServer, key: PropertyKey): unknown {
    const member: unknown = Reflect.get(server, key, server);
    if (typeof member !== 'function') return member;
    const bound = member.bind(server);
    return key === 'upgrade' ? (request: Request, options?: object) => this.#upgrade(bound, request, options) : bound;
  }

  #upgrade(upgrade: (request: Request, options: object) => boolean, request: Request, options: object = {}): boolean {
    const { data = {} } = options as { readonly data?: unknown };
    // Only an object can be recognized later. Without a WebSocket, the client continues with polling.
    if (typeof data !== 'object' || data === null) return false;
    this.#known.add(data);
    return upgrade(request, { ...options, data });
  }
}
