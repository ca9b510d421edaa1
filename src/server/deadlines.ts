import type { IConnection } from './ports.js';
import type { IDeadline, Session } from './session.js';

/**
 * The deadlines of all connections that are not authenticated. A deadline belongs to the connection, not to the socket:
 * it starts before there is any, leaving a namespace and coming back renews neither the time nor the attempt, and traffic
 * doesn't either.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #running = new Map<IConnection, IDeadline>();
  readonly #expired: (connection: IConnection, session: Session | undefined) => void;

  constructor(timeoutMs: number, expired: (connection: IConnection, session: Session | undefined) => void) {
    this.#timeoutMs = timeoutMs;
    this.#expired = expired;
  }

  /** The deadline of a connection: the one that runs, or a new one. */
  of(connection: IConnection): IDeadline {
    return this.#running.get(connection) ?? this.#arm(connection);
  }

  /** The connection was authenticated, is being ended, or is gone. */
  stop(connection: IConnection): void {
    const deadline = this.#running.get(connection);
    if (deadline === undefined) return;
    clearTimeout(deadline.timer);
    this.#running.delete(connection);
  }

  /** The connection is used for a namespace of the program's own. Where that is all it is used for, it is left alone. */
  spare(connection: IConnection): void {
    if (this.#running.get(connection)?.used === false) this.stop(connection);
  }

  stopAll(): void {
    for (const { timer } of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
  }

  #arm(connection: IConnection): IDeadline {
    const timer = setTimeout(() => {
      this.#running.delete(connection);
      this.#expired(connection, deadline.session);
    }, this.#timeoutMs).unref();
    const deadline: IDeadline = { timer, claimed: false, used: false, session: undefined };
    this.#running.set(connection, deadline);
    return deadline;
  }
}
