/**
 * Whether messages of other instances arrive here. An instance that only can't send is not away.
 *
 * An instance is away when its connection is lost, when the broker has not answered for 3 s, and when the connection is found deaf,
 * at most 16 s after it became deaf. It is back once the ledger was read, before anything is delivered.
 */
export interface Reach {
  /**
   * The value of `performance.now()` when this instance certainly heard the broker for the last time, which is earlier than the moment at
   * which the loss was noticed. Undefined while it is not away, before it was open, and after it was closed.
   */
  readonly awaySince: number | undefined;
  /**
   * How long it has been away, in milliseconds, by the clock that advanced more: the monotonic one may stand still while the machine
   * sleeps. 0 if it is not away.
   */
  readonly awayMs: number;
  /** Called when `awaySince` becomes defined or undefined, except by `close`. */
  onChange(listener: (isAway: boolean) => void): void;
}
