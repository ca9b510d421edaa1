/** A change of another instance. */
export type InstanceChange = 'joined' | 'left' | 'expired';

/**
 * The living instances. Each holds a lease and renews it every 5 s. The broker ends the lease by its own clock 15 s after the last
 * renewal. An instance that shuts down releases its lease and says goodbye.
 */
export interface Instances {
  /** The id of this instance. No other one has it, not even the same process after a restart. */
  readonly id: string;
  /**
   * The other instances that count as alive, by the leases and messages that arrived here. It costs nothing and may be some seconds
   * old. While the broker is unreachable, entries disappear when their known leases end.
   */
  readonly others: readonly string[];
  /**
   * Asks the broker for the leases, and adds those of `others`. Rejects while the broker is unreachable, and while this instance has
   * no lease: then the other instances may not know this one.
   */
  list(): Promise<readonly string[]>;
  /**
   * `joined`: a new id was seen. `left`: the instance said goodbye. `expired`: its lease ended. It died, can't reach the
   * broker, or this process blocked its event loop. It may join again under the same id.
   */
  onChange(listener: (change: InstanceChange, id: string) => void): void;
}
