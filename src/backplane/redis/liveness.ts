import { call } from './acl.js';
import { isForbidden, type RedisConnection } from './client.js';

/** Ticks without any message on the pattern, though Redis took our probes, after which the subscription is deaf. */
const DEAF_AFTER = 10;
/** Ticks without any answer to a ping, after which the connection is dead. */
const DEAD_AFTER = 10;

/**
 * Notices a subscriber's connection that does not answer (dead), or that answers and delivers nothing (deaf). Time is counted
 * in ticks of a second, since a program that held its event loop has not been waiting for Redis.
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

  /** For how long the pattern was silent, in ms. */
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

  /** Redis acknowledged a probe of ours: by now, or soon, it must arrive. */
  onProbeSent(): void {
    this.#probed = true;
  }

  /** Pings all the time, since no other command on this connection could go unanswered. */
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
