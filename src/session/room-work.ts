import { Semaphore } from '../common/semaphore.js';

/** Calls of `validateRoomFn` that run for one client at a time; others wait in a queue. */
const MOST_GUARDS = 64;

/** Questions to other servers for one client at a time: each costs every server, and all clients share them. */
const MOST_QUESTIONS = 4;

/** A `join` on which there is no answer yet. */
export interface PendingJoin {
  /** Whether nobody took this room back meanwhile: the client by a `leave`, or the program. */
  has(room: string): boolean;
  /** The request is answered, or failed. */
  end(): void;
}

/** The pending requests of one client about rooms. */
export class RoomWork {
  readonly guards = new Semaphore(MOST_GUARDS);
  readonly questions = new Semaphore(MOST_QUESTIONS);
  readonly #joins = new Set<Set<string>>();
  #names = 0;

  /** Rooms that are being decided on. They count until their request ends, also those that were taken back. */
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

  /** No join that is pending grants this room. */
  takeBack(room: string): void {
    for (const wanted of this.#joins) wanted.delete(room);
  }
}
