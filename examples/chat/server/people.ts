import { type Person, roomIdOf, userRoomName } from '../words.js';
import { skeletonsOf } from './lookalikes.js';
import type { RedisLink } from './redis.js';
import { chatRoomsOf } from './rooms.js';
import type { ChatServer } from './types.js';

/** The first change after a quiet time is told this soon, with what changes meanwhile. */
const SOON_MS = 100;

/** The least time between two looks, so that one who goes in and out costs the others one message a second at most. */
const PAUSE_MS = 1_000;

/** How many entries one message has at most. The rest comes with the next one. */
const MOST_CHANGES = 100;

/** An instance that died told nobody, so all look again this often. */
const REFRESH_MS = 10_000;

const USER_ROOM = userRoomName('');

type Sockets = Awaited<ReturnType<ChatServer['fetchSockets']>>;
type PeopleByName = ReadonlyMap<string, Person>;

/**
 * Who is online, on all instances: Socket.IO knows, since each instance answers for its own sockets. Each looks when somebody
 * comes, goes or changes rooms, and tells the others to look too. Its own clients hear what changed since they were told last.
 */
export class People {
  readonly #io: ChatServer;
  readonly #redis: RedisLink | undefined;
  /** As it was seen last. */
  #online: PeopleByName = new Map();
  /** As the clients of this instance know it. */
  readonly #told = new Map<string, Person>();
  /** Names by their skeletons: of this instance at this moment, and of all instances as they were last seen. */
  readonly #here = new Map<string, string>();
  #everywhere: ReadonlyMap<string, string> = new Map();
  #soon: NodeJS.Timeout | undefined;
  #news = false;
  #lookedAt = 0;
  #looks = 0;
  #seen = 0;

  constructor(io: ChatServer, redis: RedisLink | undefined) {
    this.#io = io;
    this.#redis = redis;
    const { adapter } = io.of('/');
    adapter.on('create-room', (room: string) => this.#noteName(room, true));
    adapter.on('delete-room', (room: string) => this.#noteName(room, false));
    for (const event of ['join-room', 'leave-room']) {
      adapter.on(event, (room: string) => {
        if (roomIdOf(room) !== undefined || room.startsWith(USER_ROOM)) this.#lookSoon(true);
      });
    }
    io.on('people-changed', () => this.#lookSoon(false));
    redis?.onChange(() => this.#lookSoon(false));
    setInterval(() => this.#lookSoon(false), REFRESH_MS).unref();
  }

  /** As it was told last, so that what is told next fits. */
  get online(): Person[] {
    return [...this.#told.values()];
  }

  isOnline(name: string): boolean {
    // Who has come a moment ago is not in the list yet.
    return this.#io.of('/').adapter.rooms.has(userRoomName(name)) || this.#online.has(name);
  }

  /** Whether somebody is online under another name that looks like this one. */
  isTaken(name: string): boolean {
    return skeletonsOf(name).some((skeleton) => {
      const other = this.#here.get(skeleton) ?? this.#everywhere.get(skeleton);
      return other !== undefined && other !== name;
    });
  }

  #noteName(room: string, isHere: boolean): void {
    if (!room.startsWith(USER_ROOM)) return;
    const name = room.slice(USER_ROOM.length);
    for (const skeleton of skeletonsOf(name)) {
      if (isHere) this.#here.set(skeleton, name);
      else if (this.#here.get(skeleton) === name) this.#here.delete(skeleton);
    }
  }

  #lookSoon(isNews: boolean): void {
    this.#news ||= isNews;
    if (this.#soon !== undefined) return;
    const wait = Math.max(SOON_MS, this.#lookedAt + PAUSE_MS - performance.now());
    this.#soon = setTimeout(() => void this.#look(), wait).unref();
  }

  async #look(): Promise<void> {
    this.#soon = undefined;
    this.#lookedAt = performance.now();
    if (this.#news && this.#redis !== undefined) this.#io.serverSideEmit('people-changed');
    this.#news = false;
    this.#looks += 1;
    const look = this.#looks;
    try {
      const online = byName(await everySocket(this.#io, this.#redis));
      // One that took long, since Redis or another instance hangs, says nothing after a later one.
      if (look > this.#seen) this.#see(online);
      this.#seen = Math.max(look, this.#seen);
    } catch {
      // An instance did not answer in time. What was seen last stands until the next look.
    }
  }

  #see(online: PeopleByName): void {
    this.#online = online;
    this.#everywhere = new Map(
      [...online.keys()].flatMap((name) => skeletonsOf(name).map((skeleton) => [skeleton, name])),
    );
    this.#tell();
  }

  #tell(): void {
    const gone = [...this.#told.keys()].filter((name) => !this.#online.has(name));
    const changed = [...this.#online.values()].filter((person) => !isSame(person, this.#told.get(person.name)));
    const left = gone.slice(0, MOST_CHANGES);
    const entered = changed.slice(0, MOST_CHANGES - left.length);
    if (left.length + entered.length === 0) return;
    for (const name of left) this.#told.delete(name);
    for (const person of entered) this.#told.set(person.name, person);
    this.#io.local.emit('presence', { changed: entered, gone: left });
    if (left.length + entered.length < gone.length + changed.length) this.#lookSoon(false);
  }
}

function isSame(one: Person, other: Person | undefined): boolean {
  return other !== undefined && one.rooms.join() === other.rooms.join();
}

/**
 * The sockets of all instances; while Redis is away those of this one.
 * @throws where another instance does not answer in time.
 */
export async function everySocket(io: ChatServer, redis: RedisLink | undefined): Promise<Sockets> {
  return redis?.available === true ? io.fetchSockets() : io.local.fetchSockets();
}

/** One entry for each name, however many windows that person has open. */
function byName(sockets: Sockets): PeopleByName {
  const rooms = new Map<string, Set<string>>();
  for (const socket of sockets) {
    // A socket between authentication and its welcome has no name yet.
    const { name } = socket.data as Partial<typeof socket.data>;
    if (name === undefined) continue;
    const known = rooms.get(name) ?? new Set();
    rooms.set(name, known);
    for (const room of chatRoomsOf(socket.rooms)) known.add(room);
  }
  return new Map([...rooms].map(([name, ids]) => [name, { name, rooms: [...ids].sort() }]));
}
