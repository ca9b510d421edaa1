import type { Wire } from '../ports/wire.js';
import type { PublicEngine } from './engine-request.js';
import type { EngineConnection, PollResponse } from './engine-types.js';
import type { FrameQueue } from './frame-queue.js';
import type { WsFrame } from './frames.js';
import { type IdleConnection, IdleConnections } from './idle-connections.js';
import { isOrdinary, keepsResponses, type ProbedEngine, probeConnection, probeTransport } from './node-probe.js';
import { type NodeSender, type NodeSenderEvents, nodeSendersOver, type TransportRequest } from './node-sender.js';
import { noteResponse } from './send-queue.js';
import type { UpgradingEngine } from './upgrade-responses.js';

/** A server of engine.io. All but what its probes name is public. */
interface RawNodeEngine extends ProbedEngine, UpgradingEngine {
  readonly clients?: Record<string, EngineConnection>;
  readonly opts: { allowRequest?: unknown };
  createTransport(name: string, request: TransportRequest): unknown;
  generateId(request: TransportRequest): string | PromiseLike<string>;
  on(event: 'connection', listener: (connection: EngineConnection) => void): unknown;
}

/**
 * The one patcher of engine.io's server: it makes the wires of Node.js, and offers the runtime and the fan-out what they need of
 * it. Where something private is not as expected, everything goes Socket.IO's own way.
 */
export class NodeEngine {
  /** What the ingress stands in front of. */
  readonly ingress: PublicEngine;
  readonly #engine: RawNodeEngine;
  readonly #idle: IdleConnections;
  readonly #keepsResponses: boolean;
  #Sender: typeof NodeSender | undefined;

  /** `engine`: the one of a server of Socket.IO, before the first connection. */
  constructor(engine: object) {
    this.ingress = engine as PublicEngine;
    this.#engine = engine as RawNodeEngine;
    this.#idle = new IdleConnections(this.#engine);
    this.#keepsResponses = keepsResponses(this.#engine);
  }

  /** Calls `listener` with each new wire, after Socket.IO. */
  onWire(listener: (wire: Wire) => void): void {
    this.#engine.on('connection', listener);
  }

  get wires(): Wire[] {
    return Object.values(this.#engine.clients ?? {});
  }

  /** The wire of a session of Engine.IO. */
  wireOf(sid: string): Wire | undefined {
    const { clients = {} } = this.#engine;
    return Object.hasOwn(clients, sid) ? clients[sid] : undefined;
  }

  /** From here on transports over WebSocket write through `queue`. Returns what is missing for that; empty where nothing is. */
  useSenders(queue: FrameQueue<WsFrame>, events: NodeSenderEvents): string {
    const engine = this.#engine;
    const { base, missing } = probeTransport(engine);
    if (base === undefined) return missing;
    this.#Sender = nodeSendersOver(base, queue, events);
    if (this.#Sender === undefined) return 'one copy of engine.io';
    const { createTransport } = engine;
    engine.createTransport = (name, request) =>
      this.#Sender !== undefined && name === 'websocket' && isOrdinary(request)
        ? new this.#Sender(request)
        : createTransport.call(engine, name, request);
    return '';
  }

  /** Tries how connections send, before the first one comes. Returns what is missing; senders are not used without it. */
  async probe(): Promise<string> {
    const { missing, canSend } = await probeConnection(this.#engine);
    if (!canSend) this.#Sender = undefined;
    return missing;
  }

  /** Whether messages may go out past engine.io: nobody listens to the packets of all connections. */
  get canSendDirectly(): boolean {
    const engine = this.#engine;
    return this.#Sender !== undefined && engine.listenerCount('flush') === 0 && engine.listenerCount('drain') === 0;
  }

  /** Notes the response to a poll, where transports don't keep it where it is looked for. */
  notePoll(sid: string, response: PollResponse): void {
    if (this.#keepsResponses) return;
    const wire = this.wireOf(sid);
    if (wire !== undefined) noteResponse(wire, response);
  }

  /** Clients of protocol 3 get ids of their own: there the id of the session is that of the socket too. */
  makeIds(ofProtocol3: () => string): void {
    const engine = this.#engine;
    const { generateId } = engine;
    // Public: "Overwrite this method to generate your custom socket id".
    engine.generateId = (request) => (request._query?.EIO === '4' ? generateId.call(engine, request) : ofProtocol3());
  }

  /** Refuses handshakes over connections that are kept alive: the client tries again, and finds another instance. */
  refuseHandshakes(): void {
    this.#engine.opts.allowRequest = (_: unknown, decide: (why: string, allow: boolean) => void) =>
      decide('Shutting down', false);
  }

  /** Drops what nobody needs of a wire whose client is authenticated. */
  compact(wire: Wire): void {
    this.#idle.compact(wire as unknown as IdleConnection);
  }
}
