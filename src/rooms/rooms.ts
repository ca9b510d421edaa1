import { parseRoomsRequest } from '../common/parse-rooms-request.js';
import type { Reporter } from '../ports/reports.js';
import type { TRoomErrorCode } from '../protocol/errors.js';
import { isInternalRoom } from '../protocol/events.js';
import type { ILimits } from '../protocol/limits.js';
import { type IRefusedRoom, refuseRoom } from '../protocol/messages.js';
import { isPlainSocketId, isSocketId } from '../protocol/socket-ids.js';
import { isPast } from '../session/expiry.js';
import type { PendingJoin } from '../session/room-work.js';
import type { Session } from '../session/session.js';
import type { Guard } from './guard.js';
import type { RoomsReport } from './reports.js';
import type { RoomDecision } from './room-verdicts.js';
import type { IdOwner } from './socket-search.js';

/** Timeout of the question to other instances whether a name is the id of one of their sockets. */
const ASK_TIMEOUT_MS = 1_000;

/** Most questions of one client that wait. A later question would be answered too late. */
const MOST_WAITING_QUESTIONS = 64;
/** How often a guard is asked for one request, if its rooms are checked again meanwhile. */
const MOST_TRIES = 3;

export interface RoomsOptions {
  readonly limits: ILimits;
  readonly defaultRooms: readonly string[];
  /** Undefined if the program has none, so that every join is refused. */
  readonly guard: Guard | undefined;
  /** Whether the client's access to this room was withdrawn for some time. */
  readonly isBarred?: (session: Session, room: string) => boolean;
  /** Whether this instance has a socket of that id. */
  readonly hasSocket: (id: string) => boolean;
  /** Asks the other servers whether these names are ids of their sockets. Never rejects. */
  readonly findSockets: (ids: readonly string[], timeoutMs: number) => Promise<ReadonlyMap<string, IdOwner>>;
  readonly report: Reporter<RoomsReport>;
}

/** The decision on the rooms of one request. `granted` is empty if nothing may change. */
export interface RoomsVerdict {
  readonly granted: readonly string[];
  readonly refused: readonly IRefusedRoom[];
}

/** The decision on the rooms of a `join`. */
export interface JoinedRooms extends RoomsVerdict {
  /** When the grants end, in milliseconds since 1970, by room. Those of the other rooms do not end by themselves. */
  readonly ends: ReadonlyMap<string, number>;
  /** Refused rooms that the client is in because the guard granted them before. */
  readonly lost: readonly string[];
}

/** A decision on a `join`. Before the join is carried out, the client or the program can withdraw rooms. */
export interface JoinVerdict {
  /** The decision at this moment. Rooms whose request was withdrawn are refused. The first call counts. */
  claim(): JoinedRooms;
  /** Call when the join was carried out, or failed: its rooms are no longer pending. */
  end(): void;
}

/**
 * Decides which rooms a client may join and leave. It reads the rooms of a socket, and changes nothing about it. It records which
 * requests are pending in the session, because a decision takes time, and later requests depend on it.
 */
export class Rooms {
  readonly #options: RoomsOptions;
  #reportedMissing = false;

  constructor(options: RoomsOptions) {
    this.#options = options;
  }

