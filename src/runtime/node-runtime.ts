import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { enginePath } from '../ingress/engine-path.js';
import { NodeIngress } from '../ingress/node.js';
import { NodePosts } from '../ingress/node-posts.js';
import { NodeStrangers } from '../ingress/node-strangers.js';
import { allowOrigins, harmlessAllow } from '../ingress/origins.js';
import type { Reporter } from '../ports/reports.js';
import type { Attached, EngineRuntime, GuardOrigins } from '../ports/runtime.js';
import type { Wire } from '../ports/wire.js';
import { guardedSocketOf } from '../socketio/engine-io.js';
import { openingHeaders } from '../socketio/engine-request.js';
import { transportOf } from '../socketio/engine-transport.js';
import type { EngineRequest } from '../socketio/engine-types.js';
import {
  abandoningSteps,
  closeNow,
  cuttingSteps,
  giveUpPolling,
  giveUpPollingOnUpgrade,
  onceGone,
} from '../socketio/node-endings.js';
import { NodeEngine } from '../socketio/node-engine.js';
import { watchForServers } from '../socketio/other-servers.js';
import type { Pacing } from '../socketio/pacing.js';
import { Server } from '../socketio/packages.js';
import { AttachedListeners } from './attached-listeners.js';
import type { RuntimeReport } from './reports.js';

/** How often a closing server closes connections that have become idle. */
const IDLE_SWEEP_MS = 50;
/** Socket.IO's own default of `destroyUpgradeTimeout`. */
const DESTROY_UPGRADE_MS = 1_000;

/** How fast the messages of clients are handled, and what happens to a client that is too fast for too long. */
export interface NodePace {
  readonly pacing: Pacing;
  readonly tooFast: (wire: Wire) => void;
  /** It sent a message, or a body, that is larger than any may be. */
  readonly tooLarge: (wire: Wire, answer: 1009 | 413) => void;
}

