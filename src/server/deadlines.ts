import type { IConnection } from './ports.js';
import type { IDeadline, Session } from './session.js';

/**
 * The deadlines of all connections that are not authenticated. A deadline belongs to the connection, not to the socket:
 * leaving a namespace and coming back renews neither the time nor the attempt, and traffic doesn't either.
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

  /** The connection was authenticated, or is being ended. */
  stop(connection: IConnection): void {
    const deadline = this.#running.get(connection);
    if (deadline === undefined) return;
    clearTimeout(deadline.timer);
    this.#running.delete(connection);
  }

  /** The socket is gone without having been authenticated. Its connection keeps the deadline for as long as it stands. */
  outlive(connection: IConnection): void {
    const deadline = this.#running.get(connection);
    if (deadline === undefined) return;
    deadline.session = undefined;
    if (connection.readyState !== 'open') this.stop(connection);
    else if (!deadline.watched) connection.once('close', () => this.stop(connection));
    deadline.watched = true;
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
    const deadline: IDeadline = { timer, claimed: false, session: undefined, watched: false };
    this.#running.set(connection, deadline);
    return deadline;
  }
}
