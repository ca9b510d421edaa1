import { createHash } from 'node:crypto';
import { describe } from '../common/describe.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import type { SharedFailures } from '../limits/shared-failures.js';
import type { AuthenticationKeyFn, IHandshake } from '../ports/options.js';
import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import type { ILimits } from '../protocol/limits.js';
import type { AttemptLane, AttemptOutcome, Entered, LimitedTimes } from './attempt-lane.js';
import { AttemptLanes } from './attempt-lanes.js';
import type { GateReport } from './reports.js';

/** Keys at addresses that were accepted lately, and are remembered. */
const MOST_ACCEPTED = 10_000;

export interface FailedAuthenticationsOptions {
  readonly limits: Pick<ILimits, 'failedAuthentications'>;
  readonly authenticateTimeout: number;
  readonly authenticationKey: AuthenticationKeyFn | undefined;
  /** The known address of a client. */
  readonly addressOf: (wire: Wire) => string | undefined;
  /** Counts the failures of keys over all instances; undefined: this instance counts its own. */
  readonly shared: SharedFailures | undefined;
  readonly report: Reporter<GateReport>;
}

export interface AttemptedBy {
  readonly client: string;
  readonly wire: Wire;
  readonly auth: IHandshake['auth'];
  /** Whether the attempt may wait for its turn. Otherwise it is refused. */
  readonly mayWait: boolean;
}

/** A lane that an attempt has entered. */
interface Place {
  readonly lanes: AttemptLanes;
  readonly name: string;
  readonly lane: AttemptLane;
}

/** An attempt that may go on. */
export interface Attempt {
  readonly client: string;
  readonly wire: Wire;
  /** Names its key and its known address; undefined unless it has both. */
  readonly pair: string | undefined;
  readonly places: readonly Place[];
}

/** An attempt that is refused without a call of `authenticateFn`, and the milliseconds after which it may come back. */
export interface RefusedAttempt {
  readonly after: number;
}

type Begun = Attempt | RefusedAttempt;

/**
 * Slows down guessing. After `limits.failedAuthentications` failures with no success between them
 *
 *   - one key from one known address: refused for 1 s, 2 s, ... up to 60 s after each further failure;
 *   - one key from everywhere, and one known address with whatever keys: one attempt at a time, with a pause after each failure. The
 *     others wait for their turn, so that the owner of the key gets in while somebody else guesses. An address that was accepted with the
 *     key before does not wait.
 */
export class FailedAuthentications {
  readonly #options: FailedAuthenticationsOptions;
  readonly #pairs: AttemptLanes;
  readonly #keys: AttemptLanes;
  readonly #addresses: AttemptLanes;
  /** The longest unused first. */
  readonly #accepted = new Set<string>();
  /** Clients that had to wait, with the lane that they wait for at the moment. */
  readonly #delayed = new Map<string, AttemptLane | undefined>();

  /** Undefined if any number of attempts may fail. */
  static of(options: FailedAuthenticationsOptions): FailedAuthentications | undefined {
    return Number.isFinite(options.limits.failedAuthentications) ? new FailedAuthentications(options) : undefined;
  }

  constructor(options: FailedAuthenticationsOptions) {
    this.#options = options;
    const { limits, authenticateTimeout: timeoutMs, report } = options;
    const most = limits.failedAuthentications;
    const ofAll = {
      most,
      timeoutMs,
      limited: (by: AttemptLane['kind']) => report({ type: 'authentications_limited', by, failed: most }),
    };
    this.#pairs = new AttemptLanes({ kind: 'key_and_address', ...ofAll });
    this.#keys = new AttemptLanes({ kind: 'key', ...ofAll });
    this.#addresses = new AttemptLanes({ kind: 'address', ...ofAll });
  }

