import { hasMethods } from '../common/checks.js';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { Wire } from '../ports/wire.js';
import { RoomgateError } from '../protocol/errors.js';
import type { BunFrame } from './bun-frames.js';
import { BunInputs, type BunInputsOptions, type BunPace } from './bun-inputs.js';
import { OpenedWebSockets } from './bun-opened.js';
import { probeBunEngine } from './bun-probe.js';
import { BunSender, type BunSenderEvents } from './bun-sender.js';
import { GuardedBunSocket, type GuardedSocketOptions, isWithin, TOO_LARGE } from './bun-socket.js';
import type {
  BunConnection,
  BunServer,
  BunTransport,
  BunWebSocket,
  EngineOptions,
  IBunHandlers,
  IBunServeOptions,
  IBunWebSocketHandlers,
  MessageBody,
  RawBunEngine,
} from './bun-types.js';
import { BunUpgrades, expectPongs } from './bun-upgrades.js';
import type { EngineConnection } from './engine-types.js';
import type { FrameQueue } from './frame-queue.js';
import { noteWebSocket, webSocketOf } from './web-sockets.js';

/** The parts of the engine's work that the runtime does instead. */
export interface BunEngineHooks {
  answer(request: Request, server: BunServer): Promise<Response>;
  /** A new wire, before Socket.IO sees it. The runtime adds the parts of the request that the engine does not keep. */
  connected(wire: BunConnection, request: Request): void;
  /** Handlers of `Bun.serve`, made from the engine's own, and from the program's if both share the server. */
  handlers(plain: IBunHandlers, own: IBunServeOptions | undefined): IBunHandlers;
  /** Bun dropped a message. The argument is the number of buffered bytes. */
  dropped(waitingBytes: number): void;
  /** Bun answered pings by itself, and the peer of this wire does not read the pongs. */
  filledByPongs(wire: Wire): void;
  readonly pace: BunPace;
  readonly fullAt: BunInputsOptions['fullAt'];
  /** A wire's peer sent a message that is larger than any may be. */
  tooLarge(wire: Wire): void;
}

/** Buffered bytes of a WebSocket up to which nothing is checked. */
const FEW_BYTES = 64 * 1024;

const METHODS = ['on', 'emit', 'close', 'handleRequest', 'onWebSocketOpen', 'onWebSocketMessage', 'onWebSocketClose'];

/** A new engine. The package is loaded here and not earlier, because Node.js can't load it. @throws RoomgateError */
export function makeEngine(of: string): unknown {
  try {
    // Not `import()`, because the compiler would read the package's types, and these need Bun's.
    const { Server } = require('@socket.io/bun-engine') as { Server: new () => unknown };
    return new Server();
  } catch (cause) {
    const text = `${of}: on Bun the package @socket.io/bun-engine is needed. Install it: bun add @socket.io/bun-engine`;
    throw new RoomgateError('unsupported', text, { cause });
  }
}

/** Whether the engine has every member that is used here. A test double or another engine is bound without changes. */
export function isWholeEngine(engine: unknown): engine is RawBunEngine {
  if (!hasMethods(engine, [...METHODS, 'handler'])) return false;
  const { opts, clients } = engine as Partial<RawBunEngine>;
  return typeof opts === 'object' && typeof opts.path === 'string' && clients instanceof Map;
}

/**
 * The one patcher of `@socket.io/bun-engine`. It sits between Bun and the engine, makes the wires of Bun, and gives the runtime
 * and the fan-out access to the engine.
 */
export class BunEngine {
  readonly #engine: RawBunEngine;
  readonly #handle: RawBunEngine['handleRequest'];
  readonly #opened = new OpenedWebSockets();
  /** By `keyOf()`. */
  readonly #sockets = new Map<object, GuardedBunSocket>();
  readonly #upgrades = new BunUpgrades();
  #hearsPongs = false;
  /** The messages of WebSockets, once `patch()` was called. */
  inputs: BunInputs | undefined;
  #makeSender: ((transport: BunTransport, socket: GuardedBunSocket) => void) | undefined;

  constructor(engine: object) {
    this.#engine = engine as RawBunEngine;
    this.#handle = this.#engine.handleRequest;
  }

  /** The engine's own options, which it reads at each request. */
  get opts(): EngineOptions {
    return this.#engine.opts;
  }

