import { Semaphore } from '../common/semaphore.js';
import { RoomgateError } from '../protocol/errors.js';

/** Questions to other servers for one client at a time, because each question costs work on every server. */
const MOST_QUESTIONS = 4;

interface Abortable {
  abort(reason: RoomgateError): void;
}

/** A grant that ends by itself. */
export interface Grant {
  /** Since when the client is in the room, in whole seconds of `performance.now()`. `RoomWork` sets it. */
  since: number;
  /** When it ends, in milliseconds since 1970. */
  readonly until: number;
  /** Forgets the moment at which it ends. */
  forget(): void;
}

/** A `join` that has no answer yet. */
export interface PendingJoin {
  /** False if a `leave` of the client or the program has withdrawn the room. */
  has(room: string): boolean;
  /** The guard is being asked about these rooms, so its verdict will be newer than everything so far. */
  asks(rooms: readonly string[]): void;
  /** Whether the room is being checked again, or lost that check, since the guard was asked: its verdict may be out of date. */
  isOutdated(room: string): boolean;
  /** Call when the request is answered, or failed. */
  end(): void;
}

/** The rooms of one client that a guard granted, and its pending requests about rooms. */
export class RoomWork {
  #guards: Semaphore | undefined;
  /** Calls of `validateRoomFn` that were given up and have not settled. */
  unsettledGuards = 0;
  #questions: Semaphore | undefined;
  /** Undefined if there are none: an empty set would take a sixth of what an idle client's rooms take. */
  #joins: Set<Join> | undefined;
  #names = 0;
  /**
   * By room: its grant if that ends by itself, or else only since when the client is in it. Whole seconds take no memory of their own
   * in a map.
   */
  readonly #guarded = new Map<string, Grant | number>();
  /** By room: the last recheck that has begun. */
  #rechecks: Map<string, number> | undefined;
  #signals: Set<Abortable> | undefined;
  #isEnded = false;

  /** Calls of `validateRoomFn` that run for this client, `most` at a time; others wait in a queue. */
  guards(most: number): Semaphore {
    this.#guards ??= new Semaphore(most);
    return this.#guards;
  }

  get questions(): Semaphore {
    this.#questions ??= new Semaphore(MOST_QUESTIONS);
    return this.#questions;
  }

  /** The number of pending rooms. A room counts until its request ends, even if it was withdrawn. */
  get names(): number {
    return this.#names;
  }

  begin(rooms: readonly string[]): PendingJoin {
    const join = new Join(rooms, () => {
      if (this.#joins?.delete(join) !== true) return;
      this.#names -= rooms.length;
      if (this.#joins.size === 0) this.#joins = undefined;
    });
    this.#joins ??= new Set();
    this.#joins.add(join);
    this.#names += rooms.length;
    return join;
  }

  /** From now on no pending join grants this room. */
  takeBack(room: string): void {
    for (const join of this.#joins ?? []) join.withdraw(room);
  }

  /** From now on no verdict of a guard that was asked before counts, for this room or for all. */
  outdate(room: string | undefined): void {
    for (const join of this.#joins ?? []) join.outdate(room);
  }

  /** The rooms that the client is in because a guard granted them, and not because the program put it there. */
  get guarded(): Iterable<string> {
    return this.#guarded.keys();
  }

  isGuarded(room: string): boolean {
    return this.#guarded.has(room);
  }

  /**
   * The client is in the room because a guard granted it. A `grant` that ends by itself is forgotten once that is over, or granted anew.
   * A recheck that is running asked the guard earlier, so it does not prolong the grant.
   */
  grant(room: string, grant?: Grant): void {
    this.#rechecks?.delete(room);
    const before = this.#guarded.get(room);
    forget(before);
    const since = sinceOf(before) ?? Math.floor(performance.now() / 1_000);
    if (grant !== undefined) grant.since = since;
    this.#guarded.set(room, grant ?? since);
  }

  /** Since when the client is in a room that a guard granted, by `performance.now()`, and until when; undefined for any other room. */
  grantOf(room: string): { readonly since: number; readonly until: number | undefined } | undefined {
    const grant = this.#guarded.get(room);
    const since = sinceOf(grant);
    if (since === undefined) return undefined;
    return { since: since * 1_000, until: typeof grant === 'object' ? grant.until : undefined };
  }

  /** The guard is being asked again about a room that the client is in. */
  recheckBegan(room: string, recheck: number): void {
    this.#rechecks ??= new Map();
    this.#rechecks.set(room, recheck);
  }

  /** Whether no other recheck of the room began after this one, and no guard granted it. */
  isLastRecheck(room: string, recheck: number): boolean {
    return this.#rechecks?.get(room) === recheck;
  }

  /** The client is not in the room. */
  left(room: string): void {
    this.#rechecks?.delete(room);
    forget(this.#guarded.get(room));
    this.#guarded.delete(room);
  }

  /** Aborts the signal when the client has left; immediately if it has. */
  abortAtEnd(signal: Abortable): void {
    if (this.#isEnded) signal.abort(gone());
    this.#signals ??= new Set();
    this.#signals.add(signal);
  }

  abortNot(signal: Abortable): void {
    this.#signals?.delete(signal);
  }

  /** The client has left. */
  end(): void {
    this.#isEnded = true;
    for (const grant of this.#guarded.values()) forget(grant);
    this.#guarded.clear();
    for (const signal of this.#signals ?? []) signal.abort(gone());
  }
}

function forget(grant: Grant | number | undefined): void {
  if (typeof grant === 'object') grant.forget();
}

function sinceOf(grant: Grant | number | undefined): number | undefined {
  return typeof grant === 'object' ? grant.since : grant;
}

function gone(): RoomgateError {
  return new RoomgateError('disconnected', 'The client has left.');
}

class Join implements PendingJoin {
  readonly #wanted: Set<string>;
  readonly end: () => void;
  #outdated: Set<string> | undefined;

  constructor(rooms: readonly string[], end: () => void) {
    this.#wanted = new Set(rooms);
    this.end = end;
  }

  has(room: string): boolean {
    return this.#wanted.has(room);
  }

  withdraw(room: string): void {
    this.#wanted.delete(room);
  }

  asks(rooms: readonly string[]): void {
    for (const room of rooms) this.#outdated?.delete(room);
  }

  isOutdated(room: string): boolean {
    return this.#outdated?.has(room) === true;
  }

  outdate(room: string | undefined): void {
    this.#outdated ??= new Set();
    for (const each of room === undefined ? this.#wanted : [room]) if (this.#wanted.has(each)) this.#outdated.add(each);
  }
}
