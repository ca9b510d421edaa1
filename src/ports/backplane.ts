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
   * Connects, trying again until `timeoutMs` has passed; then rejects with a `RoomgateError` that names what it could not reach,
   * leaving nothing open. The code of the error belongs to the backplane.
   */
  open(timeoutMs: number): Promise<void>;
  /** The factory for `io.adapter()`; undefined means Socket.IO's own adapter, in memory. Only after `open`. */
  adapterFactory(): AdapterFactory | undefined;
  /** The emitter for programs that use it directly; undefined if the backplane has none. Only after `open`. */
  emitter(): unknown;
  /**
   * Says goodbye to the other instances, and closes. After `timeoutMs` it closes connections by force. Never rejects. Harmless
   * when not open.
   */
  close(timeoutMs: number): Promise<void>;
}
