import type { ServerOptions } from 'socket.io';
import { applyOptions } from '../../ingress/bun-options.js';
import { targetOf } from '../../ingress/bun-request.js';
import { BunRequests, type StrangerListeners } from '../../ingress/bun-requests.js';
import type { Connection } from '../../ports/connection.js';
import type { Reporter } from '../../ports/reports.js';
import type { Runtime } from '../../ports/runtime.js';
import { RoomgateError } from '../../protocol/errors.js';
import {
  abandonUpgrade,
  type BunEngine,
  type BunEngineTransport,
  type BunServer,
  type BunWebSocket,
  type EngineSocket,
  expectPongs,
  isWholeEngine,
  onUpgrading,
  releaseUpgrade,
} from '../../socketio/bun-engine.js';
import { isWithin, TOO_LARGE, Wire, type WireOptions } from '../../socketio/bun-wire.js';
import { Server } from '../../socketio/packages.js';
import type { RuntimeReport } from '../reports.js';
import { beside, handlersOf, listening, type Signs } from './serve.js';

/** How long a peer may take to read what was sent to it before its connection was closed. */
const LAST_WORDS_MS = 5_000;
/** Bytes that may wait for a WebSocket without anybody looking closer. */
const FEW_BYTES = 64 * 1024;
/** How often it is looked whether a server that closes has answered all of its requests. */
const IDLE_SWEEP_MS = 20;
const ANOTHER_MAKE =
  'the engine is not the @socket.io/bun-engine that is known here; it is used as it is, with its own options and faults';
/**
 * Before 1.4 Bun closes no connection any more once it was told to accept none, counts requests that were aborted as pending, and
 * may never keep the promise of `stop()`. There a server is stopped in one step, after the last client has gone.
 */
const STOPS_IN_TWO_STEPS = isAtLeast(process.versions.bun, 1, 4);

/** Engines that a helper was configured with: a second one would answer each request again. */
const taken = new WeakSet<object>();

/** A Socket.IO server bound to an engine of `@socket.io/bun-engine`. */
export class BunRuntime implements Runtime {
  readonly #engine: BunEngine;
  readonly #report: Reporter<RuntimeReport>;
  readonly #servers = new Set<BunServer>();
  readonly #connections = new Map<EngineSocket, NodeJS.Timeout | undefined>();
  readonly #wires = new Map<BunEngineTransport, Wire>();
  readonly #upgrading = new WeakMap<EngineSocket, BunEngineTransport>();
  readonly #carriedBy = new WeakMap<BunEngineTransport, EngineSocket>();
  readonly #wireOptions: WireOptions;
  // One listener for all connections, which are called with the connection as `this`: each idle client would pay for its own.
  readonly #closed: (this: Connection) => void;
  readonly #strangers: StrangerListeners = new WeakMap();
  readonly #waits: (connection: Connection) => void;
  #hearsPongs = false;
  #requests: BunRequests | undefined;
  #stopped = false;

