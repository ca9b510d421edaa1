import type { Adapter } from 'socket.io-adapter';
import type { Bus } from './backplane/bus.js';
import type { Instances } from './backplane/instances.js';

/** Makes the adapter of one namespace: what Socket.IO takes as `serverOptions.adapter`. */
export type AdapterFactory = (namespace: ConstructorParameters<typeof Adapter>[0]) => Adapter;

/** How instances act as one. It lives once: from its creation through `open` to `close`. */
export interface Backplane {
  /** For features that talk to other instances. Topics may be claimed before `open`; messages can be sent after it. */
  readonly bus: Bus;
  readonly instances: Instances;
  /**
   * Connects, trying again until `timeoutMs` has passed; then rejects with a `RoomgateError` of code `redis_unreachable` that
   * names host and port, leaving nothing open.
   */
  open(timeoutMs: number): Promise<void>;
  /** The factory for `io.adapter()`; undefined means Socket.IO's own adapter, in memory. Only after `open`. */
  adapterFactory(): AdapterFactory | undefined;
  /** The plain emitter on the third connection; undefined without Redis. Only after `open`. */
  emitter(): unknown;
  /** Says goodbye and quits. After `timeoutMs` it closes connections by force. Never rejects. Harmless when not open. */
  close(timeoutMs: number): Promise<void>;
}
