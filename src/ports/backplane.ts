import type { Adapter } from 'socket.io-adapter';
import type { Bus } from './backplane/bus.js';
import type { Instances } from './backplane/instances.js';
import type { Ledger } from './backplane/ledger.js';
import type { Reach } from './backplane/reach.js';
import type { SharedRate, SharedRateOptions } from './backplane/shared-rate.js';

/** Makes the adapter of one namespace: what Socket.IO takes as `serverOptions.adapter`. */
export type AdapterFactory = (namespace: ConstructorParameters<typeof Adapter>[0]) => Adapter;

/** Connects the instances of a program. It is used once: created, opened and closed. */
export interface Backplane {
  /** For features that talk to other instances. Topics may be claimed before `open`; messages can be sent after it. */
  readonly bus: Bus;
  readonly instances: Instances;
  readonly ledger: Ledger;
  readonly reach: Reach;
  /**
   * Connects, and tries again until `timeoutMs` has passed. Then it rejects with a `RoomgateError` that names the address, and leaves
   * nothing open. Each backplane has its own error code.
   */
  open(timeoutMs: number): Promise<void>;
  /** Loads what it needs on the first call, so that a program without such a limit loads nothing. */
  createRate(options: SharedRateOptions): Promise<SharedRate>;
  /** The factory for `io.adapter()`; undefined means Socket.IO's own adapter, in memory. Only after `open`. */
  adapterFactory(): AdapterFactory | undefined;
  /** The emitter for programs that use it directly; undefined if the backplane has none. Only after `open`. */
  emitter(): unknown;
  /**
   * Says goodbye to the other instances, and closes. After `timeoutMs` it closes connections by force. Never rejects. Does nothing if
   * it is not open.
   */
  close(timeoutMs: number): Promise<void>;
}
