import { Semaphore } from '../common/semaphore.js';

/** Calls of `validateRoomFn` that run for one client at a time; others wait in a queue. */
const MOST_GUARDS = 64;

/** Questions to other servers for one client at a time, because each question costs work on every server. */
const MOST_QUESTIONS = 4;

/** A `join` that has no answer yet. */
export interface PendingJoin {
  /** False if a `leave` of the client or the program has withdrawn the room. */
  has(room: string): boolean;
  /** Call when the request is answered, or failed. */
  end(): void;
}

/** The pending requests of one client about rooms. */
export class RoomWork {
  readonly guards = new Semaphore(MOST_GUARDS);
  readonly questions = new Semaphore(MOST_QUESTIONS);
  readonly #joins = new Set<Set<string>>();
  #names = 0;

  /** The number of pending rooms. A room counts until its request ends, even if it was withdrawn. */
  get names(): number {
    return this.#names;
  }

  begin(rooms: readonly string[]): PendingJoin {
    const wanted = new Set(rooms);
    this.#joins.add(wanted);
    this.#names += rooms.length;
    const end = (): void => {
      if (this.#joins.delete(wanted)) this.#names -= rooms.length;
    };
    return { has: (room) => wanted.has(room), end };
  }

  /** From now on no pending join grants this room. */
  takeBack(room: string): void {
    for (const wanted of this.#joins) wanted.delete(room);
  }
}
