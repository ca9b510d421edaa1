import { type Moment, thisMoment } from '../reach-tracker.js';
import { call } from './acl.js';
import { isForbidden, type RedisConnection } from './client.js';

/** The subscription is deaf after this many ticks without a message on the pattern, although Redis acknowledged probes. */
const DEAF_AFTER = 10;
/** The connection is dead after this many ticks without an answer to a ping. */
const DEAD_AFTER = 10;
/** The connection counts as silent after this many ticks without an answer to a ping. It may still recover. */
const SILENT_AFTER = 3;

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
  /** Counts messages on the pattern, and connections. */
  #patternEvents = 0;
  #heard: Moment = thisMoment();
  #heardPattern: Moment = this.#heard;

  constructor(onPingRefused: (error: unknown) => void) {
    this.#onPingRefused = onPingRefused;
  }

  /** The time without a message on the pattern, in ms. */
  get deafMs(): number {
    return this.#deafTicks * 1_000;
  }

  /**
   * The last moment at which this connection certainly worked. If it lacks a probe, it may have been deaf since the last message on the
   * pattern, although it answers, and although other channels work.
   */
  get heard(): Moment {
    return this.#probed ? this.#heardPattern : this.#heard;
  }

  /** A new connection is up. */
  restart(client: RedisConnection): void {
    this.#client = client;
    this.#silentTicks = 0;
    this.#pinging = false;
    this.#deafTicks = 0;
    this.#probed = false;
    this.#patternEvents += 1;
    this.#heard = thisMoment();
    this.#heardPattern = this.#heard;
  }

  /** A message arrived on a channel. */
  onMessage(): void {
    this.#silentTicks = 0;
    this.#heard = thisMoment();
  }

  /** A message arrived on the pattern. */
  onPatternMessage(): void {
    this.#deafTicks = 0;
    this.#probed = false;
    this.#patternEvents += 1;
    this.onMessage();
    this.#heardPattern = this.#heard;
  }

  /** A probe is sent. Call the result once Redis has acknowledged it: then the probe must arrive soon, or has arrived already. */
  beginProbe(): () => void {
    const before = this.#patternEvents;
    return () => {
      if (this.#patternEvents === before) this.#probed = true;
    };
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
      this.#heard = thisMoment();
    };
    call(client, 'ping').then(answered, (error: unknown) => {
      answered();
      if (isForbidden(error)) this.#onPingRefused(error);
    });
  }

  get isSilent(): boolean {
    return this.#silentTicks >= SILENT_AFTER;
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
