import { wrongArgument } from '../common/checks.js';
import { namesIn, RejectedMessageError } from '../common/instance-messages.js';
import { checkFields, needRoom } from '../common/method-arguments.js';
import { type Scope, scopeOf } from '../common/scope.js';
import { type KnownWho, needWho, readWho } from '../common/who.js';
import type { Bus } from '../ports/backplane/bus.js';
import { isInternalRoom } from '../protocol/events.js';
import type { Registry } from '../session/registry.js';

/** The topic on which instances ask each other to put clients into rooms. */
const TOPIC = 'join';
const TIMEOUT_MS = 5_000;
const MOST_ROOMS = 1_000;
const FIELDS = ['user', 'session', 'id', 'rooms'];

export interface ProgramJoinsOptions {
  readonly bus: Bus;
  readonly registry: Registry;
}

/** Puts the clients of a user, a session or a socket id into rooms, on all instances: the program's decision, which no guard checks. */
export class ProgramJoins {
  readonly #options: ProgramJoinsOptions;

  /** Create it before the backplane opens, so that no instance waits for an answer. */
  constructor(options: ProgramJoinsOptions) {
    this.#options = options;
    options.bus.answer(TOPIC, async ({ who, rooms }) => {
      const known = readWho(who);
      if (known === undefined) throw new RejectedMessageError('a missing or invalid name of clients');
      await this.#join(
        known,
        namesIn(rooms, MOST_ROOMS).filter((room) => !isInternalRoom(room)),
      );
      return {};
    });
  }

  /** @throws RoomgateError `invalid_argument`. */
  async join(opts: Readonly<Record<string, unknown>>): Promise<Scope> {
    checkFields('joinRooms', opts, FIELDS);
    const who = needWho('joinRooms', opts);
    const rooms = checkedRooms(opts.rooms);
    const [answers] = await Promise.all([
      this.#options.bus.ask({
        topic: TOPIC,
        question: { who: { [who.kind]: who.name }, rooms },
        timeoutMs: TIMEOUT_MS,
        read: () => true,
      }),
      this.#join(who, rooms),
    ]);
    return scopeOf(answers);
  }

  async #join(who: KnownWho, rooms: readonly string[]): Promise<void> {
    if (rooms.length === 0) return;
    const named = this.#options.registry.sessionsOf(who);
    await Promise.all(named.filter((it) => it.authenticated).map(({ socket }) => socket.join([...rooms])));
  }
}

function checkedRooms(rooms: unknown): readonly string[] {
  if (!Array.isArray(rooms) || rooms.length === 0 || rooms.length > MOST_ROOMS) {
    throw wrongArgument('joinRooms', 'rooms', `an array of 1 to ${MOST_ROOMS} room names`, rooms);
  }
  // Not `map()`, which leaves out holes.
  return [...new Set(Array.from(rooms, (room: unknown, i) => needRoom('joinRooms', `rooms[${i}]`, room)))];
}
