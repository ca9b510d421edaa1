import { EventEmitter } from 'node:events';
import { ServerResponse } from 'node:http';
import { type KeptRequest, released } from './released-request.js';

/*
 * What engine.io holds for a connection and nobody needs once its client is authenticated. It is private to engine.io, as
 * far as it isn't marked as public below, and touched in this file only. Each part is tried before it is used; where it is
 * not as expected it is left alone.
 */

/** What stands for the response to an upgrade: made for middleware, and kept by a listener on the connection's stream. */
interface UpgradeResponse extends EventEmitter {
  readonly socket: Stream;
}
interface Farewell {
  readonly response: EventEmitter;
  readonly listener: () => void;
}
interface Stream extends EventEmitter {
  [FAREWELL]?: Farewell | undefined;
}
const FAREWELL = Symbol('farewell');

/** A server of engine.io. */
export interface IdleEngine {
  /** Public. */
  handleUpgrade(request: object, socket: EventEmitter, head: Buffer): void;
  _applyMiddlewares(request: object, response: object, done: (error?: unknown) => void): void;
  readonly middlewares?: readonly unknown[];
}

interface EngineTransport extends EventEmitter {
  /** Public. */
  readonly name: string;
  readonly socket?: EventEmitter & { readonly _socket?: Stream };
  [CONNECTION]?: IdleConnection | undefined;
}
const CONNECTION = Symbol('connection');

/** A connection of engine.io. */
export interface IdleConnection {
  /** Public, as are the next three. */
  request: unknown;
  readonly readyState: string;
  readonly transport: EngineTransport;
  on(event: 'upgrade', listener: (this: IdleConnection) => void): unknown;
  readonly upgrading: boolean;
  cleanupFn: (() => void)[];
  setTransport(transport: EventEmitter): void;
  onError(error: unknown): void;
  onPacket(packet: unknown): void;
  onDrain(): void;
  onClose(reason: string, description?: unknown): void;
  flush(): void;
}

/** Lets go of it. */
export class IdleConnections {
  #canShare: boolean | undefined;
  readonly #upgraded: (this: IdleConnection) => void;

  constructor(engine: IdleEngine) {
    if (hasFarewell(engine)) watchFarewells(engine);
    const upgraded = (connection: IdleConnection) => this.#lightenTransport(connection);
    this.#upgraded = function () {
      upgraded(this);
    };
  }

  /** The client of this connection is authenticated, and the program's handlers are there. */
  compact(connection: IdleConnection): void {
    if (connection.readyState !== 'open') return;
    const { request } = connection;
    if (request) connection.request = released(request as KeptRequest) ?? request;
    if (connection.transport?.name === 'websocket') this.#lightenTransport(connection);
    else connection.on('upgrade', this.#upgraded);
  }

  /** The connection is gone. */
  forget({ transport }: Partial<IdleConnection>): void {
    if (transport?.[CONNECTION] !== undefined) transport[CONNECTION] = undefined;
  }

  #lightenTransport(connection: IdleConnection): void {
    const { socket } = connection.transport;
    const stream = socket?._socket;
    if (stream !== undefined) dropFarewell(stream);
    if (socket !== undefined) dropPlaceholder(socket);
    this.#canShare ??= sharesAsExpected(connection);
    if (this.#canShare && !connection.upgrading) shareListeners(connection);
  }
}

/** Whether handling an upgrade leaves one listener behind, which does nothing but to tell the response's own listeners. */
function hasFarewell(engine: IdleEngine): boolean {
  if (typeof engine?.handleUpgrade !== 'function' || typeof engine._applyMiddlewares !== 'function') return false;
  const socket = new EventEmitter();
  const told: string[] = [];
  const inherited = !Object.hasOwn(engine, '_applyMiddlewares');
  const { _applyMiddlewares } = engine;
  engine._applyMiddlewares = (_, response) => {
    if (response instanceof EventEmitter) response.on('close', () => told.push('close'));
  };
  try {
    engine.handleUpgrade({ _query: {}, headers: {} }, socket, Buffer.alloc(0));
    const only = socket.eventNames().length === 1 && socket.listenerCount('close') === 1;
    socket.emit('close');
    return only && told.length === 1;
  } catch {
    return false;
  } finally {
    if (inherited) Reflect.deleteProperty(engine, '_applyMiddlewares');
    else engine._applyMiddlewares = _applyMiddlewares;
  }
}

