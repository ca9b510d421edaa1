import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';

type Listener = (...args: unknown[]) => void;

/** The events of which engine.io and the ingress add listeners. Those of `request` they replace. */
const ADDED = ['upgrade', 'close', 'listening'] as const;

/**
 * Records and undoes the changes to the listeners of an HTTP server when a Socket.IO server is attached. Socket.IO can't undo
 * them. Its listeners would answer the same requests as those of the next Socket.IO server on this HTTP server.
 */
export class AttachedListeners {
  readonly #server: HttpServer;
  readonly #requestsBefore: readonly Listener[];
  readonly #before: ReadonlySet<unknown>;
  #added: readonly (readonly [event: string, listener: Listener])[] = [];
  #onRequest: Listener | undefined;
  #isDetached = false;

  /** Call it before a Socket.IO server is attached, and `attached()` after that. */
  constructor(server: HttpServer) {
    this.#server = server;
    this.#requestsBefore = listenersOf(server, 'request');
    this.#before = new Set(ADDED.flatMap((event) => listenersOf(server, event)));
  }

  attached(): void {
    const server = this.#server;
    const found = ADDED.flatMap((event) => listenersOf(server, event).map((listener) => [event, listener] as const));
    this.#added = found.filter(([, listener]) => !this.#before.has(listener));
    const ours = listenersOf(server, 'request');
    // A server that is attached later keeps this listener, and calls it for all other paths.
    this.#onRequest = (...args) => {
      for (const listener of this.#isDetached ? this.#requestsBefore : ours) listener.apply(server, args);
    };
    this.#setRequestListeners([this.#onRequest]);
  }

  detach(): void {
    if (this.#isDetached || this.#onRequest === undefined) return;
    this.#isDetached = true;
    for (const [event, listener] of this.#added) this.#server.removeListener?.(event, listener);
    const now = listenersOf(this.#server, 'request');
    const at = now.indexOf(this.#onRequest);
    if (at >= 0) this.#setRequestListeners(now.toSpliced(at, 1, ...this.#requestsBefore));
  }

  #setRequestListeners(listeners: readonly Listener[]): void {
    this.#server.removeAllListeners('request');
    for (const listener of listeners) this.#server.on('request', listener satisfies RequestListener);
  }
}

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

function listenersOf(server: HttpServer, event: string): Listener[] {
  return server.listeners(event) as Listener[];
}
