import type { Session } from './session.js';

/** Clients whose pings are due this close to each other are pinged together, so that thousands cost few timers. */
const LARGEST_SLACK_MS = 100;

/**
 * Sends `ping` to every authenticated client once in an interval: one timer for all. As the interval is the same for
 * all, the client that was pinged last is due last, so the map's own order is the order in which they are due.
 */
export class KeepAlive {
  readonly #intervalMs: number;
  readonly #slackMs: number;
  readonly #ping: (sessions: readonly Session[]) => void;
  readonly #due = new Map<Session, number>();
  #timer: NodeJS.Timeout | undefined;

  /** `ping` must not throw. */
  constructor(intervalMs: number, ping: (sessions: readonly Session[]) => void) {
    this.#intervalMs = intervalMs;
    this.#ping = ping;
    this.#slackMs = Math.min(LARGEST_SLACK_MS, intervalMs / 10);
  }

  start(session: Session): void {
    this.#due.set(session, performance.now() + this.#intervalMs);
    this.#timer ??= this.#wake(this.#intervalMs);
  }

  stop(session: Session): void {
    this.#due.delete(session);
    if (this.#due.size === 0) this.stopAll();
  }

  stopAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due.clear();
  }

  #wake(afterMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#sweep(), afterMs).unref();
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = performance.now();
    const dueNow: Session[] = [];
    for (const [session, due] of this.#due) {
      if (due > now + this.#slackMs) {
        this.#timer = this.#wake(due - now);
        break;
      }
      // Taken out and put in again: to the end of the order, where this very loop meets it as not yet due.
      this.#due.delete(session);
      this.#due.set(session, now + this.#intervalMs);
      dueNow.push(session);
    }
    this.#ping(dueNow);
  }
}
