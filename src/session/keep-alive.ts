import type { Session } from './session.js';

/** Clients whose pings are due this close to each other are pinged together, so that thousands cost few timers. */
const LARGEST_SLACK_MS = 100;

/**
 * Calls `ping` for every authenticated client once per interval, with one timer for all. The interval is the same for all, so
 * the client that was pinged last is due last, and the order of the map is the order in which clients are due.
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
      // Deleted and set again, so that it moves to the end, where this loop finds it not yet due.
      this.#due.delete(session);
      this.#due.set(session, now + this.#intervalMs);
      dueNow.push(session);
    }
    this.#ping(dueNow);
  }
}
