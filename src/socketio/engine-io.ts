import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EngineTransport } from './engine-types.js';
import { GuardedWebSocket } from './guarded-web-socket.js';
import { webSocketOf } from './web-sockets.js';

/*
 * The private members of engine.io that set limits of peers. Each field is set only if it is there;
 * test/unit/private-members.test.ts shows what happens without it.
 */

/** Limits how long a closing polling transport waits for a poll that it can answer with the close packet. */
export function setCloseTimeout(polling: EngineTransport | undefined, closeTimeoutMs: number): void {
  if (polling?.name === 'polling' && typeof polling.closeTimeout === 'number') polling.closeTimeout = closeTimeoutMs;
}

/** Bounds the body of a POST of a polling transport. Returns the bound before; undefined if there is none to set. */
export function setLargestBody(polling: EngineTransport | undefined, mostBytes: number): number | undefined {
  if (polling?.name !== 'polling') return undefined;
  const { maxHttpBufferSize: own, opts } = polling;
  if (typeof own === 'number') polling.maxHttpBufferSize = mostBytes;
  // A copy, because transports may share one object of options.
  else if (typeof opts?.maxHttpBufferSize === 'number') polling.opts = { ...opts, maxHttpBufferSize: mostBytes };
  else return undefined;
  return own ?? opts?.maxHttpBufferSize;
}

/** The peer lives, although its answer to a ping has to wait. */
export function keepAlive(wire: Wire): void {
  const { pingTimeoutTimer }: EngineConnection = wire;
  pingTimeoutTimer?.refresh();
}

/** The WebSocket with limits of a transport; undefined for polling, and if the program has a WebSocket server of its own. */
export function guardedSocketOf(wire: Wire, transport: EngineTransport | undefined): GuardedWebSocket | undefined {
  const webSocket = transport === undefined ? undefined : webSocketOf(wire, transport);
  return webSocket instanceof GuardedWebSocket ? webSocket : undefined;
}

/**
 * Makes engine.io abandon the upgrade of a wire to this transport, as it does at any unexpected packet. If an update of engine.io
 * accepts that packet, the WebSocket is terminated: answers to more probes would be buffered for a peer that reads nothing.
 */
export function giveUpUpgrade(wire: Wire, transport: EngineTransport): void {
  transport.emit?.('packet', { type: 'noop' });
  const { transport: present }: EngineConnection = wire;
  const isGivenUp = transport.readyState === 'closing' || transport.readyState === 'closed';
  if (!isGivenUp && present !== transport) webSocketOf(wire, transport)?.terminate?.();
}
