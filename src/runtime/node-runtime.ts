import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { type IngressEngine, NodeIngress } from '../ingress/node.js';
import { NodeStrangers, type StrangerConnection } from '../ingress/node-strangers.js';
import type { Connection } from '../ports/connection.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import { type IdleConnection, IdleConnections } from '../socketio/idle-connections.js';
import { Server } from '../socketio/packages.js';
import type { UpgradingEngine } from '../socketio/upgrade-responses.js';
import type { RuntimeReport } from './reports.js';

/** How often connections that have become idle are looked for while a server closes. */
const IDLE_SWEEP_MS = 50;
/** Socket.IO's own default of `destroyUpgradeTimeout`. */
const DESTROY_UPGRADE_MS = 1_000;

/** What is used of `ws`, which engine.io keeps as `transport.socket`. */
interface WsSocket {
  readonly readyState: number;
  readonly CLOSED: number;
  terminate(): void;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * What is looked for inside an engine.io connection, each field only where it is found: without them an ending falls
 * back to engine.io's own, which waits for the peer for up to 30 s.
 */
interface EngineConnection extends Connection {
  close(discard?: boolean): void;
  once(event: 'close' | 'upgrade', listener: () => void): unknown;
  readonly transport?: {
    readonly socket?: Partial<WsSocket>;
    readonly req?: IncomingMessage | null;
    readonly dataReq?: IncomingMessage | null;
    /** Of polling: ends the wait for a poll, with which the closing would be told. */
    readonly shouldClose?: unknown;
  };
}

interface Engine {
  readonly clients?: Record<string, EngineConnection>;
  readonly opts?: { allowRequest?: unknown };
}

/** A Socket.IO server attached to a server of node:http or node:https. */
export class NodeRuntime implements Runtime {
  readonly #server: HttpServer;
  readonly #report: Reporter<RuntimeReport>;
  readonly #ending = new Map<EngineConnection, NodeJS.Timeout | undefined>();
  readonly #newId: () => string;
  #engine: Engine | undefined;
  #idle: IdleConnections | undefined;
  #ingress: NodeIngress | undefined;
  readonly #strangers = new NodeStrangers((sid) => this.#clientOf(sid));

  /** `newId` makes ids of the form that no client can join as a room. */
  constructor(server: HttpServer, report: Reporter<RuntimeReport>, newId: () => string) {
    this.#newId = newId;
    this.#server = server;
    this.#report = report;
  }

