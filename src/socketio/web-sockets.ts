import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EngineTransport, EngineWebSocket } from './engine-types.js';
import { OPEN } from './ready-states.js';

/*
 * The WebSocket of a connection of either engine. Transports keep it in a private field. Limits of unauthenticated clients are
 * lifted on it, and its unread bytes count, so it must be found even if an update moves the field: then the patcher of the engine
 * notes each WebSocket by public members.
 */

/** WebSockets that were noted, by their wire or their transport. */
const noted = new WeakMap<object, EngineWebSocket[]>();

/** Notes the WebSocket of a wire or of a transport, for the case that the transport does not keep it in `socket`. */
export function noteWebSocket(owner: Wire | EngineTransport, webSocket: EngineWebSocket): void {
  noted.set(owner, [...(noted.get(owner) ?? []).filter(isOpen), webSocket]);
}

/** The WebSocket that a transport of this wire uses; undefined for polling. `transport`: by default, the present one. */
export function webSocketOf(
  wire: Wire,
  transport: EngineTransport | undefined = (wire as EngineConnection).transport,
): EngineWebSocket | undefined {
  if (transport?.socket !== undefined) return transport.socket;
  if (transport?.name !== 'websocket') return undefined;
  // The oldest open one: an engine closes further upgrades of the same connection immediately.
  return (noted.get(transport) ?? noted.get(wire))?.find(isOpen);
}

/** Bytes that were passed to the WebSocket of a wire and that its peer has not read. */
export function bufferedBytes(wire: Wire): number {
  const webSocket = webSocketOf(wire);
  return webSocket?.bufferedAmount ?? webSocket?.getBufferedAmount?.() ?? 0;
}

function isOpen({ readyState }: EngineWebSocket): boolean {
  return readyState === OPEN;
}
