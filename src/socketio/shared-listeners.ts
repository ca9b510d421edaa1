import { EventEmitter } from 'node:events';
import type { EngineConnection, ListeningConnection } from './engine-types.js';

/*
 * engine.io makes six functions for each connection to listen to its transport, and one more to stop. Here five functions
 * listen for all connections. If engine.io kept a reference to the connection on the transport, this file could be deleted.
 */

const CONNECTION = Symbol('connection');

type ListenedTransport = ListeningConnection['transport'] & { [CONNECTION]?: ListeningConnection };

function onError(this: ListenedTransport, error: unknown): void {
  connectionOf(this)?.onError(error);
}
function onReady(this: ListenedTransport): void {
  connectionOf(this)?.flush();
}
function onPacket(this: ListenedTransport, packet: unknown): void {
  connectionOf(this)?.onPacket(packet);
}
function onDrain(this: ListenedTransport): void {
  connectionOf(this)?.onDrain();
}
function onClose(this: ListenedTransport, description?: unknown): void {
  connectionOf(this)?.onClose('transport close', description);
}
const SHARED = { error: onError, ready: onReady, packet: onPacket, drain: onDrain, close: onClose };

/** Undefined for a transport that its connection has left. */
function connectionOf(transport: ListenedTransport): ListeningConnection | undefined {
  const connection = transport[CONNECTION];
  return connection?.transport === transport ? connection : undefined;
}

/** Replaces the listeners of one connection. Requires `listensAsExpected()`. */
export function shareListeners(connection: ListeningConnection): void {
  const { cleanupFn, upgrading } = connection;
  const transport: ListenedTransport = connection.transport;
  if (upgrading || transport[CONNECTION] !== undefined || cleanupFn.length !== 1) return;
  cleanupFn[0]?.();
  connection.cleanupFn = [];
  transport[CONNECTION] = connection;
  for (const [event, listener] of Object.entries(SHARED)) transport.on(event, listener);
}

const METHODS = ['onError', 'flush', 'onPacket', 'onDrain', 'onClose'] as const;
const EXPECTED = '[["onPacket","a packet"],["onDrain"],["flush"],["onError","an error"],["onClose","transport close"]]';

/** Checks with a stand-in transport that a connection of this class listens to just these events, and does just this. */
export function listensAsExpected(connection: EngineConnection): connection is ListeningConnection {
  const calls: unknown[][] = [];
  const recorded = (method: string) => [method, (...args: unknown[]) => void calls.push([method, ...args])] as const;
  const probe: ListeningConnection = Object.create(Object.getPrototypeOf(connection));
  Object.assign(probe, { cleanupFn: [] }, Object.fromEntries(METHODS.map(recorded)));
  const transport = new EventEmitter();
  try {
    if (METHODS.some((method) => typeof connection[method] !== 'function')) return false;
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
    return events === 'error,ready,packet,drain,close' && left === 0 && JSON.stringify(calls) === EXPECTED;
  } catch {
    return false;
  }
}
