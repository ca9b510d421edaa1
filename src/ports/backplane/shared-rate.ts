/** A rate that all instances together must not exceed. */
export interface SharedRateOptions {
  /** A name in the code, such as that of the limit. One name has one rate. */
  readonly name: string;
  /** Points of one key in `seconds`. A whole number. */
  readonly points: number;
  readonly seconds: number;
}

export interface RateState {
  /** For how many milliseconds the key has used up its points; 0 if it has not. */
  readonly waitMs: number;
  /** Whether all reachable instances count together. Otherwise this instance counted alone. */
  readonly isShared: boolean;
}

/**
 * Counts what the keys use on all instances, by the clock of the broker. The time of a key begins with its first use, and when
 * `seconds` have passed it has all of its points again.
 */
export interface SharedRate {
  /**
   * Adds to what a key has used, above the points too. A negative number takes back. Never rejects, and takes a second at most: while
   * the broker is unreachable, refuses or does not answer, this instance counts alone.
   */
  use(key: string, points: number): Promise<RateState>;
}
