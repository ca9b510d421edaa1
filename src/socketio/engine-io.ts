import type { EngineTransport } from './engine-types.js';
import { GuardedWebSocket } from './ws.js';

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

/** The WebSocket with limits of a transport; undefined for polling, and if the program has a WebSocket server of its own. */
export function guardedSocketOf(transport: EngineTransport | undefined): GuardedWebSocket | undefined {
  return transport?.socket instanceof GuardedWebSocket ? transport.socket : undefined;
}

/** Makes engine.io give up the upgrade to this transport, as it does at any unexpected packet. */
export function giveUpUpgrade(transport: EngineTransport): void {
  transport.emit?.('packet', { type: 'noop' });
}
