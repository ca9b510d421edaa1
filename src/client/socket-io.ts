import type { Manager, NodeWebSocket, Socket } from 'socket.io-client';
import { fieldsOf, hasMethods } from '../common/checks.js';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { BackOff } from './back-off.js';
import { EnginePackets, type SocketPacket } from './server-packets.js';

/*
 * All undocumented members of socket.io-client and engine.io-client that are used. If an update moves one, the function falls
 * back to Socket.IO's own behavior, and nothing throws. test/unit/client-private-members.test.ts fails then.
 */

/** The members of an engine, any of which an update may move. */
interface EngineView {
  readonly readyState?: string;
  readonly writeBuffer?: { readonly length: number };
  readonly transport?: {
    readonly writable?: boolean;
    close?(): unknown;
    once?(event: 'drain', done: () => void): unknown;
  };
  close(): unknown;
}

interface SocketView {
  readonly sendBuffer?: unknown[];
}

/** The state of the engine, which notices an end before the manager does. Fallback: the state of the manager. */
function stateOf(manager: Manager): string | undefined {
  const engine: EngineView | undefined = manager.engine;
  return engine?.readyState ?? manager._readyState;
}

export function isOpen(manager: Manager): boolean {
  return stateOf(manager) === 'open';
}

export function isOpenOrOpening(manager: Manager): boolean {
  return isOpen(manager) || stateOf(manager) === 'opening';
}

/** Whether packets wait for the transport. Fallback: none do. */
export function hasUnsent(manager: Manager): boolean {
  const engine: EngineView | undefined = manager.engine;
  return (engine?.writeBuffer?.length ?? 0) > 0;
}

/** Ends the connection like a lost network, so that Socket.IO reconnects. Fallback: the engine closes after its buffer is sent. */
export function cut(engine: EngineView | undefined): void {
  if (typeof engine?.transport?.close === 'function') engine.transport.close();
  else engine?.close();
}

/**
 * A closing engine sends its buffer first. This limits how long an otherwise idle Node.js process waits for that. Fallback:
 * it waits until its heartbeat fails.
 */
export function limitClosing(manager: Manager): void {
  const { engine } = manager;
  if (stateOf(manager) !== 'closing') return;
  const end = setTimeout(() => cut(engine), CLOSE_TIMEOUT_MS);
  engine.once('close', () => clearTimeout(end));
}

/**
 * Emits, unless the connection has ended. Until Socket.IO notices the end, it keeps events for the next connection, and would send them
 * before this client is authenticated there. They are removed here. Fallback: Socket.IO keeps them.
 */
export function emitNow(manager: Manager, socket: Socket, emit: () => void): boolean {
  if (!socket.connected || !isOpen(manager)) return false;
  const view: SocketView = socket;
  const kept = view.sendBuffer?.length;
  emit();
  return !view.sendBuffer?.splice(kept ?? 0).length;
}

/**
 * Returns a function that forgets the acknowledgement of the next event. Without it Socket.IO keeps the acknowledgement and its timer
 * until the timeout. Fallback: it does.
 */
export function forgetNextAnswer(socket: Socket): () => void {
  const { ids, acks } = fieldsOf(socket);
  const id = String(ids);
  return () => {
    if (!hasMethods(acks, [id])) return;
    const acknowledge = acks[id];
    Reflect.deleteProperty(acks, id);
    // Stops its timer.
    acknowledge?.(new Error('not awaited'));
  };
}

/**
 * Resolves once the present engine has sent its packets, or after a timeout. If the engine is closing, this includes its close: over
 * HTTP long polling that is one more request, which begins once the engine has closed. Fallback: that request is not awaited.
 */
export function sent(manager: Manager): Promise<void> {
  const { engine } = manager;
  const view: EngineView = engine;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const closed = (): void => {
      const { transport } = view;
      if (transport?.writable === false && typeof transport.once === 'function') transport.once('drain', done);
      else done();
    };
    if (stateOf(manager) === 'closing') engine.once('close', closed);
    else if (isOpen(manager) && hasUnsent(manager)) engine.once('drain', done);
    else closed();
  });
}

/** Checks each packet of a new engine before Engine.IO handles it. */
export function checkEnginePackets({ engine }: Manager): void {
  const view: EngineView = engine;
  const packets = new EnginePackets();
  engine.on('packet', (packet) => packets.check(packet, view.transport?.writable === false));
}

/** Drops unsound packets before sockets see them. Call it before a socket adds its listeners. */
export function onSocketPacket(manager: Manager, isSound: (packet: SocketPacket, namespace: string) => boolean): void {
  manager.on('packet', (packet) => {
    // No namespace has this name, so no socket handles the packet.
    if (!isSound(packet, packet.nsp)) packet.nsp = '';
  });
}

/** Replaces Socket.IO's back-off. Fallback: Socket.IO's own stays. */
export function installBackOff(manager: Manager, own: BackOff): void {
  const present: unknown = Reflect.get(manager, 'backoff');
  const isKnown = hasMethods(present, ['duration', 'reset', 'setMin', 'setMax', 'setJitter']);
  if (isKnown && typeof fieldsOf(present).attempts === 'number') Object.assign(manager, { backoff: own });
}

/**
 * A transport for Node.js that limits closing: `ws` keeps the process alive for 30 s if the peer does not answer its close frame.
 * Undefined if engine.io-client does not export its own. Fallback: the method is never called.
 */
export function boundedWebSocket(Base: typeof NodeWebSocket | undefined): typeof NodeWebSocket | undefined {
  if (Base === undefined) return undefined;
  return class extends Base {
    override createSocket(uri: string, protocols: string | string[] | undefined, options: object): unknown {
      return super.createSocket(uri, protocols, { ...options, closeTimeout: CLOSE_TIMEOUT_MS });
    }
  };
}

/** Makes an `Error` of any error of Engine.IO: one is a string, and one has its reason in `code`. */
export function asError(error: Error & { readonly code?: unknown }): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { message, code } = error;
  return message === 'server error' && typeof code === 'string' ? new Error(code, { cause: error }) : error;
}
