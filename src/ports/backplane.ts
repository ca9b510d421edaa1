import type { Adapter } from 'socket.io-adapter';

/** Makes the adapter of one namespace: what Socket.IO takes as `serverOptions.adapter`. */
export type AdapterFactory = (namespace: ConstructorParameters<typeof Adapter>[0]) => Adapter;

/** Where a socket id lives: on another instance, on none that lives, or nobody knows, as not every instance answered in time. */
export type IdOwner = 'elsewhere' | 'nowhere' | 'unanswered';

/** What this instance answers to the others. */
export interface BackplaneLocal {
  /** Whether a socket of this id, authenticated or not, is connected to this instance. */
  hasSocket(id: string): boolean;
}

/** How instances act as one. */
export interface Backplane {
  /**
   * Connects, trying again until `timeoutMs` has passed; then rejects with a `RoomgateError` of code
   * `redis_unreachable` that names host and port, leaving nothing open. May be called again after that.
   */
  open(local: BackplaneLocal, timeoutMs: number): Promise<void>;
  /** For `io.adapter()`; undefined means Socket.IO's own, in memory. Only after `open`. */
  adapterFactory(): AdapterFactory | undefined;
  /** The plain emitter on the third connection; undefined where there is no Redis. Only after `open`. */
  emitter(): unknown;
  /** Asks every living instance which of these socket ids it has. Never rejects; answers within `timeoutMs`. */
  findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>>;
  /** The number of other living instances, as of the last `findSockets`. */
  instances(): number;
  /** Says goodbye and quits; what has not ended within `timeoutMs` is cut. Never rejects. Harmless when not open. */
  close(timeoutMs: number): Promise<void>;
}