  /** The wire with this id of Engine.IO. */
  wireOf(sid: string): Wire | undefined {
    return this.#engine.clients.get(sid);
  }

  /** Calls `listener` with each new wire. */
  onWire(listener: (wire: Wire) => void): void {
    this.#engine.on('connection', listener);
  }

  emit(event: string, ...args: unknown[]): void {
    this.#engine.emit(event, ...args);
  }

  /** The response for Bun: from the hooks once they are set, from the engine before that. */
  answer(request: Request, server: BunServer): Promise<Response> {
    return this.#engine.handleRequest(request, server);
  }

  /** The engine's own response. */
  handle(request: Request, server: BunServer): Promise<Response> {
    return this.#handle.call(this.#engine, request, this.#opened.noting(server));
  }

  /** Whether a WebSocket was opened by this engine. */
  owns(webSocket: BunWebSocket): boolean {
    return this.#opened.has(webSocket);
  }

  /** Routes Bun's calls through the hooks, including those of handlers that were made before. */
  patch(hooks: BunEngineHooks): void {
    const engine = this.#engine;
    // Connections accepted before there was a Socket.IO server: nothing would serve them.
    for (const early of engine.clients.values()) {
      this.#opened.add(early.transport);
      early.close();
    }
    if (!('clientsCount' in engine)) Object.defineProperty(engine, 'clientsCount', { get: () => engine.clients.size });
    engine.on('connection', (connection, request) => this.#connect(connection, request, hooks));
    engine.handleRequest = (request, server) => hooks.answer(request, server);
    this.#patchWebSockets(hooks);
    const { handler } = engine;
    engine.handler = (own) => {
      this.#hearsPongs = true;
      const plain = handler.call(engine);
      return hooks.handlers({ ...plain, websocket: { ...plain.websocket, ...this.#signs(hooks) } }, own);
    };
  }

  /** From now on WebSockets are written through `queue`. Resolves with the name of a missing member, or with an empty string. */
  async useSenders(queue: FrameQueue<BunFrame>, events: BunSenderEvents): Promise<string> {
    if (!hasMethods(this.#engine, ['onWebSocketOpen', 'handleRequest'])) {
      return 'onWebSocketOpen() and handleRequest() of the engine';
    }
    const missing = await probeBunEngine(this.#engine);
    if (missing === '') this.#makeSender = (transport, socket) => BunSender.make(transport, socket, queue, events);
    return missing;
  }

  /** The steps that close a wire without waiting for another poll. Each may call listeners of the program. */
  closingSteps(wire: Wire): readonly (() => void)[] {
    const { transport }: EngineConnection = wire;
    return [
      () => wire.close(),
      () => {
        if (wire.readyState !== 'closed') transport?.close?.();
      },
    ];
  }

  /** The steps that end a wire, whatever its peer does. */
  cuttingSteps(wire: Wire): readonly (() => void)[] {
    const socket = this.#socketOfWire(wire) ?? webSocketOf(wire);
    return [...this.closingSteps(wire), () => socket?.terminate?.()];
  }

  /** The WebSockets that are not closed, with or without a wire. */
  get sockets(): readonly GuardedBunSocket[] {
    return [...this.#sockets.values()];
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Frees the state of a wire that is gone. */
  forget(wire: Wire): void {
    this.#upgrades.end(wire);
  }

  #patchWebSockets(hooks: BunEngineHooks): void {
    const engine = this.#engine;
    const { onWebSocketOpen, onWebSocketMessage, onWebSocketClose } = engine;
    const options: GuardedSocketOptions = {
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      hearsPongs: () => this.#hearsPongs,
      dropped: (waitingBytes) => hooks.dropped(waitingBytes),
    };
    engine.onWebSocketOpen = (webSocket) => {
      const socket = this.#guard(webSocket, options);
      onWebSocketOpen.call(engine, socket ?? webSocket);
      if (socket !== undefined) this.#use(webSocket, socket);
    };
    const inputs = new BunInputs({
      pace: hooks.pace,
      mostBytes: () => engine.opts.maxHttpBufferSize,
      pass: (socket, message) => onWebSocketMessage.call(engine, socket, message),
      wireOf: (socket) => this.#wireOf(socket),
      socketOf: (wire) => this.#socketOfWire(wire),
      fullAt: hooks.fullAt,
      tooLarge: (wire) => hooks.tooLarge(wire),
    });
    this.inputs = inputs;
    engine.onWebSocketMessage = (webSocket, message: MessageBody) => {
      const socket = this.#socketOf(webSocket);
      if (socket !== undefined) inputs.receive(socket, message);
      else if (isWithin(engine.opts.maxHttpBufferSize, message)) onWebSocketMessage.call(engine, webSocket, message);
      else webSocket.close(TOO_LARGE);
    };
    engine.onWebSocketClose = (webSocket, code, reason) => {
      inputs.end(this.#gone(webSocket), reason, () => {
        if (webSocket.data?.transport !== undefined) this.#upgrades.closed(webSocket.data.transport);
        onWebSocketClose.call(engine, webSocket, code, reason);
      });
    };
  }

  /** Handlers of Bun's events that the engine does not use. */
  #signs(hooks: BunEngineHooks): Partial<IBunWebSocketHandlers> {
    return {
      drain: (webSocket) => this.#drained(webSocket),
      ping: (webSocket) => this.#pinged(webSocket, hooks),
      pong: (webSocket) => this.#socketOf(webSocket)?.ponged(),
    };
  }

  #connect(connection: BunConnection, request: Request, hooks: BunEngineHooks): void {
    hooks.connected(connection, request);
    connection.protocol ??= 4;
    const socket = this.#sockets.get(connection.transport);
    if (socket !== undefined) socket.wire = connection;
    expectPongs(connection);
    this.#upgrades.notice(connection);
  }

  #guard(webSocket: BunWebSocket, options: GuardedSocketOptions): GuardedBunSocket | undefined {
    const key = keyOf(webSocket);
    if (key === undefined) return undefined;
    const socket = new GuardedBunSocket(webSocket, options);
    this.#sockets.set(key, socket);
    return socket;
  }

  #use({ data }: BunWebSocket, socket: GuardedBunSocket): void {
    const { transport } = data ?? {};
    // A second upgrade, which the engine closes before it has a WebSocket.
    if ((transport?.readyState ?? 'open') !== 'open') socket.close();
    else if (transport?.socket === socket) this.#makeSender?.(transport, socket);
    else if (transport !== undefined) noteWebSocket(transport, socket);
  }

  #gone(webSocket: BunWebSocket): GuardedBunSocket | undefined {
    const key = keyOf(webSocket);
    const socket = key === undefined ? undefined : this.#sockets.get(key);
    socket?.gone();
    if (key !== undefined) this.#sockets.delete(key);
    return socket;
  }

  #drained(webSocket: BunWebSocket): void {
    const socket = this.#socketOf(webSocket);
    // Send after Bun's handler: if the kernel takes only a part of a message that the handler sends, Bun 1.2 never sends the rest.
    if (socket !== undefined) setImmediate(() => socket.drained());
  }