/** A Socket.IO server attached to a server of node:http or node:https. */
export class NodeRuntime implements EngineRuntime<NodeEngine> {
  readonly #server: HttpServer;
  readonly #report: Reporter<RuntimeReport>;
  /** Wires that are being ended, or whose WebSocket is still open, with the timer that cuts them. */
  readonly #ending = new Map<Wire, NodeJS.Timeout | undefined>();
  readonly #newId: () => string;
  readonly #pace: NodePace;
  readonly #posts: NodePosts;
  #engine: NodeEngine | undefined;
  #ingress: NodeIngress | undefined;
  #listeners: AttachedListeners | undefined;
  #stopWatching: (() => void) | undefined;
  #hasReportedPath = false;
  readonly #strangers = new NodeStrangers(
    (sid) => this.#engine?.wireOf(sid),
    (wire) => this.#posts.upgraded(wire),
  );

  /** `newId` makes ids of the form that no client can join as a room. */
  constructor(server: HttpServer, report: Reporter<RuntimeReport>, newId: () => string, pace: NodePace) {
    this.#newId = newId;
    this.#pace = pace;
    this.#server = server;
    this.#report = report;
    this.#posts = new NodePosts({ pace, tooLarge: (wire) => pace.tooLarge(wire, 413), report });
  }

  attach(serverOptions: Partial<ServerOptions>, guardOrigins: GuardOrigins): Attached<NodeEngine> {
    const path = enginePath(serverOptions.path, serverOptions.addTrailingSlash);
    const listeners = new AttachedListeners(this.#server, path, () => this.#foundApplication(path));
    this.#listeners = listeners;
    try {
      return this.#attach(serverOptions, guardOrigins);
    } finally {
      listeners.attached();
      this.#watch(path);
    }
  }

  detach(): void {
    this.#stopWatching?.();
    this.#listeners?.detach();
  }

  #watch(path: string): void {
    this.#stopWatching = watchForServers(this.#server, path, () => this.#report({ type: 'path_shared', path }));
  }

  /** The application listens to requests on the same server. */
  #foundApplication(path: string): void {
    if (path.length > 1 || this.#hasReportedPath) return;
    this.#hasReportedPath = true;
    this.#report({ type: 'path_takes_all' });
  }

  #attach(serverOptions: Partial<ServerOptions>, guardOrigins: GuardOrigins): Attached<NodeEngine> {
    const guard = guardOrigins(serverOptions.cors);
    const { wsEngine, destroyUpgrade, destroyUpgradeTimeout = DESTROY_UPGRADE_MS } = serverOptions;
    const io = new Server(this.#server, {
      ...serverOptions,
      ...(guard.cors !== undefined && { cors: guard.cors }),
      allowRequest: allowOrigins(guard, harmlessAllow(serverOptions.allowRequest, this.#report)),
      wsEngine: wsEngine ?? this.#wsEngine(),
      // The ingress destroys unclaimed upgrades, including sockets that engine.io would leave open.
      destroyUpgrade: false,
    });
    const engine = new NodeEngine(io.engine);
    this.#engine = engine;
    engine.makeIds(this.#newId);
    this.#ingress = new NodeIngress({
      server: this.#server,
      engine,
      path: enginePath(serverOptions.path, serverOptions.addTrailingSlash),
      unclaimedMs: destroyUpgrade === false ? undefined : destroyUpgradeTimeout,
      posted: (sid, request, response) => this.#posted(engine.wireOf(sid), request, response),
      admitsUpgrade: (request, sid) => {
        const wire = engine.wireOf(sid);
        // The engine refuses unknown sessions.
        return wire === undefined || guard.admits(request, openingHeaders(wire));
      },
      polled: (sid, response) => engine.notePoll(sid, response),
    });
    engine.onWire((wire) => this.#posts.open(wire));
    return { io, engine };
  }

  #posted(wire: Wire | undefined, request: EngineRequest, response: ServerResponse): 400 | 413 | undefined {
    const mostBytes = this.#engine?.opts.maxHttpBufferSize ?? 0;
    if (wire === undefined) return undefined;
    const bytes = Number(request.headers['content-length'] ?? 0);
    const status = this.#posts.begin(wire, bytes, mostBytes, response);
    if (status === undefined) this.#strangers.filter(wire, request, response, mostBytes);
    return status;
  }

  limit(wire: Wire, dropped: (start: string | undefined) => void): void {
    this.#strangers.limit(wire, dropped);
  }

  lift(wire: Wire): void {
    this.#strangers.lift(wire);
  }

  end(wire: Wire, graceMs: number): void {
    if (this.#ending.get(wire) !== undefined) return;
    this.#untilGone(wire, setTimeout(() => this.#cut(wire), graceMs).unref());
    this.#attempt(() => wire.close());
  }

  cut(wire: Wire): void {
    this.#attempt(() => closeNow(wire));
  }

  abandon(wire: Wire): void {
    for (const step of abandoningSteps(wire)) this.#attempt(step);
  }

  delay(wire: Wire, ms: number): void {
    guardedSocketOf(wire, transportOf(wire))?.delay(ms);
    this.#posts.delay(wire, ms);
  }

  delayedSince(wire: Wire): number | undefined {
    return guardedSocketOf(wire, transportOf(wire))?.delayedSince ?? this.#posts.delayedSince(wire);
  }

  compact(wire: Wire): void {
    this.#engine?.compact(wire);
  }

  forget(wire: Wire): void {
    this.#posts.forget(wire);
    giveUpPolling(wire);
  }

  stopAccepting(): Promise<void> {
    this.#engine?.refuseHandshakes();
    for (const wire of this.#wires) this.#untilGone(wire, undefined);
    this.#ingress?.destroyAll();
    return new Promise((resolve) => {
      const sweep = setInterval(() => this.#server.closeIdleConnections?.(), IDLE_SWEEP_MS).unref();
      this.#server.close(() => {
        clearInterval(sweep);
        resolve();
      });
    });
  }

  closeAll(): void {
    for (const wire of this.#wires) this.#attempt(() => closeNow(wire));
  }

  cutAll(): void {
    for (const wire of [...this.#ending.keys()]) this.#cut(wire);
    this.#ingress?.destroyAll();
    this.#server.closeAllConnections?.();
  }

  #wsEngine(): ServerOptions['wsEngine'] {
    const opened: Parameters<NodeStrangers['wsEngine']>[0] = (socket, webSocket, request) => {
      this.#ingress?.handedOver(socket);
      this.#engine?.noteWebSocket(request, webSocket);
    };
    return this.#strangers.wsEngine(opened, this.#pace, this.#report);
  }

  get #wires(): Wire[] {
    return this.#engine?.wires ?? [];
  }

  /** Ends a wire, whatever its peer does. Harmless on one that has ended. */
  #cut(wire: Wire): void {
    for (const step of cuttingSteps(wire)) this.#attempt(step);
  }

  /** If a listener of the program throws when a socket ends, the other sockets must still end. */
  #attempt(step: () => unknown): void {
    try {
      step();
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'a listener of a socket that ends', error });
    }
  }

  /** Keeps a wire until its WebSocket has closed: engine.io forgets a connection when it starts to close it. */
  #untilGone(wire: Wire, timer: NodeJS.Timeout | undefined): void {
    const isKnown = this.#ending.has(wire);
    if (isKnown && timer === undefined) return;
    this.#ending.set(wire, timer);
    if (isKnown) return;
    const gone = () => {
      clearTimeout(this.#ending.get(wire));
      this.#ending.delete(wire);
    };
    giveUpPollingOnUpgrade(wire);
    const closed = () => onceGone(wire, gone);
    if (wire.readyState === 'closed') closed();
    else wire.once('close', closed);
  }
}
