/*
 * engine.io: what is private there and used for the limits of peers. Each field is set only where it is found; see the tests of
 * `socketio/` for what happens when an update moves it.
 */

/** A transport over polling. */
interface Polling {
  readonly name?: string;
  /** How long it waits for a poll with which it would tell that it closes, in milliseconds. */
  closeTimeout?: number;
  /** Bytes that the body of a POST may have. Since engine.io 6.6.13 it is one of the options. */
  maxHttpBufferSize?: number;
  opts?: { readonly maxHttpBufferSize?: number };
}

/** Lets a polling transport wait no longer than that for the poll with which it says that it closes. */
export function setCloseTimeout(transport: unknown, closeTimeoutMs: number): void {
  const polling = transport as Polling | undefined;
  if (polling?.name === 'polling' && typeof polling.closeTimeout === 'number') polling.closeTimeout = closeTimeoutMs;
}

/** Bounds the body of a POST of a polling transport. Returns the bound before; undefined where there is none to set. */
export function setLargestBody(transport: unknown, mostBytes: number): number | undefined {
  const polling = transport as Polling | undefined;
  if (polling?.name !== 'polling') return undefined;
  const { maxHttpBufferSize: own, opts } = polling;
  if (typeof own === 'number') polling.maxHttpBufferSize = mostBytes;
  // A copy, because transports of a later release may share their options.
  else if (typeof opts?.maxHttpBufferSize === 'number') polling.opts = { ...opts, maxHttpBufferSize: mostBytes };
  else return undefined;
  return own ?? opts?.maxHttpBufferSize;
}