  /** Decides on a `join`. A room is not granted if the client leaves it, or the program removes the client, before the decision. */
  async decideJoin(session: Session, payload: unknown): Promise<JoinVerdict> {
    const request = parseRoomsRequest(payload, this.#options.limits.roomsPerRequest);
    if ('refusal' in request) return refusal([request.refusal]);
    const refused = new Refusals();
    const fits = this.#allowance(session);
    const asked = refused.sift(request.rooms, (room) => this.#unfit(room) ?? this.#barred(session, room) ?? fits(room));
    if (asked.length === 0) return refusal(refused.list);

    const pending = session.roomWork.begin(asked);
    try {
      return joinVerdict(session, pending, await this.#askGuards(session, asked, refused, pending), refused);
    } catch (error) {
      pending.end();
      throw error;
    }
  }

  /** Decides on a `leave`. Never rejects. */
  async decideLeave(session: Session, payload: unknown): Promise<RoomsVerdict> {
    const request = parseRoomsRequest(payload, this.#options.limits.roomsPerRequest);
    if ('refusal' in request) return { granted: [], refused: [request.refusal] };
    const refused = new Refusals();
    const wanted = refused.sift(request.rooms, (room) => this.#unfit(room));
    for (const room of wanted) session.takeBack(room);
    // If the client is in a room that has the form of a socket id, the program put it there. It may be another client's room.
    const rooms = session.socket.rooms;
    const doubtful = wanted.filter((room) => isPlainSocketId(room) && rooms.has(room));
    const owners = await this.#owners(session, doubtful);
    return { granted: refused.sift(wanted, (room) => foreign(owners.get(room))), refused: refused.list };
  }

  /** Returns the decisions of the guard; the rooms that it was not asked about are refused here. */
  async #askGuards(
    session: Session,
    asked: readonly string[],
    refused: Refusals,
    pending: PendingJoin,
  ): Promise<ReadonlyMap<string, RoomDecision>> {
    const { guard } = this.#options;
    if (guard === undefined) {
      this.#reportMissing(session);
      refused.sift(asked, () => 'not_allowed');
      return new Map();
    }
    const doubtful = asked.filter((room) => isPlainSocketId(room));
    const owners = await this.#owners(session, doubtful);
    const own = refused.sift(asked, (room) => foreign(owners.get(room)));
    return own.length === 0 ? new Map() : askUntilCurrent(guard, session, own, pending);
  }

  /** Once: a program may leave it out on purpose. */
  #reportMissing({ id: client }: Session): void {
    if (!this.#reportedMissing) this.#options.report({ type: 'validate_room_fn_missing', client });
    this.#reportedMissing = true;
  }

  async #owners(session: Session, ids: readonly string[]): Promise<ReadonlyMap<string, IdOwner>> {
    if (ids.length === 0) return new Map();
    const deadline = performance.now() + ASK_TIMEOUT_MS;
    const { questions } = session.roomWork;
    if (questions.waiting >= MOST_WAITING_QUESTIONS) return new Map(ids.map((id) => [id, 'unanswered']));
    await questions.acquire();
    try {
      return await this.#options.findSockets(ids, Math.max(0, deadline - performance.now()));
    } finally {
      questions.release();
    }
  }

  #barred(session: Session, room: string): TRoomErrorCode | undefined {
    return this.#options.isBarred?.(session, room) === true ? 'revoked' : undefined;
  }

  #unfit(room: string): TRoomErrorCode | undefined {
    if (room === '') return 'invalid_name';
    if (room.length > this.#options.limits.roomNameLength) return 'name_too_long';
    if (isInternalRoom(room)) return 'reserved_name';
    if (isSocketId(room) || this.#options.hasSocket(room)) return 'socket_id';
    return undefined;
  }

  /** Returns a function that decides for one room after another whether it exceeds the client's limit, including pending requests. */
  #allowance(session: Session): (room: string) => TRoomErrorCode | undefined {
    const { rooms } = session.socket;
    const given = this.#options.defaultRooms.filter((room) => rooms.has(room)).length + 1;
    let pendingLeft = this.#options.limits.roomsPerClient - session.roomWork.names;
    let left = pendingLeft - (rooms.size - given);
    // A room that the client is in does not count again, but `validateRoomFn` is called for it again.
    const fits = (room: string) => pendingLeft-- > 0 && (rooms.has(room) || left-- > 0);
    return (room) => (fits(room) ? undefined : 'room_limit');
  }
}

/** Asks the guard. Rooms that are checked again meanwhile are asked about again, so that no verdict is older than that check. */
async function askUntilCurrent(
  guard: Guard,
  session: Session,
  rooms: readonly string[],
  pending: PendingJoin,
): Promise<ReadonlyMap<string, RoomDecision>> {
  const decisions = new Map<string, RoomDecision>();
  let open = rooms;
  for (let tries = 1; open.length > 0; tries++) {
    pending.asks(open);
    const answer = await guard.ask(session, open);
    for (const room of open) {
      const decision = typeof answer === 'string' ? refuseRoom(room, answer) : answer.get(room);
      decisions.set(room, decision ?? refuseRoom(room, 'not_allowed'));
    }
    // What is out of date after the last try is refused when it is claimed.
    open = tries < MOST_TRIES ? open.filter((room) => pending.isOutdated(room)) : [];
  }
  return decisions;
}

function joinVerdict(
  session: Session,
  pending: PendingJoin,
  decisions: ReadonlyMap<string, RoomDecision>,
  refused: Refusals,
): JoinVerdict {
  let claimed: JoinedRooms | undefined;
  const decide = (): JoinedRooms => {
    const ends = new Map<string, number>();
    const lost: string[] = [];
    const granted = refused.sift(decisions.keys(), (room) => {
      const decision = refusedIfPast(room, decisions.get(room));
      if (!pending.has(room)) return 'left';
      if (pending.isOutdated(room)) return 'guard_failed';
      if (typeof decision === 'number') {
        if (decision !== Number.POSITIVE_INFINITY) ends.set(room, decision);
        return undefined;
      }
      if (decision?.code !== 'guard_failed' && session.guardedRooms(room).length > 0) lost.push(room);
      return decision;
    });
    return { granted, refused: refused.list, ends, lost };
  };
  const claim = (): JoinedRooms => {
    claimed ??= decide();
    return claimed;
  };
  return { claim, end: () => pending.end() };
}

/** The decision, or a refusal if the grant has ended: other rooms of the request may have taken longer. */
function refusedIfPast(room: string, decision: RoomDecision | undefined): RoomDecision | undefined {
  return typeof decision === 'number' && isPast(decision) ? refuseRoom(room, 'room_expired') : decision;
}

/** The verdict that grants no room. */
function refusal(refused: readonly IRefusedRoom[]): JoinVerdict {
  return { claim: () => ({ granted: [], refused, ends: new Map(), lost: [] }), end: () => {} };
}

function foreign(owner: IdOwner | undefined): TRoomErrorCode | undefined {
  if (owner === 'elsewhere') return 'socket_id';
  return owner === 'unanswered' ? 'cluster_unanswered' : undefined;
}

/** Collects what was refused, so that each step reads as a filter. */
class Refusals {
  readonly list: IRefusedRoom[] = [];

  /** Returns the rooms for which `why` has no code or refusal. The others are added to the refused rooms. */
  sift(rooms: Iterable<string>, why: (room: string) => TRoomErrorCode | IRefusedRoom | undefined): string[] {
    const kept: string[] = [];
    for (const room of rooms) {
      const reason = why(room);
      if (reason === undefined) kept.push(room);
      else this.list.push(typeof reason === 'string' ? refuseRoom(room, reason) : reason);
    }
    return kept;
  }
}
