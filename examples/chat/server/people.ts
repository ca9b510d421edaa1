import type { Redis } from 'ioredis';
import type { Person } from '../contract.js';
import { roomIdOf, userRoomName } from '../words.js';
import { lookAlike } from './lookalikes.js';
import { isAvailable } from './redis.js';
import { chatRoomsOf } from './rooms.js';
import type { ChatServer } from './types.js';

/** Changes within so many milliseconds are sent together. */
const SOON_MS = 100;

/** Milliseconds between two updates, so that a person who joins and leaves all the time costs one message a second at most. */
const PAUSE_MS = 1_000;

/** Most entries of one message. The rest comes with the next one. */
const MOST_CHANGES = 100;

/** A killed instance sends no event, so the list is also read this often, in milliseconds. */
const REFRESH_MS = 10_000;

const USER_ROOM = userRoomName('');

type Sockets = Awaited<ReturnType<ChatServer['fetchSockets']>>;

/**
 * The people who are online, on all instances. `fetchSockets()` lists the sockets of all instances. An instance calls it when
 * somebody comes, leaves or changes rooms, and asks the others to do the same. It sends its own clients the changes since the
 * last message.
 */
export class People {
  readonly #io: ChatServer;
  readonly #redis: Redis | undefined;
  /** The last list that was read. */
  #online: ReadonlyMap<string, Person> = new Map();
  /** The list that the clients of this instance have. */
  readonly #told = new Map<string, Person>();
  #soon: NodeJS.Timeout | undefined;
  #news = false;
  #lookedAt = 0;
  /** When the look began that found `#online`. */
  #foundAt = 0;

  constructor(io: ChatServer, redis: Redis | undefined) {
    this.#io = io;
    this.#redis = redis;
    const { adapter } = io.of('/');
    for (const event of ['join-room', 'leave-room']) {
      adapter.on(event, (room: string) => {
        if (roomIdOf(room) !== undefined || room.startsWith(USER_ROOM)) this.#lookSoon(true);
      });
    }
    io.on('people-changed', () => this.#lookSoon(false));
    redis?.on('change', () => this.#lookSoon(false));
    setInterval(() => this.#lookSoon(false), REFRESH_MS).unref();
  }

  /**
   * The sockets of all instances, or of this instance while Redis is unreachable.
   * @throws if another instance does not answer in time.
   */
  async sockets(): Promise<Sockets> {
    return this.#redis !== undefined && isAvailable(this.#redis)
      ? this.#io.fetchSockets()
      : this.#io.local.fetchSockets();
  }

  /** The list as it was sent last, so that the next changes fit it. */
  get online(): Person[] {
    return [...this.#told.values()];
  }

  isOnline(name: string): boolean {
    // The list does not contain people who came a moment ago.
    return this.#roomsHere.has(userRoomName(name)) || this.#online.has(name);
  }

  /** Whether somebody is online under another name that looks like this one. */
  isTaken(name: string): boolean {
    const users = [...this.#roomsHere.keys()].filter((room) => room.startsWith(USER_ROOM));
    const names = [...users.map((room) => room.slice(USER_ROOM.length)), ...this.#online.keys()];
    return names.some((other) => other !== name && lookAlike(other, name));
  }

  get #roomsHere(): ReadonlyMap<string, unknown> {
    return this.#io.of('/').adapter.rooms;
  }

  #lookSoon(isNews: boolean): void {
    this.#news ||= isNews;
    const wait = Math.max(SOON_MS, this.#lookedAt + PAUSE_MS - performance.now());
    this.#soon ??= setTimeout(() => void this.#look(), wait).unref();
  }

  async #look(): Promise<void> {
    const at = performance.now();
    this.#soon = undefined;
    this.#lookedAt = at;
    if (this.#news && this.#redis !== undefined) this.#io.serverSideEmit('people-changed');
    this.#news = false;
    // If an instance does not answer in time, the last list stays until the next look.
    const sockets = await this.sockets().catch(() => undefined);
    // If Redis or another instance hangs, a later look may finish first. Then this result is outdated.
    if (sockets === undefined || at < this.#foundAt) return;
    this.#foundAt = at;
    this.#online = byName(sockets);
    this.#tell();
  }

  #tell(): void {
    const gone = [...this.#told.keys()].filter((name) => !this.#online.has(name));
    const isNew = ({ name, rooms }: Person) => rooms.join() !== this.#told.get(name)?.rooms.join();
    const changed = [...this.#online.values()].filter(isNew);
    const left = gone.slice(0, MOST_CHANGES);
    const entered = changed.slice(0, MOST_CHANGES - left.length);
    if (left.length + entered.length === 0) return;
    for (const name of left) this.#told.delete(name);
    for (const person of entered) this.#told.set(person.name, person);
    this.#io.local.emit('presence', { changed: entered, gone: left });
    if (left.length + entered.length < gone.length + changed.length) this.#lookSoon(false);
  }
}

/** One entry for each name, even if that person has several windows. */
function byName(sockets: Sockets): Map<string, Person> {
  const people = new Map<string, Person>();
  for (const { data, rooms } of sockets) {
    // A socket has no name between its authentication and its welcome.
    const { name }: Partial<typeof data> = data;
    if (name === undefined) continue;
    const ofOtherWindows = people.get(name)?.rooms ?? [];
    people.set(name, { name, rooms: [...new Set([...ofOtherWindows, ...chatRoomsOf(rooms)])].sort() });
  }
  return people;
}
