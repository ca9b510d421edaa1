import type { Wire } from '../ports/wire.js';
import type { Deadline, Session } from './session.js';

/**
 * The deadlines of all connections that are not authenticated. A deadline belongs to the connection, not to the socket: it
 * starts before there is a socket. Neither traffic, nor leaving a namespace and joining it again, renews the time or the
 * attempt.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #running = new Map<Wire, Deadline>();
  readonly #expired: (connection: Wire, session: Session | undefined) => void;

  constructor(timeoutMs: number, expired: (connection: Wire, session: Session | undefined) => void) {
    this.#timeoutMs = timeoutMs;
    this.#expired = expired;
  }

  /** The running deadline of a connection, or a new one. */
  of(connection: Wire): Deadline {
    return this.#running.get(connection) ?? this.#arm(connection);
  }

  /** The client of this session authenticated in time. */
  meet(session: Session): void {
    this.stop(session.socket.conn);
    session.meetDeadline();
  }

  /** The connection is being ended, or is gone. */
  stop(connection: Wire): void {
    const deadline = this.#running.get(connection);
    if (deadline === undefined) return;
    clearTimeout(deadline.timer);
    this.#running.delete(connection);
  }

  /** The connection is used for a namespace of the program. If it never joined `/`, its deadline is cleared. */
  spare(connection: Wire): void {
    if (this.#running.get(connection)?.used === false) this.stop(connection);
  }

  stopAll(): void {
    for (const { timer } of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
  }

  #arm(connection: Wire): Deadline {
    const timer = setTimeout(() => {
      this.#running.delete(connection);
      this.#expired(connection, deadline.session);
    }, this.#timeoutMs).unref();
    const deadline: Deadline = { timer, claimed: false, used: false, session: undefined };
    this.#running.set(connection, deadline);
    return deadline;
  }
}
