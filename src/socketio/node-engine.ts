import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Wire } from '../ports/wire.js';
import { queryOf } from './engine-request.js';
import type {
  EngineRequest,
  EngineServer,
  EngineServerOptions,
  EngineWebSocket,
  PollResponse,
} from './engine-types.js';
import type { FrameQueue } from './frame-queue.js';
import type { WsFrame } from './frames.js';
import { IdleConnections } from './idle-connections.js';
import { isOrdinary, keepsResponses, keepsWebSockets, probeConnection, probeTransport } from './node-probe.js';
import { type NodeSender, type NodeSenderEvents, nodeSendersOver } from './node-sender.js';
import { noteResponse } from './send-queue.js';
import { noteWebSocket } from './web-sockets.js';

/** The ingress, which handles each request and each upgrade instead of the engine. */
export interface NodeEngineHooks {
  answer(request: EngineRequest, response: ServerResponse): void;
  upgrade(request: EngineRequest, socket: Duplex, head: Buffer): void;
}

/**
 * The one patcher of engine.io's server: it makes the wires of Node.js, and gives the runtime and the fan-out access to the
 * engine. If a private member is not as expected, messages take Socket.IO's own path.
 */
export class NodeEngine {
  readonly #engine: EngineServer;
  readonly #idle: IdleConnections;
  readonly #keepsResponses: boolean;
  /** WebSockets without a wire yet, by the request that opened them. Undefined if transports keep theirs. */
  readonly #opened: WeakMap<object, EngineWebSocket> | undefined;
  #Sender: typeof NodeSender | undefined;
  /** Wires by their sessions. */
  readonly #wires: () => Readonly<Record<string, Wire>>;
  readonly #handle: EngineServer['handleRequest'];
  readonly #handleUpgrade: EngineServer['handleUpgrade'];

  /** `engine`: of a Socket.IO server, before its first connection. */
  constructor(engine: object) {
    this.#engine = engine as EngineServer;
    this.#wires = wiresOf(this.#engine);
    this.#handle = this.#engine.handleRequest;
    this.#handleUpgrade = this.#engine.handleUpgrade;
    this.#idle = new IdleConnections(this.#engine);
    this.#keepsResponses = keepsResponses(this.#engine);
    if (keepsWebSockets(this.#engine)) return;
    const opened = new WeakMap<object, EngineWebSocket>();
    this.#opened = opened;
    this.#engine.on('connection', (connection) => {
      const webSocket = opened.get(connection.request as object);
      if (webSocket !== undefined) noteWebSocket(connection, webSocket);
    });
  }

  /** The engine's own options, which it reads at each request. */
  get opts(): Readonly<EngineServerOptions> {
    return this.#engine.opts;
  }

  /** Routes requests and upgrades to the hooks, which pass them on by `handle` and `handleUpgrade`. */
  patch({ answer, upgrade }: NodeEngineHooks): void {
    const engine = this.#engine;
    engine.handleRequest = (request, response) => answer(request, response);
    engine.handleUpgrade = (request: EngineRequest, socket: Duplex, head) => upgrade(request, socket, head);
  }

  /** The engine's own response. */
  handle(request: EngineRequest, response: ServerResponse): void {
    this.#handle.call(this.#engine, request, response);
  }

  /** The engine's own handling of an upgrade. */
  handleUpgrade(request: EngineRequest, socket: Duplex, head: Buffer): void {
    this.#handleUpgrade.call(this.#engine, request, socket, head);
  }

  emit(event: string, ...args: unknown[]): void {
    this.#engine.emit(event, ...args);
  }

  /** Calls `listener` with each new wire, after Socket.IO. */
  onWire(listener: (wire: Wire) => void): void {
    this.#engine.on('connection', listener);
  }

  get wires(): Wire[] {
    return Object.values(this.#wires());
  }

  /** The wire with this id of Engine.IO. */
  wireOf(sid: string): Wire | undefined {
    const wires = this.#wires();
    return Object.hasOwn(wires, sid) ? wires[sid] : undefined;
  }

  /** From now on WebSocket transports write through `queue`. Returns the name of a missing member, or an empty string. */
  useSenders(queue: FrameQueue<WsFrame>, events: NodeSenderEvents): string {
    const engine = this.#engine;
    const { createTransport } = engine;
    const { base, missing } = probeTransport(engine);
    if (base === undefined || createTransport === undefined) return missing;
    this.#Sender = nodeSendersOver(base, queue, events);
    if (this.#Sender === undefined) return 'one copy of engine.io';
    engine.createTransport = (name, request: EngineRequest) =>
      this.#Sender !== undefined && name === 'websocket' && isOrdinary(request)
        ? new this.#Sender(request)
        : createTransport.call(engine, name, request);
    return '';
  }

  /** Tries how connections send, before the first connection. Returns the name of a missing member, or an empty string. */
  async probe(): Promise<string> {
    const { missing, canSend } = await probeConnection(this.#engine);
    if (!canSend) this.#Sender = undefined;
    return missing;
  }

  /** Whether messages may bypass engine.io: only if the engine has no listener for the packets of all connections. */
  get canSendDirectly(): boolean {
    const engine = this.#engine;
    return this.#Sender !== undefined && engine.listenerCount('flush') === 0 && engine.listenerCount('drain') === 0;
  }

  /** Notes the response to a poll, if polling transports do not keep it in `res`. */
  notePoll(sid: string, response: PollResponse): void {
    if (this.#keepsResponses) return;
    const wire = this.wireOf(sid);
    if (wire !== undefined) noteResponse(wire, response);
  }

  /** Notes the WebSocket of a connection or of an upgrade, if transports do not keep theirs in `socket`. */
  noteWebSocket(request: EngineRequest, webSocket: EngineWebSocket): void {
    if (this.#opened === undefined) return;
    const wire = this.wireOf(queryOf(request).sid ?? '');
    if (wire === undefined) this.#opened.set(request, webSocket);
    else noteWebSocket(wire, webSocket);
  }

  /** Clients of protocol 3 get ids of our form, because there the connection and the socket have one id. */
  makeIds(ofProtocol3: () => string): void {
    const engine = this.#engine;
    const { generateId } = engine;
    // Public: "Overwrite this method to generate your custom socket id".
    engine.generateId = (request) => (queryOf(request).EIO === '4' ? generateId.call(engine, request) : ofProtocol3());
  }

  /** Refuses handshakes over kept-alive TCP connections. The client tries again and reaches another instance. */
  refuseHandshakes(): void {
    this.#engine.opts.allowRequest = (_: unknown, decide: (why: string, allow: boolean) => void) =>
      decide('Shutting down', false);
  }

  /** Frees memory of a wire that nothing uses once its client is authenticated. */
  compact(wire: Wire): void {
    this.#idle.compact(wire);
  }
}

/** The engine's own map of its connections, or a map from public events if an update of engine.io moves it. */
function wiresOf(engine: EngineServer): () => Readonly<Record<string, Wire>> {
  if (typeof engine.clients === 'object') return () => engine.clients ?? {};
  const noted: Record<string, Wire> = {};
  engine.on('connection', (connection) => {
    const { id } = connection;
    if (id === undefined) return;
    noted[id] = connection;
    connection.once('close', () => Reflect.deleteProperty(noted, id));
  });
  return () => noted;
}
