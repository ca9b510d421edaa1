import type { Manager, NodeWebSocket, Socket } from 'socket.io-client';
import { fieldsOf, hasMethods } from '../common/checks.js';
import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { BackOff } from './back-off.js';
import { EnginePackets, type SocketPacket } from './server-packets.js';

/*
 * Everything of socket.io-client and engine.io-client that is used and not documented. If an update moves a member, the part
 * falls back to what Socket.IO does by itself, and nothing throws. test/unit/client-private-members.test.ts fails then.
 */

/** The members of an engine, any of which an update may move. */
interface EngineView {
  readonly readyState?: string;
  readonly writeBuffer?: { readonly length: number };
  readonly transport?: { readonly writable?: boolean; close?(): unknown };
  close(): unknown;
}

interface SocketView {
  readonly sendBuffer?: unknown[];
}

/** The engine knows of an end before the Manager does, whose word is the fallback. */
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

/** Ends the connection as if the network had, so that Socket.IO reconnects. Fallback: once what was written is sent. */
export function cut(engine: EngineView | undefined): void {
  if (typeof engine?.transport?.close === 'function') engine.transport.close();
  else engine?.close();
}

/**
 * A closing engine sends what was written first. A Node.js process with nothing else to do waits for that, but not until its heartbeat
 * fails. Fallback: it waits that long.
 */
export function limitClosing(manager: Manager): void {
  const { engine } = manager;
  if (stateOf(manager) !== 'closing') return;
  const end = setTimeout(() => cut(engine), CLOSE_TIMEOUT_MS);
  engine.once('close', () => clearTimeout(end));
}

/**
 * Emits, unless the connection has ended. Between that and the moment when Socket.IO notices, Socket.IO keeps events for the next connection, and
 * sends them before this client is authenticated there. They are taken back here. Fallback: Socket.IO keeps them.
 */
export function emitNow(manager: Manager, socket: Socket, emit: () => void): boolean {
  if (!socket.connected || !isOpen(manager)) return false;
  const view: SocketView = socket;
  const kept = view.sendBuffer?.length;
  emit();
  return !view.sendBuffer?.splice(kept ?? 0).length;
}

/** Checks each packet of a new engine before Engine.IO handles it. */
export function checkEnginePackets({ engine }: Manager): void {
  const view: EngineView = engine;
  const packets = new EnginePackets();
  engine.on('packet', (packet) => packets.check(packet, view.transport?.writable === false));
}

/** To be called before a socket listens, so that packets that are not `isSound` are dropped before sockets see them. */
export function onSocketPacket(manager: Manager, isSound: (packet: SocketPacket, namespace: string) => boolean): void {
  manager.on('packet', (packet) => {
    // There is no such namespace, so that no socket handles it.
    if (!isSound(packet, packet.nsp)) packet.nsp = '';
  });
}

/** Puts a back-off in the place of Socket.IO's own. Fallback: Socket.IO's stays. */
export function installBackOff(manager: Manager, own: BackOff): void {
  const present: unknown = Reflect.get(manager, 'backoff');
  const isKnown = hasMethods(present, ['duration', 'reset', 'setMin', 'setMax', 'setJitter']);
  if (isKnown && typeof fieldsOf(present).attempts === 'number') Object.assign(manager, { backoff: own });
}

/**
 * In Node.js: `ws` keeps the process for 30 s where the peer does not answer its closing frame. Undefined where socket.io-client does
 * not export its transports, which its CommonJS files don't. Fallback: this method is never called.
 */
export function boundedWebSocket(Base: typeof NodeWebSocket | undefined): typeof NodeWebSocket | undefined {
  if (Base === undefined) return undefined;
  return class extends Base {
    override createSocket(uri: string, protocols: string | string[] | undefined, options: object): unknown {
      return super.createSocket(uri, protocols, { ...options, closeTimeout: CLOSE_TIMEOUT_MS });
    }
  };
}

/** Engine.IO has one error that is a string, and one that keeps its reason in a code. */
export function asError(error: Error & { readonly code?: unknown }): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { message, code } = error;
  return message === 'server error' && typeof code === 'string' ? new Error(code, { cause: error }) : error;
}
