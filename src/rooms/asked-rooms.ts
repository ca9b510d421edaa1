import { isPromiseLike } from '../common/is-promise-like.js';

type Predicate = (room: string, index: number, rooms: string[]) => unknown;

const ASYNC_FILTER =
  'validateRoomFn: rooms.filter() expected a function that returns true or false, received one that returns a promise. ' +
  'A promise counts as true, so every room would be allowed. Write ' +
  'const allowed = await Promise.all(rooms.map(check)); return rooms.filter((_, i) => allowed[i]);';

/** The rooms for `validateRoomFn`. Their `filter` rejects an async function, which would allow every room. */
export function askedRooms(rooms: readonly string[]): string[] {
  return Object.defineProperty([...rooms], 'filter', { value: filter, configurable: true, writable: true });
}

function filter(this: string[], predicate: Predicate, self?: unknown): string[] {
  return Array.prototype.filter.call(this, (...args: Parameters<Predicate>) => {
    const answer = predicate.apply(self, args);
    if (!isPromiseLike(answer)) return answer;
    // Otherwise its rejection would be unhandled.
    answer.then(undefined, () => {});
    throw new TypeError(ASYNC_FILTER);
  });
}
