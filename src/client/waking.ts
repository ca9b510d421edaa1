import { SocketIOConstants } from '../protocol/events.js';
import type { AuthenticationState } from './authentication-state.js';
import type { Connection } from './connection.js';
import type { Renewal } from './renewal.js';
import { Timer } from './timer.js';

/** How long a live connection may take to carry any packet. With a new connection it is 2 s. */
const PROBE_MS = 1_500;
/** Events that wake a client often come together. */
const LEAST_INTERVAL_MS = 1_000;
/** A server that has never answered a probe may not know it, so its connection is not replaced more often. */
const DOUBTFUL_INTERVAL_MS = 60_000;

export interface WakingParts {
  readonly connection: Connection;
  readonly state: AuthenticationState;
  /** Undefined without a function for credentials. */
  readonly renewal: Renewal | undefined;
}

/**
 * After a sleep, a connection can be dead without any sign of it until its heartbeat fails, 45 s later. This asks the server, and
 * replaces a connection over which nothing comes.
 */
export class Waking {
  readonly #parts: WakingParts;
  readonly #timer = new Timer();
  #last = Number.NEGATIVE_INFINITY;
  #hasAnswered = false;
  #replacedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: WakingParts) {
    this.#parts = parts;
  }

  wake(): void {
    const { connection, state, renewal } = this.#parts;
    const now = Date.now();
    // The clock that counts while a machine sleeps; it may have been set back.
    if (this.#timer.isRunning || Math.abs(now - this.#last) < LEAST_INTERVAL_MS) return;
    this.#last = now;
    // Without a connection the next attempt begins now. Access that has ended meanwhile is not used.
    if (!connection.connected || renewal?.isOver === true) {
      if (connection.connected || connection.returning) connection.replace();
      return;
    }
    if (!state.authenticated) return;
    renewal?.catchUp();
    this.#probe();
  }

  /** Whether this client woke up a moment ago. */
  get isProbing(): boolean {
    return this.#timer.isRunning;
  }

  /** The client is authenticated: after a doubtful replacement, this finds out whether the server answers probes. */
  entered(): void {
    if (!this.#hasAnswered && this.#replacedAt > Number.NEGATIVE_INFINITY) this.#ask();
  }

  /** The connection has ended. */
  stop(): void {
    this.#timer.stop();
  }

  /** Any packet shows that the connection lives. */
  #probe(): void {
    const { connection } = this.#parts;
    const now = performance.now();
    const hasHeard = connection.listen();
    this.#ask();
    this.#timer.start(PROBE_MS, () => {
      if (hasHeard() || !connection.connected) return;
      if (!this.#hasAnswered && now - this.#replacedAt < DOUBTFUL_INTERVAL_MS) return;
      this.#replacedAt = now;
      connection.replace();
    });
  }

  /** Every version of the server answers a `leave` of no room. */
  #ask(): void {
    const answered = (): void => {
      this.#hasAnswered = true;
    };
    this.#parts.connection.ask(SocketIOConstants.EVENT_LEAVE, [{ rooms: [] }], PROBE_MS, answered);
  }
}
