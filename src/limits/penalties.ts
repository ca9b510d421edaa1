/** Who is refused: a user, or an address for clients without an identity. Never the address of a user, which others may share. */
export type Penalized = { readonly user: string } | { readonly address: string };

/** Penalties that are kept. The oldest is forgotten for a new one: an attacker with more users or addresses was not stopped by it anyway. */
const MOST = 10_000;

/** A client is refused for some time, by `performance.now()`. */
export interface Penalty {
  readonly since: number;
  readonly until: number;
}

/** Users and addresses of which this instance takes no clients for some time. */
export class Penalties {
  /** The oldest first. */
  readonly #penalties = new Map<string, Penalty>();

  /** From now on its clients are refused. A penalty that ends later stays. */
  add(who: Penalized, forMs: number): void {
    const key = keyOf(who);
    const now = performance.now();
    const known = this.find(who);
    this.#penalties.delete(key);
    this.#penalties.set(key, { since: known?.since ?? now, until: Math.max(known?.until ?? 0, now + forMs) });
    if (this.#penalties.size > MOST) this.#dropOne(now);
  }

  /** How long its clients are still refused, in milliseconds; 0 if they are not. */
  remainingMs(who: Penalized): number {
    const penalty = this.find(who);
    return penalty === undefined ? 0 : penalty.until - performance.now();
  }

  /** The penalty that applies now. */
  find(who: Penalized): Penalty | undefined {
    // Nearly always there is none, and this is asked for each new client.
    if (this.#penalties.size === 0) return undefined;
    const key = keyOf(who);
    const penalty = this.#penalties.get(key);
    if (penalty === undefined || penalty.until > performance.now()) return penalty;
    this.#penalties.delete(key);
    return undefined;
  }

  /** Drops all that are over, or else the oldest one. */
  #dropOne(now: number): void {
    for (const [key, { until }] of this.#penalties) if (until <= now) this.#penalties.delete(key);
    if (this.#penalties.size <= MOST) return;
    const [oldest] = this.#penalties.keys();
    if (oldest !== undefined) this.#penalties.delete(oldest);
  }
}

function keyOf(who: Penalized): string {
  return 'user' in who ? `user:${who.user}` : `address:${who.address}`;
}
