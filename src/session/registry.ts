import { type KnownWho, roomOf } from '../common/who.js';
import type { Wire } from '../ports/wire.js';
import { KnownClients, type RoomEvent } from './known-clients.js';
import type { Session } from './session.js';

/** The sessions of this instance. The only owner of their map. */
export class Registry {
  readonly #sessions = new Map<string, Session>();
  readonly #byConnection = new WeakMap<Wire, Session>();
  readonly #known = new KnownClients();
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

  /** Finds the clients that a room of a user or session stands for. */
  readonly findClients = (room: string): Set<string> | undefined => this.#known.find(room);

  /** Calls `listener` when a room of a user or session has its first client, and when it has lost its last one. */
  onClientRoom(listener: (event: RoomEvent, room: string) => void): void {
    this.#known.onRoom = listener;
  }

  /** The client was authenticated: from now on messages to its user and session reach it. */
  know(session: Session): void {
    this.#known.add(session);
  }

  /** How many authenticated clients a user has. */
  readonly countOf = (user: string): number => this.#known.count(user);

  /** The authenticated sessions that a room of a user or session stands for. */
  *sessionsIn(room: string): Iterable<Session> {
    // Copied, because the caller may end them.
    for (const id of [...(this.#known.find(room) ?? [])]) {
      const session = this.#sessions.get(id);
      if (session !== undefined) yield session;
    }
  }

  /** The sessions of a user or a session, which are authenticated, or the one with a socket id, which may not be. */
  sessionsOf(who: KnownWho): readonly Session[] {
    if (who.kind !== 'id') return [...this.sessionsIn(roomOf(who))];
    const session = this.#sessions.get(who.name);
    return session === undefined ? [] : [session];
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
    this.#known.remove(session);
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }
}
