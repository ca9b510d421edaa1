import { CallCredit } from './call-credit.js';

/** Accepted clients minus failed calls, after which the outage has ended. */
const LEAD = 20;
/** An outage also ends this long after a client was accepted, if no call has failed since. */
const CALM_MS = 1_000;
/** Calls that may start without a success before them: this many at once, and this many in each second after that. */
const PROBES = { start: 0, base: 20, perSecond: 10 };
/** At most so many addresses are remembered. */
const MOST_ADDRESSES = 10_000;

/** `failed`: `authenticateFn` threw an error that is not about the credential, or did not settle in time. */
export type CallOutcome = 'accepted' | 'refused' | 'failed';

export interface OutageOptions {
  /** Addresses of the clients whose calls failed at last. */
  readonly addresses: Iterable<string>;
  /** Calls at a time. */
  readonly mostCalls: number;
  readonly ended: () => void;
}

/**
 * A time in which nearly all calls of `authenticateFn` fail. A few clients are tried, and each success lets twice as many through.
 *
 * Clients from addresses without a failed call have credit of their own, so that one peer whose credential makes `authenticateFn` throw
 * can't keep the others out. Behind a proxy that the program has not named all clients have one address; there such a peer costs the others some of
 * the probes.
 */
export class AuthenticationOutage {
  readonly since = performance.now();
  readonly #failing: CallCredit;
  readonly #others: CallCredit;
  readonly #addresses: Set<string>;
  readonly #ended: () => void;
  #lead = 0;
  #calm: NodeJS.Timeout | undefined;
  #calls = 0;
  #failed = 0;
  #turnedAway = 0;

  constructor({ addresses, mostCalls, ended }: OutageOptions) {
    this.#failing = new CallCredit({ ...PROBES, most: mostCalls });
    this.#others = new CallCredit({ ...PROBES, most: mostCalls });
    this.#addresses = new Set(addresses);
    this.#ended = ended;
  }

  /** Calls that settled, those of them that failed, and how often a client was turned away without a call. */
  get counts(): { readonly calls: number; readonly failed: number; readonly turnedAway: number } {
    return { calls: this.#calls, failed: this.#failed, turnedAway: this.#turnedAway };
  }

  /** Whether `authenticateFn` may be called for a client from this address. */
  tries(address: string, now: number): boolean {
    const isTried = this.#creditOf(address).take(now);
    if (!isTried) this.turnAway();
    return isTried;
  }

  turnAway(): void {
    this.#turnedAway += 1;
  }

  settled(address: string, outcome: CallOutcome, now: number): void {
    this.#calls += 1;
    if (outcome === 'failed') this.#fail(address);
    else if (outcome === 'accepted') this.#accept(address, now);
    // A refusal shows nothing: many programs check a part of the credential without their backend.
    else this.#creditOf(address).give(1, now);
  }

  stop(): void {
    clearTimeout(this.#calm);
  }

  #creditOf(address: string): CallCredit {
    return this.#addresses.has(address) ? this.#failing : this.#others;
  }

  #fail(address: string): void {
    this.#failed += 1;
    if (this.#addresses.size < MOST_ADDRESSES) this.#addresses.add(address);
    this.#lead = Math.max(0, this.#lead - 1);
    clearTimeout(this.#calm);
    this.#calm = undefined;
  }

  #accept(address: string, now: number): void {
    this.#creditOf(address).give(2, now);
    this.#lead += 1;
    if (this.#lead >= LEAD) this.#ended();
    else this.#calm ??= setTimeout(this.#ended, CALM_MS).unref();
  }
}
