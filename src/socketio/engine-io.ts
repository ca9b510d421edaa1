import type { EngineTransport } from './engine-types.js';
import { GuardedWebSocket } from './ws.js';

/*
 * engine.io: what is private there and used for the limits of peers. Each field is set only where it is found; see the tests of
 * `socketio/` for what happens when an update moves it.
 */

/** Lets a polling transport wait no longer than that for the poll with which it says that it closes. */
export function setCloseTimeout(polling: EngineTransport | undefined, closeTimeoutMs: number): void {
  if (polling?.name === 'polling' && typeof polling.closeTimeout === 'number') polling.closeTimeout = closeTimeoutMs;
}

/** Bounds the body of a POST of a polling transport. Returns the bound before; undefined where there is none to set. */
export function setLargestBody(polling: EngineTransport | undefined, mostBytes: number): number | undefined {
  if (polling?.name !== 'polling') return undefined;
  const { maxHttpBufferSize: own, opts } = polling;
  if (typeof own === 'number') polling.maxHttpBufferSize = mostBytes;
  // A copy, because transports of a later release may share their options.
  else if (typeof opts?.maxHttpBufferSize === 'number') polling.opts = { ...opts, maxHttpBufferSize: mostBytes };
  else return undefined;
  return own ?? opts?.maxHttpBufferSize;
}

/** The WebSocket with limits under a transport; undefined under polling, and where the program has a WebSocket server of its own. */
export function guardedSocketOf(transport: EngineTransport | undefined): GuardedWebSocket | undefined {
  return transport?.socket instanceof GuardedWebSocket ? transport.socket : undefined;
}

/** Makes engine.io give up a change to this transport, as it does over any packet that does not belong there. */
export function giveUpUpgrade(transport: EngineTransport): void {
  transport.emit?.('packet', { type: 'noop' });
}