  attach(serverOptions: Partial<ServerOptions>): Server {
    const { wsEngine, destroyUpgrade, destroyUpgradeTimeout = DESTROY_UPGRADE_MS } = serverOptions;
    const io = new Server(this.#server, {
      ...serverOptions,
      wsEngine: wsEngine ?? this.#strangers.wsEngine((socket) => this.#ingress?.settled(socket), this.#report),
      // The ingress does it, and for sockets that engine.io would leave open.
      destroyUpgrade: false,
    });
    const engine = io.engine as unknown as Engine & UpgradingEngine & IngressEngine;
    this.#engine = engine;
    const { generateId } = engine;
    // Public: "Overwrite this method to generate your custom socket id". In version 3 of the protocol the id of the session is that
    // of the socket too, and so the name of a private room.
    engine.generateId = (request) => (request._query?.EIO === '4' ? generateId.call(engine, request) : this.#newId());
    this.#idle = new IdleConnections(engine);
    this.#ingress = new NodeIngress({
      server: this.#server,
      engine,
      path: pathOf(serverOptions),
      unclaimedMs: destroyUpgrade === false ? undefined : destroyUpgradeTimeout,
      posted: (sid, request, mostBytes) => this.#strangers.posted(sid, request, mostBytes),
    });
    return io;
  }

  limit(connection: Connection, dropped: (start: string | undefined) => void): void {
    this.#strangers.limit(connection as unknown as StrangerConnection, dropped);
  }

  lift(connection: Connection): void {
    this.#strangers.lift(connection as unknown as StrangerConnection);
  }

  end(connection: Connection, graceMs: number): void {
    const engineConnection: EngineConnection = connection;
    if (this.#ending.has(engineConnection)) return;
    this.#watch(engineConnection, setTimeout(() => this.#cut(engineConnection), graceMs).unref());
    this.#attempt(() => connection.close());
  }

  cut(connection: Connection): void {
    const engineConnection: EngineConnection = connection;
    this.#attempt(() => engineConnection.close(true));
  }

  compact(connection: Connection): void {
    this.#idle?.compact(connection as unknown as IdleConnection);
  }

  forget(connection: EngineConnection): void {
    giveUpPolling(connection.transport);
  }

  stopAccepting(): Promise<void> {
    const { clients = {}, opts } = this.#engine ?? {};
    // Handshakes over connections that are kept alive: the client tries again, and finds another instance.
    if (opts !== undefined) {
      opts.allowRequest = (_: unknown, decide: (why: string, allow: boolean) => void) => decide('Shutting down', false);
    }
    for (const connection of Object.values(clients)) this.#watch(connection, undefined);
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
    for (const connection of Object.values(this.#engine?.clients ?? {})) this.#attempt(() => connection.close(true));
  }

  cutAll(): void {
    for (const connection of [...this.#ending.keys()]) this.#cut(connection);
    this.#ingress?.destroyAll();
    this.#server.closeAllConnections?.();
  }

  #clientOf(sid: string): StrangerConnection | undefined {
    const { clients = {} } = this.#engine ?? {};
    return Object.hasOwn(clients, sid) ? (clients[sid] as unknown as StrangerConnection) : undefined;
  }

  /** Ends a connection whatever its peer does. Harmless on one that has ended. */
  #cut(connection: EngineConnection): void {
    const { req, dataReq } = connection.transport ?? {};
    this.#attempt(() => connection.close(true));
    this.#attempt(() => webSocketOf(connection)?.terminate());
    this.#attempt(() => giveUpPolling(connection.transport));
    this.#attempt(() => req?.socket.destroy());
    this.#attempt(() => dataReq?.socket.destroy());
  }

  /** A listener of the program that throws when a socket ends must not keep another one from ending. */
  #attempt(step: () => unknown): void {
    try {
      step();
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'a listener of a socket that ends', error });
    }
  }

  /** Until the wire itself is gone: engine.io forgets a websocket when it asks it to close, not when it has. */
  #watch(connection: EngineConnection, timer: NodeJS.Timeout | undefined): void {
    if (this.#ending.has(connection)) return;
    this.#ending.set(connection, timer);
    const gone = () => {
      clearTimeout(this.#ending.get(connection));
      this.#ending.delete(connection);
    };
    // One that changes from polling to WebSocket meanwhile leaves behind a transport that nobody would look at again.
    const { transport } = connection;
    connection.once('upgrade', () => giveUpPolling(transport));
    const closed = () => onceWireIsGone(connection, gone);
    if (connection.readyState === 'closed') closed();
    else connection.once('close', closed);
  }
}

function webSocketOf(connection: EngineConnection): WsSocket | undefined {
  const socket = connection.transport?.socket;
  return typeof socket?.terminate === 'function' && typeof socket.once === 'function'
    ? (socket as WsSocket)
    : undefined;
}

function onceWireIsGone(connection: EngineConnection, gone: () => void): void {
  const webSocket = webSocketOf(connection);
  if (webSocket === undefined || webSocket.readyState === webSocket.CLOSED) gone();
  else webSocket.once('close', gone);
}

/** A polling transport that closes waits for 30 s for a poll, be its connection gone or not. */
function giveUpPolling(transport: EngineConnection['transport']): void {
  if (typeof transport?.shouldClose === 'function') transport.shouldClose();
}

/** As engine.io writes it. */
function pathOf({ path = '/socket.io', addTrailingSlash }: Partial<ServerOptions>): string {
  return `${path.replace(/\/$/, '')}${addTrailingSlash === false ? '' : '/'}`;
}
