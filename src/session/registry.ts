import type { Session } from './session.js';

/** The sessions of this instance. The only owner of their map. */
export class Registry {
  readonly #sessions = new Map<string, Session>();

  /** The live map, as `getClients()` hands it out. */
  get sessions(): Map<string, Session> {
    return this.#sessions;
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session);
  }

  /** Only if it is this very session that stands there. */
  remove(session: Session): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }
}
