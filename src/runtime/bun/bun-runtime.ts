import type { ServerOptions } from 'socket.io';
import { isBunSince } from '../../common/bun-version.js';
import { CLOSE_TIMEOUT_MS } from '../../common/close-timeout.js';
import { applyOptions } from '../../ingress/bun-options.js';
import { targetOf } from '../../ingress/bun-request.js';
import { BunRequests, type StrangerListeners } from '../../ingress/bun-requests.js';
import type { Reporter } from '../../ports/reports.js';
import type { Attached, EngineRuntime, GuardOrigins } from '../../ports/runtime.js';
import type { Wire } from '../../ports/wire.js';
import { RoomgateError } from '../../protocol/errors.js';
import { BunEngine, isWholeEngine } from '../../socketio/bun-engine.js';
import type { BunPace } from '../../socketio/bun-inputs.js';
import { BunPosts } from '../../socketio/bun-posts.js';
import type { BunServer, IBunHandlers, IBunServeOptions } from '../../socketio/bun-types.js';
import { restoreRequest } from '../../socketio/engine-request.js';
import { Server } from '../../socketio/packages.js';
import type { RuntimeReport } from '../reports.js';
import { beside, handlersOf, type Served } from './serve.js';

/** How often a closing server is polled for unanswered requests. */
const IDLE_SWEEP_MS = 20;
const ANOTHER_MAKE =
  'this version of @socket.io/bun-engine is unknown; the engine is used unchanged, with its own options and defects';
/**
 * Before 1.4, after `stop()` Bun can no longer close connections, counts aborted requests as pending, and may never resolve the
 * promise of `stop()`. There a server is stopped in one step, after the last client has gone.
 */
const STOPS_IN_TWO_STEPS = isBunSince(1, 4);

/** Handlers `fetch` that were made here, with the path and the instance that they serve. */
const served = new WeakMap<object, { readonly path: string; readonly by: string }>();

/** What the runtime of Bun tells other parts. */
export interface BunRuntimeEvents extends BunPace {
  /** Bun has filled the buffer of this wire with pongs. */
  readonly filledByPongs: (wire: Wire) => void;
  /** It sent a message, or a body, that is larger than any may be. */
  readonly tooLarge: (wire: Wire, answer: 1009 | 413) => void;
}

/** A Socket.IO server bound to an engine of `@socket.io/bun-engine`. */
export class BunRuntime implements EngineRuntime<BunEngine> {
  readonly #given: object;
  readonly #engine: BunEngine;
  readonly #identifier: string;
  readonly #report: Reporter<RuntimeReport>;
  readonly #servers = new Set<BunServer>();
  /** Open wires, with the timer that cuts a wire that is being ended. */
  readonly #wires = new Map<Wire, NodeJS.Timeout | undefined>();
  // One listener for all wires, called with the wire as `this`: own ones would cost each idle client memory.
  readonly #closed: (this: Wire) => void;
  readonly #strangers: StrangerListeners = new WeakMap();
  readonly #events: BunRuntimeEvents;
  readonly #posts: BunPosts;
  #requests: BunRequests | undefined;
  #stopped = false;

