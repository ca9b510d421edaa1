import { ROOM_ERRORS, type TRoomErrorCode } from '../protocol/errors.js';
import { DEFAULT_LIMITS } from '../protocol/limits.js';
import type { IJoinAnswer, IRefusedRoom } from '../protocol/messages.js';

/** Refusals that may be another answer soon, without anybody doing anything. */
const PASSING: ReadonlySet<string> = new Set([
  'guard_failed',
  'cluster_unanswered',
  'timeout',
] satisfies TRoomErrorCode[]);

/** How many requests may be made of rooms that are asked for again. */
const REQUESTS_AGAIN = 16;

/** Asks the server for rooms; the answer says of each what became of it. */
type Ask = (rooms: readonly string[]) => Promise<IJoinAnswer>;

/**
 * The rooms that the program asked for and has not given back. After a reconnect the server knows nothing of them: they are
 * asked for again, through the same guard as ever.
 */
export class WantedRooms {
  readonly #wanted = new Set<string>();

  get isEmpty(): boolean {
    return this.#wanted.size === 0;
  }

  /** Returns those that were not wanted before. */
  want(rooms: readonly string[]): readonly string[] {
    const fresh = rooms.filter((room) => !this.#wanted.has(room));
    for (const room of fresh) this.#wanted.add(room);
    return fresh;
  }

  forget(rooms: readonly string[]): void {
    for (const room of rooms) this.#wanted.delete(room);
  }

  /** Forgets what asking again can't help. `fresh` are the rooms that were asked for with a request that was refused as a whole. */
  heed(refused: readonly IRefusedRoom[], fresh: readonly string[] = []): void {
    for (const { room, code } of refused) {
      const isFinal = !Object.hasOwn(ROOM_ERRORS, code) || !ROOM_ERRORS[code].retryable;
      if (isFinal) this.forget(room === '' ? fresh : [room]);
    }
  }

  /** Asks for all of them. */
  async ask(ask: Ask): Promise<IJoinAnswer> {
    return this.#askFor([...this.#wanted], ask);
  }

  /** Asks for some of them again, in several requests: a guard that fails over one room refuses all of its request. */
  async askAgain(rooms: readonly string[], ask: Ask): Promise<IJoinAnswer> {
    const wanted = rooms.filter((room) => this.#wanted.has(room));
    return this.#askFor(wanted, ask, Math.ceil(wanted.length / REQUESTS_AGAIN));
  }

  /** Those that were refused for a reason that passes, and are still wanted. */
  passing(refused: readonly IRefusedRoom[]): readonly string[] {
    return refused.filter(({ room, code }) => PASSING.has(code) && this.#wanted.has(room)).map(({ room }) => room);
  }

  /** In as many requests as the server's limits ask for. */
  async #askFor(
    rooms: readonly string[],
    ask: Ask,
    most: number = DEFAULT_LIMITS.roomsPerRequest,
  ): Promise<IJoinAnswer> {
    const step = Math.min(most, DEFAULT_LIMITS.roomsPerRequest);
    const answers: IJoinAnswer[] = [];
    for (let from = 0; from < rooms.length; from += step) {
      answers.push(await this.#askParted(rooms.slice(from, from + step), ask));
    }
    return merged(answers);
  }

  /** A server may take fewer rooms in a request than is usual. */
  async #askParted(rooms: readonly string[], ask: Ask): Promise<IJoinAnswer> {
    const answer = await ask(rooms);
    const isTooMany = answer.refused.some(({ room, code }) => room === '' && code === 'too_many_rooms');
    if (!isTooMany || rooms.length === 1) return answer;
    const middle = Math.ceil(rooms.length / 2);
    return merged([
      await this.#askParted(rooms.slice(0, middle), ask),
      await this.#askParted(rooms.slice(middle), ask),
    ]);
  }
}

function merged(answers: readonly IJoinAnswer[]): IJoinAnswer {
  return { joined: answers.flatMap(({ joined }) => joined), refused: answers.flatMap(({ refused }) => refused) };
}