  /**
   * `server`: a server to stop even if it never had a request. `waits` is called with a connection whose buffer Bun itself
   * has filled with pongs.
   */
  constructor(
    engine: unknown,
    server: unknown,
    report: Reporter<RuntimeReport>,
    waits: (connection: Connection) => void,
  ) {
    this.#engine = engine as BunEngine;
    this.#report = report;
    this.#waits = waits;
    if (server !== undefined) this.#servers.add(server as BunServer);
    this.#wireOptions = {
      lastWordsMs: LAST_WORDS_MS,
      hearsPongs: () => this.#hearsPongs,
      dropped: (waitingBytes) => report({ type: 'client_too_slow', queuedBytes: waitingBytes }),
    };
    const connections = this.#connections;
    this.#closed = function () {
      clearTimeout(connections.get(this as EngineSocket));
      connections.delete(this as EngineSocket);
    };
  }

  attach(serverOptions: Partial<ServerOptions>): Server {
    const engine = this.#engine;
    if (taken.has(engine)) {
      throw new RoomgateError(
        'invalid_option',
        'SocketIOServerHelper: option "engine": this engine belongs to another helper, or did. Make a new one.',
      );
    }
    taken.add(engine);
    const options: Partial<ServerOptions> = { ...serverOptions, serveClient: false };
    if (isWholeEngine(engine)) {
      this.#guard(engine, serverOptions);
      options.path = engine.opts.path;
    } else this.#report({ type: 'option_ignored', option: 'serverOptions', reason: ANOTHER_MAKE });
    const io = new Server(options);
    io.bind(engine as never);
    return io;
  }

  end(connection: Connection, graceMs: number): void {
    const socket = connection as EngineSocket;
    if (graceMs === 0) {
      this.cut(socket);
      return;
    }
    // A wire bounds by itself how long it takes; polling has nobody who would.
    if (this.#connections.get(socket) === undefined && this.#connections.has(socket)) {
      this.#connections.set(socket, setTimeout(() => this.cut(socket), graceMs).unref());
    }
    this.#attempt(() => connection.close());
  }

  cut(connection: Connection): void {
    const { transport } = connection as Partial<EngineSocket>;
    this.#discard(connection);
    if (transport !== undefined) this.#attempt(() => this.#wires.get(transport)?.terminate());
  }

  /** Of a WebSocket Bun holds a message up to `maxPayloadLength` before anybody sees it: there is no limit for one connection. */
  limit(connection: Connection, dropped: (start: string | undefined) => void): void {
    this.#strangers.set(connection as EngineSocket, dropped);
  }

  lift(connection: Connection): void {
    this.#strangers.delete(connection as EngineSocket);
  }

  forget(connection: Connection): void {
    const transport = this.#upgrading.get(connection as EngineSocket);
    if (transport !== undefined) releaseUpgrade(connection as EngineSocket, transport);
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
    for (const connection of [...this.#connections.keys()]) this.#discard(connection);
  }

  cutAll(): void {
    for (const connection of [...this.#connections.keys()]) this.cut(connection);
    for (const wire of [...this.#wires.values()]) this.#attempt(() => wire.terminate());
    for (const server of this.#servers) this.#attempt(() => void server.stop(true));
    this.#servers.clear();
  }

  #isIdle(): boolean {
    if (this.#connections.size > 0 || this.#wires.size > 0 || (this.#requests?.pending ?? 0) > 0) return false;
    return !STOPS_IN_TWO_STEPS || [...this.#servers].every(({ pendingRequests = 0 }) => pendingRequests === 0);
  }

  /** Puts itself before the engine, in whose place it stands towards Bun. Handlers that were made before call it as well. */
  #guard(engine: BunEngine, serverOptions: Partial<ServerOptions>): void {
    const requests = new BunRequests(
      engine,
      applyOptions(engine.opts, serverOptions, this.#report),
      this.#strangers,
      this.#report,
    );
    const { onWebSocketOpen, onWebSocketMessage, onWebSocketClose, handler } = engine;
    this.#requests = requests;
    // Who came before there was anybody to serve it.
    for (const early of engine.clients.values()) early.close();
    if (!('clientsCount' in engine)) Object.defineProperty(engine, 'clientsCount', { get: () => engine.clients.size });
    engine.on('connection', (connection, request) => this.#open(connection, request));
    engine.handleRequest = (request, server) => {
      this.#noteServer(server);
      return requests.answer(request, server);
    };
    engine.onWebSocketOpen = (webSocket) => {
      onWebSocketOpen.call(engine, this.#wire(webSocket));
      // A second change of transport, which the engine closes before it has a WebSocket.
      const { readyState = 'open' } = webSocket.data?.transport ?? {};
      if (readyState !== 'open') this.#wireOf(webSocket)?.close();
    };
    engine.onWebSocketMessage = (webSocket, message) => {
      if (isWithin(engine.opts.maxHttpBufferSize, message)) onWebSocketMessage.call(engine, webSocket, message);
      else (this.#wireOf(webSocket) ?? webSocket).close(TOO_LARGE);
    };
    engine.onWebSocketClose = (webSocket, code, reason) => {
      this.#unwire(webSocket);
      onWebSocketClose.call(engine, webSocket, code, reason);
    };
    const serves = (request: Request, server: BunServer): boolean => {
      this.#noteServer(server);
      return targetOf(request.url).startsWith(engine.opts.path);
    };
    const signs: Signs = {
      drain: (webSocket) => this.#drained(webSocket),
      ping: (webSocket) => this.#pinged(webSocket),
      pong: (webSocket) => this.#wireOf(webSocket)?.ponged(),
    };
    engine.handler = (own) => {
      this.#hearsPongs = true;
      return own === undefined
        ? handlersOf(engine, listening(handler.call(engine), signs), serves)
        : beside(engine, own, serves);
    };
  }

  /** Closes a connection, and doesn't wait for a poll with which the rest would be sent. */
  #discard(connection: Connection): void {
    const { transport } = connection as Partial<EngineSocket>;
    this.#attempt(() => connection.close());
    if (connection.readyState !== 'closed') this.#attempt(() => transport?.close());
  }

  #noteServer(server: BunServer): void {
    if (!this.#stopped) this.#servers.add(server);
  }

  /** Before Socket.IO sees the connection: what the engine doesn't know of it is filled in. */
  #open(connection: EngineSocket, request: Request): void {
    const asNode = this.#requests?.of(request);
    if (asNode !== undefined) {
      connection.request = asNode;
      connection.remoteAddress = asNode.socket.remoteAddress;
    }
    connection.protocol ??= 4;
    this.#connections.set(connection, undefined);
    const wire = this.#wires.get(connection.transport);
    if (wire !== undefined) wire.connection = connection;
    connection.on('close', this.#closed);
    expectPongs(connection);
    onUpgrading(connection, (transport) => {
      this.#upgrading.set(connection, transport);
      this.#carriedBy.set(transport, connection);
    });
  }

  #wire(webSocket: BunWebSocket): BunWebSocket {
    const transport = webSocket.data?.transport;
    if (transport === undefined) return webSocket;
    const wire = new Wire(webSocket, this.#wireOptions);
    this.#wires.set(transport, wire);
    return wire;
  }

  #wireOf({ data }: BunWebSocket): Wire | undefined {
    return data?.transport === undefined ? undefined : this.#wires.get(data.transport);
  }

  /** Bun has answered a ping by itself. Its pongs wait for a peer that reads nothing, and are counted like all that waits. */
  #pinged(webSocket: BunWebSocket): void {
    const wire = this.#wireOf(webSocket);
    if (wire === undefined || wire.bufferedAmount <= FEW_BYTES) return;
    const transport = webSocket.data?.transport;
    const connection = transport === undefined ? undefined : (wire.connection ?? this.#carriedBy.get(transport));
    if (connection !== undefined && connection.transport === transport) this.#waits(connection);
    else wire.terminate();
  }

  #drained(webSocket: BunWebSocket): void {
    const wire = this.#wireOf(webSocket);
    // Send after Bun's handler: if the kernel takes only a part of a message that the handler sends, Bun 1.2 never sends the rest.
    if (wire !== undefined) setImmediate(() => wire.drained());
  }

  #unwire({ data }: BunWebSocket): void {
    const transport = data?.transport;
    if (transport === undefined) return;
    this.#wires.get(transport)?.gone();
    this.#wires.delete(transport);
    const connection = this.#carriedBy.get(transport);
    if (connection !== undefined && connection.transport !== transport) abandonUpgrade(connection, transport);
  }

  /** A listener of the program that throws when a socket ends must not keep another one from ending. */
  #attempt(step: () => unknown): void {
    try {
      step();
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'a listener of a socket that ends', error });
    }
  }
}

function isAtLeast(version: string | undefined, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = (version ?? '').split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
