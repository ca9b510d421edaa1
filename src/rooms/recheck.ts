import { textOfClaims } from '../common/claims.js';
import { Semaphore } from '../common/semaphore.js';
import type { KnownIdentity } from '../ports/identity.js';
import { type IRefusedRoom, refuseRoom } from '../protocol/messages.js';
import type { Session } from '../session/session.js';
import type { Guard, GuardAnswer } from './guard.js';

/** Calls of `validateRoomFn` at a time for one recheck, so that a room of thousands is no attack on the program's database. */
const MOST_AT_A_TIME = 256;

export interface RecheckOptions {
  readonly guard: Guard | undefined;
  /** Whether clients leave the rooms on which the guard fails to decide. */
  readonly onFailure: 'leave' | 'keep';
}

/** The new decision on rooms that a client is in. */
export interface RecheckVerdict {
  readonly lost: readonly IRefusedRoom[];
  /** The rooms that are granted again, with the moment at which the grant ends; infinite if it does not end by itself. */
  readonly kept: ReadonlyMap<string, number>;
}

/** Clients for which one call of the guard decides. */
interface Group {
  readonly rooms: readonly string[];
  readonly sessions: Session[];
}

/**
 * Asks the guard again about rooms that clients are in because it granted them. Clients of one user in the same rooms share a call.
 *
 * The last verdict wins. A pending `join` whose guard was asked before the recheck asks it again, and so does one that is pending when
 * the recheck refuses its room. A room that the client left meanwhile is not touched.
 */
export class Recheck {
  readonly #options: RecheckOptions;
  #runs = 0;

  constructor(options: RecheckOptions) {
    this.#options = options;
  }

  /**
   * Calls `act` with the verdict of each client, in the tick in which its guard has decided. `room`: only this one. Rejects only if
   * `act` throws.
   */
  async run(
    sessions: Iterable<Session>,
    room: string | undefined,
    act: (session: Session, verdict: RecheckVerdict) => void,
  ): Promise<void> {
    const { guard } = this.#options;
    if (guard === undefined) return;
    const run = ++this.#runs;
    const places = new Semaphore(MOST_AT_A_TIME);
    const asking = groupsOf(sessions, room, run).map(async (group) => {
      await places.acquire();
      try {
        this.#decide(group, run, await ask(guard, group), act);
      } finally {
        places.release();
      }
    });
    await Promise.all(asking);
  }

  #decide(
    { rooms, sessions }: Group,
    run: number,
    answer: GuardAnswer,
    act: (session: Session, verdict: RecheckVerdict) => void,
  ): void {
    if (typeof answer === 'string' && this.#options.onFailure === 'keep') return;
    for (const session of sessions) {
      if (session.ended) continue;
      const lost: IRefusedRoom[] = [];
      const kept = new Map<string, number>();
      for (const room of rooms) {
        const decision = typeof answer === 'string' ? refuseRoom(room, answer) : answer.get(room);
        if (typeof decision !== 'number') session.outdate(room);
        if (!session.roomWork.isGuarded(room)) continue;
        if (typeof decision !== 'number') lost.push(decision ?? refuseRoom(room, 'not_allowed'));
        else if (session.roomWork.isLastRecheck(room, run)) kept.set(room, decision);
      }
      if (lost.length + kept.size > 0) act(session, { lost, kept });
    }
  }
}

/** Begins the recheck of these clients: from now on no older verdict counts for their pending requests. */
function groupsOf(sessions: Iterable<Session>, room: string | undefined, run: number): readonly Group[] {
  const groups = new Map<unknown, Group>();
  for (const session of sessions) {
    if (session.ended) continue;
    session.outdate(room);
    const rooms = session.guardedRooms(room);
    if (rooms.length === 0) continue;
    for (const each of rooms) session.roomWork.recheckBegan(each, run);
    const key = keyOf(session.identity, rooms) ?? session;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { rooms, sessions: [session] });
    else group.sessions.push(session);
  }
  return [...groups.values()];
}

/** Equal for clients about which a guard decides the same; undefined for a client that is asked about alone. */
function keyOf(identity: KnownIdentity | undefined, rooms: readonly string[]): string | undefined {
  const claims = identity === undefined ? undefined : textOfClaims(identity.claims);
  return claims === undefined ? undefined : JSON.stringify([identity?.user, claims, [...rooms].sort()]);
}

/** Asks with one of the clients. If it leaves meanwhile, another one is asked with: the guard may have given up because of that. */
async function ask(guard: Guard, { rooms, sessions }: Group): Promise<GuardAnswer> {
  for (const session of sessions) {
    const answer = await guard.askAgain(session, rooms);
    if (typeof answer !== 'string' || !session.ended) return answer;
  }
  return 'left';
}
