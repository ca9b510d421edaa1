import { userRoom } from '../protocol/internal-rooms.js';
import type { Recheck } from '../rooms/recheck.js';
import type { Rechecked } from '../rooms/revalidation.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { RoomPerformer } from './room-performer.js';

/** Asks the guard again about clients of this instance that are in rooms, and acts on its verdicts. */
export class Rechecks {
  readonly #recheck: Recheck;
  readonly #registry: Registry;
  readonly #performer: RoomPerformer;

  constructor(recheck: Recheck, registry: Registry, performer: RoomPerformer) {
    this.#recheck = recheck;
    this.#registry = registry;
    this.#performer = performer;
  }

  /** All rooms of one client, such as after a renewal that changed its claims. Returns how many it has lost. */
  of(session: Session): Promise<number> {
    return this.#run([session], undefined);
  }

  /** The rooms of a user, or one room of all clients. Clients that only ask for the room are among them. */
  matching({ user, room }: Rechecked): Promise<number> {
    const sessions = user === undefined ? this.#registry.sessions.values() : this.#registry.sessionsIn(userRoom(user));
    return this.#run(sessions, room);
  }

  async #run(sessions: Iterable<Session>, room: string | undefined): Promise<number> {
    let left = 0;
    await this.#recheck.run(sessions, room, (session, verdict) => {
      left += verdict.lost.length;
      this.#performer.recheck(session, verdict);
    });
    return left;
  }
}