  /** Bun has answered a ping by itself. Pongs that the peer does not read count against its budget like messages. */
  #pinged(webSocket: BunWebSocket, hooks: BunEngineHooks): void {
    const socket = this.#socketOf(webSocket);
    if (socket === undefined) return;
    this.inputs?.pinged(socket);
    if (socket.bufferedAmount <= FEW_BYTES) return;
    const wire = this.#wireOf(socket);
    if (wire !== undefined && wire.transport === webSocket.data?.transport) hooks.filledByPongs(wire);
    else socket.terminate();
  }

  /** The wire of a WebSocket, which may still be upgrading to it. */
  #wireOf(socket: GuardedBunSocket): EngineConnection | undefined {
    const transport = socket.data?.transport;
    return socket.wire ?? (transport === undefined ? undefined : this.#upgrades.wireOf(transport));
  }

  #socketOfWire(wire: Wire): GuardedBunSocket | undefined {
    const { transport }: EngineConnection = wire;
    return transport === undefined ? undefined : this.#sockets.get(transport);
  }

  #socketOf(webSocket: BunWebSocket): GuardedBunSocket | undefined {
    const key = keyOf(webSocket);
    return key === undefined ? undefined : this.#sockets.get(key);
  }
}

/** The key of a WebSocket: its transport, or the data that the engine gave it if it has no transport. */
function keyOf({ data }: BunWebSocket): object | undefined {
  return data?.transport ?? data;
}
