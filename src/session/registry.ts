import type { IOSocket } from '../ports/socket.js';
import type { Wire } from '../ports/wire.js';
import type { Session } from './session.js';

/** The sessions of this instance. The only owner of their map. */
export class Registry {
  readonly #sessions = new Map<string, Session>();
  readonly #byConnection = new WeakMap<Wire, Session>();
  #isClosed = false;

  /** The live map, which `getClients()` returns. */
  get sessions(): Map<string, Session> {
    return this.#sessions;
  }

  /** The newest session of a connection, which may have ended. */
  of(connection: Wire): Session | undefined {
    return this.#byConnection.get(connection);
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** The authenticated sessions in a room of the adapter: none while there is no session. */
  *sessionsIn(room: string): Iterable<Session> {
    const [any] = this.#sessions.values();
    for (const id of any?.socket.nsp.adapter.rooms.get(room) ?? []) {
      const session = this.#sessions.get(id);
      if (session !== undefined) yield session;
    }
  }

  *socketsIn(room: string): Iterable<IOSocket> {
    for (const { socket } of this.sessionsIn(room)) yield socket;
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session);
    this.#byConnection.set(session.socket.conn, session);
  }

  /** Whether the instance is shutting down, so that no session begins. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends all sessions without telling their clients. Returns how many there were. */
  close(): number {
    this.#isClosed = true;
    const sessions = [...this.#sessions.values()];
    for (const session of sessions) {
      session.end();
      this.remove(session);
    }
    return sessions.length;
  }

  /** Removes a session, unless its id belongs to another one by now. */
  remove(session: Session): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }
}