function watchFarewells(engine: IdleEngine): void {
  const { _applyMiddlewares } = engine;
  engine._applyMiddlewares = (request, response, done) => {
    // Right here it is the last one that was added.
    if (!(response instanceof ServerResponse)) noteFarewell(response as UpgradeResponse, engine.middlewares);
    _applyMiddlewares.call(engine, request, response, done);
  };
}

function noteFarewell(response: UpgradeResponse, middlewares: readonly unknown[] | undefined): void {
  const { socket } = response;
  const listener = socket?.rawListeners('close').at(-1) as (() => void) | undefined;
  if (listener === undefined) return;
  // Without middleware nobody gets to see the response.
  if (middlewares?.length === 0) socket.removeListener('close', listener);
  else socket[FAREWELL] = { response, listener };
}

function dropFarewell(stream: Stream): void {
  const farewell = stream[FAREWELL];
  if (farewell === undefined) return;
  stream[FAREWELL] = undefined;
  if (farewell.response.eventNames().length === 0) stream.removeListener('close', farewell.listener);
}

/** Of a WebSocket: engine.io listens to errors until there is a transport, and forgets to stop, which keeps the request. */
function dropPlaceholder(socket: EventEmitter): void {
  if (socket.listenerCount('error') < 2) return;
  const placeholder = socket.listeners('error').find(({ name }) => name === 'onUpgradeError');
  if (placeholder !== undefined) socket.removeListener('error', placeholder as () => void);
}

// What engine.io makes for each connection to listen to its transport, once for all of them.
function failed(this: EngineTransport, error: unknown): void {
  ownerOf(this)?.onError(error);
}
function ready(this: EngineTransport): void {
  ownerOf(this)?.flush();
}
function heard(this: EngineTransport, packet: unknown): void {
  ownerOf(this)?.onPacket(packet);
}
function drained(this: EngineTransport): void {
  ownerOf(this)?.onDrain();
}
function closed(this: EngineTransport, description?: unknown): void {
  ownerOf(this)?.onClose('transport close', description);
}
const SHARED = { error: failed, ready, packet: heard, drain: drained, close: closed };

/** The connection that a transport carries, and no longer one that has changed to another. */
function ownerOf(transport: EngineTransport): IdleConnection | undefined {
  const connection = transport[CONNECTION];
  return connection?.transport === transport ? connection : undefined;
}

function shareListeners(connection: IdleConnection): void {
  const { transport, cleanupFn } = connection;
  if (transport[CONNECTION] !== undefined || cleanupFn.length !== 1) return;
  cleanupFn[0]?.();
  connection.cleanupFn = [];
  // Of the headers of its answers to polls; a WebSocket gives none.
  transport.removeAllListeners('headers');
  transport[CONNECTION] = connection;
  for (const [event, listener] of Object.entries(SHARED)) transport.on(event, listener);
}

/** Whether a connection listens to its transport in just the way that is put in its place. */
function sharesAsExpected(connection: IdleConnection): boolean {
  const seen: unknown[][] = [];
  const note =
    (method: string) =>
    (...args: unknown[]) =>
      void seen.push([method, ...args]);
  const methods = ['onError', 'flush', 'onPacket', 'onDrain', 'onClose'] as const;
  const transport = new EventEmitter();
  const probe: IdleConnection = Object.create(Object.getPrototypeOf(connection));
  Object.assign(probe, { cleanupFn: [] }, Object.fromEntries(methods.map((method) => [method, note(method)])));
  try {
    for (const method of methods) if (typeof connection[method] !== 'function') return false;
    probe.setTransport(transport);
    const events = transport.eventNames().join();
    transport.emit('packet', 'a packet');
    transport.emit('drain');
    transport.emit('ready');
    probe.cleanupFn[0]?.();
    const left = transport.eventNames().length;
    probe.setTransport(transport);
    transport.emit('error', 'an error');
    transport.emit('close');
    return (
      events === 'error,ready,packet,drain,close' &&
      left === 0 &&
      JSON.stringify(seen) ===
        '[["onPacket","a packet"],["onDrain"],["flush"],["onError","an error"],["onClose","transport close"]]'
    );
  } catch {
    return false;
  }
}