  /** `server`: a server to stop even if it never had a request. */
  constructor(
    engine: object,
    server: BunServer | undefined,
    identifier: string,
    report: Reporter<RuntimeReport>,
    events: BunRuntimeEvents,
  ) {
    this.#given = engine;
    this.#engine = new BunEngine(engine);
    this.#identifier = identifier;
    this.#report = report;
    this.#events = events;
    this.#posts = new BunPosts(events);
    if (server !== undefined) this.#servers.add(server);
    const wires = this.#wires;
    this.#closed = function () {
      clearTimeout(wires.get(this));
      wires.delete(this);
    };
  }

  attach(serverOptions: Partial<ServerOptions>, guardOrigins: GuardOrigins): Attached<BunEngine> {
    const engine = this.#given;
    const options: Partial<ServerOptions> = { ...serverOptions, serveClient: false };
    if (isWholeEngine(engine)) {
      this.#patch(serverOptions, guardOrigins);
      options.path = engine.opts.path;
    } else this.#report({ type: 'option_ignored', option: 'serverOptions', reason: ANOTHER_MAKE });
    const io = new Server(options);
    // Socket.IO's own type wants an engine for Node.js.
    io.bind(engine as never);
    return { io, engine: this.#engine };
  }

  end(wire: Wire, graceMs: number): void {
    if (graceMs === 0) {
      this.cut(wire);
      return;
    }
    if (graceMs < CLOSE_TIMEOUT_MS) {
      // Its WebSocket can't be found anymore once the wire is closed.
      const steps = this.#engine.cuttingSteps(wire);
      setTimeout(() => {
        for (const step of steps) this.#attempt(step);
      }, graceMs).unref();
    }
    // `GuardedBunSocket` limits the closing of a WebSocket. Nothing else limits that of a polling transport.
    if (this.#wires.get(wire) === undefined && this.#wires.has(wire)) {
      this.#wires.set(wire, setTimeout(() => this.cut(wire), graceMs).unref());
    }
    this.#attempt(() => wire.close());
  }

  cut(wire: Wire): void {
    for (const step of this.#engine.cuttingSteps(wire)) this.#attempt(step);
  }

  abandon(wire: Wire): void {
    this.cut(wire);
  }

  /** Limits polling only. Bun buffers a WebSocket message up to `maxPayloadLength`, and has no limit for one connection. */
  limit(wire: Wire, dropped: (start: string | undefined) => void): void {
    this.#strangers.set(wire, dropped);
  }

  lift(wire: Wire): void {
    this.#strangers.delete(wire);
  }

  delay(wire: Wire, ms: number): void {
    this.#engine.inputs?.delay(wire, ms);
    this.#posts.delay(wire, ms);
  }

  delayedSince(wire: Wire): number | undefined {
    return this.#engine.inputs?.delayedSince(wire) ?? this.#posts.delayedSince(wire);
  }

  forget(wire: Wire): void {
    this.#posts.forget(wire);
    this.#engine.forget(wire);
  }

  stopAccepting(): Promise<void> {
    this.#stopped = true;
    this.#requests?.stop();
    if (STOPS_IN_TWO_STEPS) for (const server of this.#servers) this.#attempt(() => void server.stop());
    return new Promise((resolve) => {
      const sweep = setInterval(() => {
        if (!this.#isIdle()) return;
        clearInterval(sweep);
        resolve();
      }, IDLE_SWEEP_MS);
      sweep.unref();
    });
  }

  closeAll(): void {
    for (const wire of [...this.#wires.keys()]) {
      for (const step of this.#engine.closingSteps(wire)) this.#attempt(step);
    }
  }

  cutAll(): void {
    for (const wire of [...this.#wires.keys()]) this.cut(wire);
    for (const socket of this.#engine.sockets) this.#attempt(() => socket.terminate());
    for (const server of this.#servers) this.#attempt(() => void server.stop(true));
    this.#servers.clear();
  }

  #isIdle(): boolean {
    if (this.#wires.size > 0 || this.#engine.openSockets > 0 || (this.#requests?.pending ?? 0) > 0) return false;
    return !STOPS_IN_TWO_STEPS || [...this.#servers].every(({ pendingRequests = 0 }) => pendingRequests === 0);
  }

  /** Puts `BunRequests` between Bun and the engine. */
  #patch(serverOptions: Partial<ServerOptions>, guardOrigins: GuardOrigins): void {
    const engine = this.#engine;
    const options = applyOptions(engine.opts, serverOptions, guardOrigins, this.#report);
    const { filledByPongs, tooLarge } = this.#events;
    const requests = new BunRequests(engine, {
      requests: options,
      strangers: this.#strangers,
      posts: this.#posts,
      tooLarge: (wire) => tooLarge(wire, 413),
      report: this.#report,
    });
    this.#requests = requests;
    const answer = (request: Request, server: BunServer): Promise<Response> => {
      this.#noteServer(server);
      return requests.answer(request, server);
    };
    const serves = (request: Request, server: BunServer): boolean => {
      this.#noteServer(server);
      return targetOf(request.url).startsWith(engine.opts.path);
    };
    engine.patch({
      answer,
      connected: (wire, request) => {
        const asNode = requests.of(request);
        if (asNode !== undefined) restoreRequest(wire, asNode);
        this.#wires.set(wire, undefined);
        wire.on('close', this.#closed);
      },
      handlers: (plain, own) => {
        const ours = handlersOf(plain, { engine, serves });
        const handlers = own === undefined ? ours : this.#beside(ours, own, { engine, serves });
        served.set(handlers.fetch, { path: engine.opts.path, by: this.#identifier });
        return handlers;
      },
      dropped: (waitingBytes) => this.#report({ type: 'client_too_slow', queuedBytes: waitingBytes }),
      filledByPongs,
      pace: this.#events,
      fullAt: (wire) => this.#posts.fullAt(wire),
      tooLarge: (wire) => tooLarge(wire, 1009),
    });
  }

  #beside({ websocket }: IBunHandlers, own: IBunServeOptions, ours: Served): IBunHandlers {
    const { path } = ours.engine.opts;
    if (path.length <= 1 && (own.fetch ?? own.routes) !== undefined) this.#report({ type: 'path_takes_all' });
    const other = own.fetch === undefined ? undefined : served.get(own.fetch);
    if (other === undefined || !(other.path.startsWith(path) || path.startsWith(other.path))) {
      return beside(websocket, own, ours);
    }
    throw new RoomgateError(
      'invalid_argument',
      `"${this.#identifier}": the given fetch belongs to "${other.by}" and serves the path "${other.path}", so it can't serve ` +
        `"${path}" too. Give one of them another path.`,
    );
  }

  #noteServer(server: BunServer): void {
    if (!this.#stopped) this.#servers.add(server);
  }

  /** If a listener of the program throws when a socket ends, the other sockets must still end. */
  #attempt(step: () => unknown): void {
    try {
      step();
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'a listener of a socket that ends', error });
    }
  }
}
