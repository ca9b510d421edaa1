import { call } from './acl.js';
import { isForbidden, type RedisConnection } from './client.js';

/** The subscription is deaf after this many ticks without a message on the pattern, although Redis acknowledged probes. */
const DEAF_AFTER = 10;
/** The connection is dead after this many ticks without an answer to a ping. */
const DEAD_AFTER = 10;

/**
 * Detects a connection of the subscriber that does not answer (dead), or that answers and delivers nothing (deaf). Time is counted
 * in ticks of one second: while the program blocks its event loop, Redis can't be blamed.
 */
export class Liveness {
  readonly #onPingRefused: (error: unknown) => void;
  #client: RedisConnection | undefined;
  #silentTicks = 0;
  #pinging = false;
  #deafTicks = 0;
  #probed = false;

  constructor(onPingRefused: (error: unknown) => void) {
    this.#onPingRefused = onPingRefused;
  }

  /** The time without a message on the pattern, in ms. */
  get deafMs(): number {
    return this.#deafTicks * 1_000;
  }

  /** A new connection is up. */
  restart(client: RedisConnection): void {
    this.#client = client;
    this.#silentTicks = 0;
    this.#pinging = false;
    this.#deafTicks = 0;
    this.#probed = false;
  }

  /** A message arrived on a channel. */
  onMessage(): void {
    this.#silentTicks = 0;
  }

  /** A message arrived on the pattern. */
  onPatternMessage(): void {
    this.#silentTicks = 0;
    this.#deafTicks = 0;
    this.#probed = false;
  }

  /** Redis acknowledged a probe of this instance, so the probe must arrive soon. */
  onProbeSent(): void {
    this.#probed = true;
  }

  /** Pings at each tick, because this connection sends no other command whose reply could be missing. */
  ping(client: RedisConnection): void {
    this.#silentTicks += 1;
    if (this.#pinging) return;
    this.#pinging = true;
    const answered = () => {
      if (client !== this.#client) return;
      this.#pinging = false;
      this.#silentTicks = 0;
    };
    call(client, 'ping').then(answered, (error: unknown) => {
      answered();
      if (isForbidden(error)) this.#onPingRefused(error);
    });
  }

  get isDead(): boolean {
    return this.#silentTicks >= DEAD_AFTER;
  }

  /** Once a second. `expectsProbes`: probes are sent and can arrive. Returns whether the subscription is deaf. */
  checkDeaf(expectsProbes: boolean): boolean {
    this.#deafTicks = expectsProbes && this.#probed ? this.#deafTicks + 1 : 0;
    return this.#deafTicks >= DEAF_AFTER;
  }
}
