import { type IPerson, roomIdOf, userRoomName } from '../words.js';
import type { RedisLink } from './redis.js';
import { chatRoomsOf } from './rooms.js';
import type { TChatServer } from './types.js';

/** Changes that come within this time are told together. */
const COALESCE_MS = 100;

/** An instance that died told nobody, so all look again this often. */
const REFRESH_MS = 10_000;

type TSockets = Awaited<ReturnType<TChatServer['fetchSockets']>>;

/**
 * Who is online, on all instances: Socket.IO knows, since each instance answers for its own sockets. Each looks when somebody
 * comes, goes or changes rooms, tells the others to look too, and tells its own clients what it saw.
 */
export class People {
  readonly #io: TChatServer;
  readonly #redis: RedisLink | undefined;
  #online: IPerson[] = [];
  #soon: NodeJS.Timeout | undefined;
  #news = false;
  #looks = 0;
  #told = 0;

  constructor(io: TChatServer, redis: RedisLink | undefined) {
    this.#io = io;
    this.#redis = redis;
    const { adapter } = io.of('/');
    for (const event of ['join-room', 'leave-room']) {
      adapter.on(event, (room: string) => {
        if (roomIdOf(room) !== undefined || room.startsWith(userRoomName(''))) this.#lookSoon(true);
      });
    }
    io.on('people-changed', () => this.#lookSoon(false));
    redis?.onChange(() => this.#lookSoon(false));
    setInterval(() => this.#lookSoon(false), REFRESH_MS).unref();
  }

  /** As it was seen last. */
  get online(): IPerson[] {
    return this.#online;
  }

  isOnline(name: string): boolean {
    // Who has come a moment ago is not in the list yet.
    const isHere = this.#io.of('/').adapter.rooms.has(userRoomName(name));
    return isHere || this.#online.some((person) => person.name === name);
  }

  #lookSoon(isNews: boolean): void {
    this.#news ||= isNews;
    this.#soon ??= setTimeout(() => void this.#look(), COALESCE_MS).unref();
  }

  async #look(): Promise<void> {
    this.#soon = undefined;
    if (this.#news && this.#redis !== undefined) this.#io.serverSideEmit('people-changed');
    this.#news = false;
    this.#looks += 1;
    const look = this.#looks;
    try {
      const online = byName(await everySocket(this.#io, this.#redis));
      // One that took long, since Redis or another instance hangs, says nothing after a later one.
      if (look > this.#told) this.#tell(online);
      this.#told = Math.max(look, this.#told);
    } catch {
      // An instance did not answer in time. What was seen last stands until the next look.
    }
  }

  #tell(online: IPerson[]): void {
    if (JSON.stringify(online) === JSON.stringify(this.#online)) return;
    this.#online = online;
    this.#io.local.emit('people', { people: online });
  }
}

/**
 * The sockets of all instances; while Redis is away those of this one.
 * @throws where another instance does not answer in time.
 */
export async function everySocket(io: TChatServer, redis: RedisLink | undefined): Promise<TSockets> {
  return redis?.available === true ? io.fetchSockets() : io.local.fetchSockets();
}

/** One entry for each name, however many windows that person has open. */
function byName(sockets: TSockets): IPerson[] {
  const rooms = new Map<string, Set<string>>();
  for (const socket of sockets) {
    // A socket between authentication and its welcome has no name yet.
    const { name } = socket.data as Partial<typeof socket.data>;
    if (name === undefined) continue;
    const known = rooms.get(name) ?? new Set();
    rooms.set(name, known);
    for (const room of chatRoomsOf(socket.rooms)) known.add(room);
  }
  return [...rooms]
    .map(([name, ids]) => ({ name, rooms: [...ids].sort() }))
    .sort((one, other) => one.name.localeCompare(other.name));
}
