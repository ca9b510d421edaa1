import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { answerNotFound } from '../ingress/not-found.js';
import { addOwnPath, isOwnTarget, noteUpgradeListener } from '../ingress/own-paths.js';
import { takesEveryUpgrade } from '../socketio/other-servers.js';

type Listener = (...args: unknown[]) => void;
type Hidden = 'request' | 'upgrade';
/** A listener of the application in a function of ours. Node.js returns and removes it by its property, as it does for `once`. */
type Wrapper = Listener & { listener: Listener | undefined };

/** The events of which engine.io and the ingress add listeners. Those of `request` they replace. */
const ADDED = ['upgrade', 'close', 'listening'] as const;

const wrappers = new WeakSet<object>();

/**
 * Records and undoes the changes to the listeners of an HTTP server when a Socket.IO server is attached. Socket.IO can't undo
 * them. Its listeners would answer the same requests as those of the next Socket.IO server on this HTTP server.
 *
 * Socket.IO hides the requests of its path from listeners that existed before it. This class hides them from later listeners too,
 * because two answers to one request end the process, and from other WebSocket servers on this HTTP server. If the server has no
 * other listener, all other requests get a 404.
 */
export class AttachedListeners {
  readonly #server: HttpServer;
  readonly #foundApplication: () => void;
  readonly #requestsBefore: readonly Listener[];
  readonly #before: ReadonlySet<unknown>;
  readonly #forgetPath: () => void;
  #added: readonly (readonly [event: string, listener: Listener])[] = [];
  #onRequest: Listener | undefined;
  #isDetached = false;
  #isSetting = false;
  /** Whether the application has added a request listener of its own. */
  #hasOtherListener = false;

  /**
   * Call it before a Socket.IO server is attached at `path`, and `attached()` after that. `foundApplication` is called when the
   * application has a request listener, and for each later one.
   */
  constructor(server: HttpServer, path: string, foundApplication: () => void) {
    this.#server = server;
    this.#foundApplication = foundApplication;
    // Otherwise the engine, which takes the listeners over, would call those below the wrappers.
    for (const one of rawListenersOf(server, 'request')) if (isWrapper(one)) one.listener = undefined;
    this.#requestsBefore = listenersOf(server, 'request');
    this.#before = new Set(ADDED.flatMap((event) => listenersOf(server, event)));
    this.#forgetPath = addOwnPath(server, path);
    if (this.#requestsBefore.length === 0) server.on('request', this.#unanswered);
    else foundApplication();
  }

  attached(): void {
    const server = this.#server;
    const found = ADDED.flatMap((event) => listenersOf(server, event).map((listener) => [event, listener] as const));
    this.#added = found.filter(([, listener]) => !this.#before.has(listener));
    for (const [event, listener] of this.#added) if (event === 'upgrade') noteUpgradeListener(listener);
    const ours = listenersOf(server, 'request');
    // A server that is attached later keeps this listener, and calls it for all other paths.
    this.#onRequest = (...args) => {
      for (const listener of this.#isDetached ? this.#requestsBefore : ours) listener.apply(server, args);
    };
    this.#setRequestListeners([this.#onRequest]);
    for (const listener of listenersOf(server, 'upgrade')) {
      if (this.#before.has(listener) && takesEveryUpgrade(listener)) this.#hide('upgrade', listener);
    }
    server.on('newListener', this.#onNewListener);
  }

  detach(): void {
    if (this.#isDetached) return;
    this.#isDetached = true;
    this.#forgetPath();
    this.#server.removeListener?.('newListener', this.#onNewListener);
    if (this.#onRequest === undefined) return;
    for (const [event, listener] of this.#added) this.#server.removeListener?.(event, listener);
    const now = listenersOf(this.#server, 'request');
    const at = now.indexOf(this.#onRequest);
    if (at >= 0) this.#setRequestListeners(now.toSpliced(at, 1, ...this.#requestsBefore));
  }

  /** The end of the chain of listeners if the application had none. */
  readonly #unanswered = (_: IncomingMessage, response: ServerResponse): void => {
    const now = listenersOf(this.#server, 'request');
    const isAlone = now.length === 1 && this.#server.listeners('stream').length === 0;
    // A server that was attached later has taken over all listeners.
    const mayBeBelow = this.#hasOtherListener && !this.#isIn(now);
    if (isAlone && !mayBeBelow) answerNotFound(response);
  };

  #isIn(listeners: readonly unknown[]): boolean {
    return this.#onRequest !== undefined && listeners.includes(this.#onRequest);
  }

  readonly #onNewListener = (event: unknown, listener: Listener): void => {
    if (this.#isSetting || wrappers.has(listener)) return;
    // It is added after this event.
    if (event === 'upgrade' && takesEveryUpgrade(listener)) queueMicrotask(() => this.#hide(event, listener));
    if (event !== 'request') return;
    this.#hasOtherListener ||= this.#isIn(listenersOf(this.#server, event));
    queueMicrotask(() => this.#hideLater(listener));
  };

  #hideLater(listener: Listener): void {
    const now = rawListenersOf(this.#server, 'request');
    // Otherwise it has taken our listener over, and calls it.
    if (!this.#isIn(now) || !now.includes(listener)) return;
    this.#foundApplication();
    this.#hide('request', listener);
  }

  /** From now on a listener of the application gets no requests of the paths of instances. */
  #hide(event: Hidden, listener: Listener): void {
    const server = this.#server;
    const now = rawListenersOf(server, event);
    if (this.#isDetached || !now.includes(listener)) return;
    const pass: Listener = (...args) => {
      const [request] = args as [IncomingMessage];
      if (!isOwnTarget(server, request.url)) listener.apply(server, args);
    };
    const wrapper: Wrapper = Object.assign(pass, { listener });
    wrappers.add(wrapper);
    this.#isSetting = true;
    if (event === 'upgrade') {
      // The others stay, because those of engine.io must not look like new ones.
      server.removeListener(event, listener);
      server.on(event, wrapper);
    } else this.#setRequestListeners(now.map((one) => (one === listener ? wrapper : one)));
    this.#isSetting = false;
  }

  #setRequestListeners(listeners: readonly Listener[]): void {
    this.#isSetting = true;
    this.#server.removeAllListeners('request');
    for (const listener of listeners) this.#server.on('request', listener);
    this.#isSetting = false;
  }
}

function isWrapper(listener: Listener | Wrapper): listener is Wrapper {
  return wrappers.has(listener);
}

function listenersOf(server: HttpServer, event: string): Listener[] {
  return server.listeners(event) as Listener[];
}

function rawListenersOf(server: HttpServer, event: Hidden): (Listener | Wrapper)[] {
  return (server.rawListeners?.(event) ?? []) as (Listener | Wrapper)[];
}