  /** Asks whether an attempt may go on. No promise unless it has to wait. `settle()` ends it. */
  begin(by: AttemptedBy): Begun | Promise<Begun> {
    const { authenticationKey, addressOf } = this.#options;
    const { client, wire } = by;
    // Nearly always: nothing has failed, and nothing is asked.
    if (authenticationKey === undefined && this.#addresses.size === 0)
      return { client, wire, pair: undefined, places: [] };
    const address = addressOf(wire);
    const key = authenticationKey === undefined ? undefined : this.#keyOf(by, address, authenticationKey);
    const pair = key === undefined || address === undefined ? undefined : `${key} ${address}`;
    const places: Place[] = [];
    if (pair !== undefined) places.push(placeIn(this.#pairs, pair));
    if (pair === undefined || !this.#accepted.has(pair)) {
      if (address !== undefined && this.#addresses.find(address)) places.push(placeIn(this.#addresses, address));
      if (key !== undefined) places.push(placeIn(this.#keys, key));
    }
    return this.#enter({ client, wire, pair, places }, by.mayWait);
  }

  /** The attempt has settled. */
  settle({ client, wire, pair, places }: Attempt, outcome: AttemptOutcome): void {
    this.#delayed.delete(client);
    for (const place of places) {
      const { lane, lanes, name } = place;
      const { failures } = lane;
      lane.settle(outcome);
      lanes.settled(name, lane);
      this.#share(place, lane.failures - failures);
    }
    if (pair !== undefined && outcome === 'accepted') this.#remember(pair);
    if (outcome === 'none' || places.some(({ lanes }) => lanes === this.#addresses)) return;
    if (outcome === 'refused' || this.#addresses.size > 0) this.#learnOfAddress(wire, outcome);
  }

  /** Since when and until when attempts with a key wait or are refused, at some address or everywhere; undefined if none are. */
  limitOf(key: string): LimitedTimes | undefined {
    const name = nameOf(key);
    const lanes = [...this.#keys.limitedFrom(name), ...this.#pairs.limitedFrom(`${name} `)];
    const limits = lanes.map(({ limitedTimes }) => limitedTimes).filter((times) => times !== undefined);
    if (limits.length === 0) return undefined;
    return {
      since: Math.min(...limits.map(({ since }) => since)),
      until: Math.max(...limits.map(({ until }) => until)),
    };
  }

  /** Whether a client waits for its turn, or had to wait for it. */
  hasDelayed(client: string): boolean {
    return this.#delayed.has(client);
  }

  /** The client is gone. */
  giveUp(client: string): void {
    this.#delayed.get(client)?.giveUp(client);
    this.#delayed.delete(client);
  }

  /** Ends all waits and timers. */
  close(): void {
    for (const lanes of [this.#pairs, this.#keys, this.#addresses]) lanes.close();
    this.#delayed.clear();
  }

  /** In the order of the places, so that two attempts never wait for each other. */
  #enter(attempt: Attempt, mayWait: boolean): Begun | Promise<Begun> {
    for (const [index, { lane }] of attempt.places.entries()) {
      const entered = lane.enter(attempt.client, mayWait);
      if (isPromiseLike(entered)) return this.#await(attempt, index, entered);
      if (entered !== true) return this.#refuse(attempt, index, entered);
    }
    return attempt;
  }

  async #await(attempt: Attempt, first: number, entering: Promise<Entered>): Promise<Begun> {
    const { client, places } = attempt;
    let entered: Entered | Promise<Entered> = entering;
    for (const [index, { lane }] of [...places.entries()].slice(first)) {
      if (index > first) {
        // It left meanwhile.
        if (!this.#delayed.has(client)) return this.#refuse(attempt, index, 0);
        entered = lane.enter(client, true);
      }
      this.#delayed.set(client, lane);
      entered = await entered;
      if (entered !== true) return this.#refuse(attempt, index, entered);
    }
    if (this.#delayed.has(client)) this.#delayed.set(client, undefined);
    return attempt;
  }

  /** `refusing`: the index of the place that it did not get. */
  #refuse({ client, places }: Attempt, refusing: number, after: number): RefusedAttempt {
    for (const [index, { lane, lanes, name }] of places.entries()) {
      if (index < refusing) lane.settle('none');
      if (lane.isEmpty) lanes.settled(name, lane);
    }
    this.#delayed.delete(client);
    return { after };
  }

  /** Tells the other instances about failures of a key. Those of an address stay here: without them an attacker gains a few attempts. */
  #share({ lane, lanes, name }: Place, more: number): void {
    const { shared } = this.#options;
    if (shared === undefined || lane.kind === 'address') return;
    const both = `${lane.kind} ${name}`;
    if (more < 0) shared.takeBack(both, -more);
    if (more <= 0) return;
    shared.tell(both, () => {
      lane.limit();
      lanes.settled(name, lane);
    });
  }

  #learnOfAddress(wire: Wire, outcome: AttemptOutcome): void {
    const address = this.#options.addressOf(wire);
    if (address === undefined) return;
    const { lane, lanes, name } = placeIn(this.#addresses, address);
    lane.learn(outcome);
    lanes.settled(name, lane);
  }

  #remember(pair: string): void {
    this.#accepted.delete(pair);
    this.#accepted.add(pair);
    if (this.#accepted.size <= MOST_ACCEPTED) return;
    const [oldest] = this.#accepted;
    if (oldest !== undefined) this.#accepted.delete(oldest);
  }

  #keyOf({ client, auth }: AttemptedBy, address: string | undefined, of: AuthenticationKeyFn): string | undefined {
    try {
      const key: unknown = of({ auth, address });
      if (key === undefined || key === '') return undefined;
      if (typeof key === 'string') return nameOf(key);
      throw new TypeError(`authenticationKey: expected a string or undefined, received ${describe(key)}.`);
    } catch (error) {
      this.#options.report({ type: 'handler_failed', where: 'authenticationKey', client, error });
      return undefined;
    }
  }
}

/** Hashed, because the client chooses its length, and because it may be a name that nobody should find in memory. */
function nameOf(key: string): string {
  return createHash('sha256').update(key, 'utf16le').digest('base64url');
}

function placeIn(lanes: AttemptLanes, name: string): Place {
  return { lanes, name, lane: lanes.of(name) };
}
