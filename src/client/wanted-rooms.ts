import { ROOM_ERRORS, type TRoomErrorCode } from '../protocol/errors.js';
import { DEFAULT_LIMITS } from '../protocol/limits.js';
import type { IJoinAnswer, IRefusedRoom } from '../protocol/messages.js';

/** Codes of refusals that may pass soon by themselves. */
const PASSING: ReadonlySet<string> = new Set([
  'guard_failed',
  'cluster_unanswered',
  'timeout',
] satisfies TRoomErrorCode[]);

/** Into how many requests rooms may be divided when they are requested again. */
const REQUESTS_AGAIN = 16;

/** Requests rooms of the server. The answer lists each as joined or refused. */
type Ask = (rooms: readonly string[]) => Promise<IJoinAnswer>;

/**
 * The rooms that the program requested and has not left. After a reconnect the server does not know them, so they are requested
 * again, and `validateRoomFn` decides again.
 */
export class WantedRooms {
  readonly #wanted = new Set<string>();

  get isEmpty(): boolean {
    return this.#wanted.size === 0;
  }

  /** Adds wanted rooms. Returns those that were not wanted before. */
  want(rooms: readonly string[]): readonly string[] {
    const fresh = rooms.filter((room) => !this.#wanted.has(room));
    for (const room of fresh) this.#wanted.add(room);
    return fresh;
  }

  clear(): void {
    this.#wanted.clear();
  }

  forget(rooms: readonly string[]): void {
    for (const room of rooms) this.#wanted.delete(room);
  }

  /** Forgets rooms whose refusal is final. `fresh`: the new rooms of a request that was refused as a whole. */
  heed(refused: readonly IRefusedRoom[], fresh: readonly string[] = []): void {
    for (const { room, code, retry } of refused) {
      const isRetryable = isOwn(code) ? ROOM_ERRORS[code].retryable : retry === true;
      if (!isRetryable) this.forget(room === '' ? fresh : [room]);
    }
  }

  /** Requests all wanted rooms. */
  async ask(ask: Ask): Promise<IJoinAnswer> {
    return this.#askFor([...this.#wanted], ask);
  }

  /** Requests some of them again, in several requests, because a `validateRoomFn` that throws at one room refuses its whole request. */
  async askAgain(rooms: readonly string[], ask: Ask): Promise<IJoinAnswer> {
    const wanted = rooms.filter((room) => this.#wanted.has(room));
    return this.#askFor(wanted, ask, Math.ceil(wanted.length / REQUESTS_AGAIN));
  }

  /** The rooms that were refused for a temporary reason, and are still wanted. */
  passing(refused: readonly IRefusedRoom[]): readonly string[] {
    return refused
      .filter(({ room, code, retry }) => (PASSING.has(code) || retry === true) && this.#wanted.has(room))
      .map(({ room }) => room);
  }

  /** Divides the rooms into as many requests as the server's limits require. */
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

  /** For a server whose limit of rooms per request is lower than the default. */
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

/** Whether the code is one of the library. A program's own code may be retryable: `retry` says so. */
function isOwn(code: string): code is TRoomErrorCode {
  return Object.hasOwn(ROOM_ERRORS, code);
}

function merged(answers: readonly IJoinAnswer[]): IJoinAnswer {
  return { joined: answers.flatMap(({ joined }) => joined), refused: answers.flatMap(({ refused }) => refused) };
}
