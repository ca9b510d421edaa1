import { Semaphore } from '../common/semaphore.js';

/** Calls of `validateRoomFn` that run for one client at a time; others wait for their turn. */
const MOST_GUARDS = 64;

/** Questions to other servers for one client at a time: they cost every server, and are all clients' to share. */
const MOST_QUESTIONS = 4;

/** What is pending of one client's requests about rooms. */
export class RoomWork {
  readonly guards = new Semaphore(MOST_GUARDS);
  readonly questions = new Semaphore(MOST_QUESTIONS);
  #names = 0;

  /** Names of rooms that are being decided on. They count until their request is settled, whatever a `leave` takes out. */
  get names(): number {
    return this.#names;
  }

  /** A request for so many names begins. Returns what is called once it is settled. */
  begin(names: number): () => void {
    this.#names += names;
    return () => {
      this.#names -= names;
    };
  }
}
