import type { IConnection } from './ports.js';
import type { Session } from './session.js';

interface IDeadline {
  readonly timer: NodeJS.Timeout;
  session: Session | undefined;
}

/**
 * The time that each connection has to authenticate. It belongs to the connection, not to the socket: leaving a
 * namespace and coming back renews nothing, and neither does traffic.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #running = new Map<IConnection, IDeadline>();
  readonly #expired: (connection: IConnection, session: Session | undefined) => void;

  constructor(timeoutMs: number, expired: (connection: IConnection, session: Session | undefined) => void) {
    this.#timeoutMs = timeoutMs;
    this.#expired = expired;
  }

  /** The timer under a connection: the one that runs, or a new one. */
  timerOf(connection: IConnection): NodeJS.Timeout {
    return (this.#running.get(connection) ?? this.#arm(connection)).timer;
  }

  /** It is this session that ends when the time of its connection is over. */
  bind(connection: IConnection, session: Session): void {
    const deadline = this.#running.get(connection);
    if (deadline !== undefined) deadline.session = session;
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
    if (connection.readyState === 'open') connection.once('close', () => this.stop(connection));
    else this.stop(connection);
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
    const deadline: IDeadline = { timer, session: undefined };
    this.#running.set(connection, deadline);
    return deadline;
  }
}
